// What a printer's status bytes mean: the table of Epson's ESC/POS Command Reference, and every byte beside it.
import { expect, test } from 'vitest';
import {
  fenceRequest,
  mergeStatus,
  parseFence,
  parseStatus,
} from '../../drivers/printer/status.ts';
import { asbRequest, clearRequest, parseAsb } from '../../drivers/printer/status.ts';
import { allWell, replyKind, statusRequest, statusTopics } from '../../drivers/printer/status.ts';
import { worstFault, type StatusTopic } from '../../drivers/printer/status.ts';

test('the requests are DLE EOT 1 to 4 and GS r 1', () => {
  expect(statusTopics.map((topic) => Buffer.from(statusRequest(topic)).toString('hex'))).toEqual([
    '100401',
    '100402',
    '100403',
    '100404',
  ]);
  expect(Buffer.from(fenceRequest).toString('hex')).toBe('1d7201');
});

const table: [StatusTopic, number, string][] = [
  [1, 0x12, ''],
  [1, 0x16, ''], // The drawer's pin says nothing about paper.
  [1, 0x1a, 'offline'],
  [2, 0x12, ''],
  [2, 0x16, 'coverOpen'],
  [2, 0x32, 'paperOut'],
  [2, 0x36, 'coverOpen paperOut'],
  [3, 0x12, ''],
  [3, 0x1a, 'cutterError'],
  [3, 0x32, 'error'],
  [3, 0x52, 'overheat'],
  [4, 0x12, ''],
  [4, 0x1e, 'paperLow'],
  [4, 0x72, 'paperOut'],
  [4, 0x7e, 'paperLow paperOut'],
];
test.each(table)('DLE EOT %i answered %i means "%s"', (topic, byte, meaning) => {
  const status = parseStatus(topic, byte) ?? allWell;
  const set = Object.entries(status).flatMap(([name, on]) => (on === true ? [name] : []));
  expect(set.sort()).toEqual(meaning.split(' ').filter(Boolean).sort());
});

test('every byte is one kind of answer, and only a status byte is read as status', () => {
  for (let byte = 0; byte < 256; byte++) {
    const kind = replyKind(byte);
    expect(parseFence(byte) !== undefined).toBe(kind === 'fence');
    for (const topic of statusTopics) {
      expect(parseStatus(topic, byte) !== undefined).toBe(kind === 'status');
    }
  }
  expect([0x11, 0x13, 0x37, 0x10, 0x0f, 0xff].map(replyKind)).toEqual([
    'flow',
    'flow',
    'clear',
    'asb',
    'fence',
    'noise',
  ]);
  expect(parseFence(0x0c)).toEqual({ ...allWell, paperOut: true });
  expect(parseFence(0x03)).toEqual({ ...allWell, paperLow: true });
});

const asbTable: [number[], string][] = [
  [[0x10, 0x00, 0x00, 0x0f], ''],
  [[0x14, 0x00, 0x03, 0x0f], 'paperLow'], // The drawer's pin says nothing about paper.
  [[0x18, 0x00, 0x0c, 0x0f], 'offline paperOut'],
  [[0x38, 0x00, 0x00, 0x0f], 'coverOpen offline'],
  [[0x18, 0x08, 0x00, 0x0f], 'cutterError offline'],
  [[0x10, 0x40, 0x00, 0x0f], 'overheat'],
  [[0x10, 0x20, 0x00, 0x0f], 'error'],
];
test.each(asbTable)('the automatic status %o means "%s"', (bytes, meaning) => {
  const set = Object.entries(parseAsb(bytes) ?? {}).flatMap(([name, on]) => (on ? [name] : []));
  expect(set.sort().join(' ')).toBe(meaning);
});

test('what is cut short, too long or has other fixed bits is no automatic status', () => {
  for (const bytes of [[], [0x10, 0, 0], [0x10, 0, 0, 0, 0], [0x12, 0, 0, 0], [0x10, 0, 0x80, 0]]) {
    expect(parseAsb(bytes)).toBeUndefined();
  }
});

test('the requests that are answered in their turn, and the one that empties the printer', () => {
  expect(Buffer.from(asbRequest).toString('hex')).toBe('1d610e1d6100');
  expect(Buffer.from(clearRequest).toString('hex')).toBe('10140801031401060208');
});

test('the worst fault is told first, and low paper is none', () => {
  const open = { ...allWell, coverOpen: true, offline: true };
  expect(worstFault(mergeStatus(open, { ...allWell, paperOut: true }))).toBe('cover-open');
  expect(worstFault({ ...allWell, paperOut: true, offline: true })).toBe('paper-out');
  expect(worstFault({ ...allWell, offline: true })).toBe('offline');
  expect(worstFault({ ...allWell, paperLow: true })).toBeUndefined();
});
