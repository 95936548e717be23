// Which machine this is, and what happens to key and journal on another one (PROTOCOL.md §8).
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readIdentity, writeIdentity, type Identity } from '../../src/kiosk/identity.ts';
import { openJournal } from '../../src/kiosk/journal.ts';
import { writeRules } from '../../src/kiosk/journal-rules.ts';
import { adoptIdentity, checkMachine, machineSerial } from '../../src/kiosk/machine.ts';
import { journalPath, untilMended } from '../../src/kiosk/standstill.ts';
import { VirtualClock } from '../lib/virtual-clock.ts';
import { rules } from './machine.ts';
import { identityFor } from './signer.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kios-machine-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function place(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const nowhere = '/nonexistent/serial';
const board = '10000000f00dcafe';
const enrolledOn = (serial?: string): Identity => ({
  ...identityFor('http://127.0.0.1:1'),
  ...(serial === undefined ? {} : { serial }),
});
/** What a start leaves in the journal. */
const marked = (identity: Identity, serial: string): unknown =>
  writeRules(rules, '1', checkMachine(identity, serial, undefined));
const enrolledAgain = (serial: string): Identity => ({
  ...enrolledOn(serial),
  privateKeyPem: generateKeyPairSync('ed25519')
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString(),
});
const otherMachine = expect.objectContaining({ code: 'other-machine' }) as Error;

test("a Raspberry Pi goes by its board's serial, wherever that can be read", () => {
  const tree = place('serial-number', `${board}\0`);
  const system = [place('machine-id', 'aaaa\n')];
  expect(machineSerial({ board: [tree], system, firmware: [] })).toBe(board);
  expect(machineSerial({ board: [nowhere, tree], system, firmware: [] })).toBe(board);
});

test("without one it goes by its system's id, which itself stays at home; then by its firmware's", () => {
  const id = '3d1219c7c4c5404aaa1f6d2a48adfda4';
  const system = [place('machine-id', `${id}\n`)];
  const firmware = [place('product_uuid', 'B0A7-1\n')];
  const serial = machineSerial({ board: [nowhere], system, firmware });
  expect(serial).toMatch(/^[0-9a-f]{64}$/);
  expect(serial).not.toContain(id);
  expect(machineSerial({ board: [], system: [nowhere], firmware })).toBe('B0A7-1');
});

test.each([[''], ['\0'], ['0000000000000000\0'], ['uninitialized\n'], ['x'.repeat(65)], ['a b']])(
  '%j is no serial',
  (text) => {
    const path = place('serial-number', text);
    expect(machineSerial({ board: [path], system: [path], firmware: [nowhere] })).toBeUndefined();
  },
);

test('on its own machine a kiosk sells, and its journal carries the serial from then on', () => {
  const own = enrolledOn(board);
  const mark = checkMachine(own, board, undefined);
  expect(mark).toMatchObject({ serial: board });
  expect(checkMachine(own, board, writeRules(rules, '1', mark))).toEqual(mark);
});

test('key or journal of another machine: refused', () => {
  const own = enrolledOn(board);
  expect(() => checkMachine(own, 'other', marked(own, board))).toThrow(otherMachine);
  expect(() => checkMachine(own, 'other', undefined)).toThrow(otherMachine);
  // The serial was taken out of the identity: the journal still knows.
  expect(() => checkMachine(enrolledOn(), 'other', marked(own, board))).toThrow(otherMachine);
});

test('enrolled again on the other machine it takes its journal along, and is at home there', () => {
  const fresh = enrolledAgain('other');
  const before = marked(enrolledOn(board), board);
  const mark = checkMachine(fresh, 'other', before);
  expect(mark).toMatchObject({ serial: 'other' });
  expect(() => checkMachine(fresh, board, writeRules(rules, '1', mark))).toThrow(otherMachine);
});

test('a machine without a serial is not told from another, and forgets none', () => {
  const own = enrolledOn(board);
  const before = marked(own, board);
  expect(checkMachine(own, undefined, undefined)).toBeUndefined();
  const mark = checkMachine(own, undefined, before);
  const later = writeRules(rules, '1', mark);
  expect(() => checkMachine(enrolledOn(), 'other', later)).toThrow(otherMachine);
});

test('an identity without a serial is adopted once, for good', () => {
  writeIdentity(folder, enrolledOn());
  adoptIdentity(folder, readIdentity(folder), undefined);
  expect(readIdentity(folder).serial).toBeUndefined();
  adoptIdentity(folder, readIdentity(folder), board);
  expect(readIdentity(folder)).toEqual(enrolledOn(board));
  adoptIdentity(folder, readIdentity(folder), 'other');
  expect(readIdentity(folder).serial).toBe(board);
});

test('a kiosk on another machine starts anew when it was enrolled again, not before', async () => {
  writeIdentity(folder, enrolledOn(board));
  const journal = openJournal(journalPath(folder));
  await journal.append([{ kind: 'rules', at: '', body: marked(enrolledOn(board), board) }]);
  journal.close();
  const clock = new VirtualClock();
  let mended = false;
  const { signal } = new AbortController();
  const config = { stateDir: folder };
  const standstill = { config, clock, serial: 'other', fault: 'other-machine' } as const;
  const ended = untilMended(standstill, signal).then(() => {
    mended = true;
  });
  await clock.advance(60_000);
  expect(mended).toBe(false);
  writeIdentity(folder, enrolledAgain('other'));
  await clock.advance(10_000);
  await ended;
});
