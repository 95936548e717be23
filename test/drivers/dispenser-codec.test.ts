// The vend board's language: golden lines, and nothing that was damaged is ever understood.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  LineCutter,
  crc16,
  encodeBoardLine,
  encodeHostLine,
  isOrderId,
  parseBoardLine,
  parseHostLine,
  type BoardLine,
  type HostLine,
} from '../../drivers/dispenser/line-protocol.ts';

const id = 'kios1-01J8ZQ4T9W3XKB0M5R7YDCFGHA';
const hostLines: [string, HostLine][] = [
  ['I *381D\n', { kind: 'I' }],
  [`V ${id} 3 *02D2\n`, { kind: 'V', id, count: 3 }],
  [`Q ${id} *F736\n`, { kind: 'Q', id }],
];
const boardLines: BoardLine[] = [
  { kind: 'I', name: 'board-2' },
  { kind: 'R', id },
  { kind: 'D', id },
  { kind: 'U', id },
  { kind: 'N', id },
  { kind: 'B', id },
  { kind: 'F', id, moved: 0 },
  { kind: 'F', id, moved: 12 },
];
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bare = (bytes: Uint8Array): string => text(bytes).trimEnd();

test('the checksum is CRC-16/CCITT-FALSE', () => {
  expect(crc16('123456789')).toBe(0x29b1);
});

describe('lines', () => {
  test.each(hostLines)('%j is what the kiosk sends', (wire, line) => {
    expect(text(encodeHostLine(line))).toBe(wire);
    expect(parseHostLine(wire.trimEnd())).toEqual(line);
    expect(parseBoardLine(wire.trimEnd())).toBeUndefined();
  });

  test.each(boardLines)('%j comes back as it was sent', (line) => {
    expect(parseBoardLine(bare(encodeBoardLine(line)))).toEqual(line);
  });

  test('one changed, lost or added byte makes it no line', () => {
    for (const line of [
      ...boardLines.map(encodeBoardLine),
      ...hostLines.map(([, l]) => encodeHostLine(l)),
    ]) {
      const good = bare(line);
      for (let at = 0; at < good.length; at++) {
        for (const other of ['0', 'V', ' ', '*', '\u0000', '\u00ff']) {
          if (good[at] === other) continue;
          const changed = good.slice(0, at) + other + good.slice(at + 1);
          expect(parseHostLine(changed)).toBeUndefined();
          expect(parseBoardLine(changed)).toBeUndefined();
        }
        const lost = good.slice(0, at) + good.slice(at + 1);
        const added = `${good.slice(0, at)}${good[at] ?? ''}${good.slice(at)}`;
        for (const bad of [lost, added])
          expect(parseHostLine(bad) ?? parseBoardLine(bad)).toBeUndefined();
      }
    }
  });

  test('a right checksum over nonsense is no line', () => {
    for (const words of [
      'V',
      `V ${id}`,
      `V ${id} 0`,
      `V ${id} 100`,
      `V ${id} 1 1`,
      `v ${id} 1`,
      `Q ${id} 1`,
      'Q a_b',
      `Q ${'x'.repeat(41)}`,
    ]) {
      const crc = crc16(words).toString(16).toUpperCase().padStart(4, '0');
      expect(parseHostLine(`${words} *${crc}`)).toBeUndefined();
    }
  });

  test('an order cannot carry an id that is no word, or a count that is none', () => {
    expect(['', 'a b', 'a\n', 'x'.repeat(41)].some(isOrderId)).toBe(false);
    expect(() => encodeHostLine({ kind: 'Q', id: 'a\nV b 1' })).toThrow();
    for (const count of [0, 100, 1.5, Number.NaN]) {
      expect(() => encodeHostLine({ kind: 'V', id, count })).toThrow();
    }
  });
});

describe('cutting bytes into lines', () => {
  const stream = Buffer.concat(boardLines.map(encodeBoardLine));

  test('gives the same lines however the bytes are split', () => {
    for (let at = 0; at <= stream.length; at++) {
      const cutter = new LineCutter();
      const lines = [...cutter.take(stream.subarray(0, at)), ...cutter.take(stream.subarray(at))];
      expect(lines.map(parseBoardLine)).toEqual(boardLines);
    }
  });

  test('random bytes never throw and spoil at most the line that they are in', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
        const cutter = new LineCutter();
        cutter.take(noise).forEach(parseHostLine);
        cutter.take(Buffer.from('\n'));
        expect(cutter.take(stream).map(parseBoardLine)).toEqual(boardLines);
      }),
    );
  });

  test('a line without end is left out whole', () => {
    const cutter = new LineCutter();
    expect(cutter.take(Buffer.from('x'.repeat(100_000)))).toEqual([]);
    expect(cutter.take(Buffer.from('tail\nnext\n'))).toEqual(['next']);
  });
});
