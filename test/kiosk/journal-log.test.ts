// The journal's log as a card can leave it: with a block that went bad in its middle, or torn at its end by a power cut.
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openJournal, type Entry, type JournalFile } from '../../src/kiosk/journal.ts';
import { openJournalToRead } from '../../src/kiosk/journal-file.ts';
import { logFault } from '../../src/kiosk/journal-log.ts';
import { tell } from './machine.ts';
import { later, record } from './recorded-day.ts';

const headBytes = 32;
const frameBytes = 24 + 4096;
let folder: string;
let path: string;
let journal: JournalFile;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kios-log-'));
  path = join(folder, 'journal.sqlite');
  journal = openJournal(path);
});
afterEach(() => {
  journal.close();
  rmSync(folder, { recursive: true });
});

const append = async (from: number, count: number): Promise<void> => {
  for (let n = from; n < from + count; n++) {
    const entry: Entry = { kind: 'event', at: '2026-01-01T00:00:00Z', body: { n } };
    await journal.append([entry]);
  }
};

/** The log as it lies on the disk, and where its last commit begins. */
async function logOf(commits: number): Promise<{ log: Buffer; lastAt: number }> {
  await append(0, commits - 1);
  const lastAt = readFileSync(`${path}-wal`).length;
  await append(commits - 1, 1);
  return { log: readFileSync(`${path}-wal`), lastAt };
}

/** A disk with the journal's file and this log, as another start finds it. */
function found(log: Buffer): string {
  const other = join(folder, 'found.sqlite');
  for (const end of ['-wal', '-shm']) rmSync(`${other}${end}`, { force: true });
  copyFileSync(path, other);
  writeFileSync(`${other}-wal`, log);
  return other;
}

const flipped = (log: Buffer, at: number): Buffer => {
  const bad = Buffer.from(log);
  bad.writeUInt8(bad.readUInt8(at) ^ 0x10, at);
  return bad;
};

describe('a block that went bad', () => {
  test('is damage wherever it lies before the last commit, and all of it is kept', async () => {
    const { log, lastAt } = await logOf(12);
    // Every part of a frame's head, and its page's begin, middle and end.
    const places = [0, 3, 5, 8, 12, 16, 20, 24, 2_000, frameBytes - 1];
    for (let frame = headBytes; frame < lastAt - frameBytes; frame += frameBytes) {
      for (const place of places) {
        const bad = flipped(log, frame + place);
        const other = found(bad);
        const where = `byte ${place} of frame ${(frame - headBytes) / frameBytes}`;
        expect(() => {
          openJournal(other).close();
        }, where).toThrow(expect.objectContaining({ code: 'journal-damaged' }));
        expect(readFileSync(`${other}-wal`).equals(bad), where).toBe(true);
      }
    }
  });

  test('is damage in the head of the log, too', async () => {
    const { log } = await logOf(4);
    for (let at = 0; at < headBytes; at++) {
      const other = found(flipped(log, at));
      expect(() => {
        openJournal(other).close();
      }, `byte ${at}`).toThrow(/bad block/);
    }
  });

  test('is told to whoever only reads', async () => {
    const { log } = await logOf(4);
    const other = found(flipped(log, headBytes + 100));
    expect(() => {
      openJournalToRead(other).close();
    }).toThrow(/whole entries behind it \(frame/);
  });

  test('never makes goods fall twice: a kiosk whose dispense is in it starts no sale again', async () => {
    const source = join(folder, 'day.sqlite');
    const { kiosk, end } = await record(source);
    const saleId = 'ksk01-01JD0000000000000000000009';
    for (const key of ['1', '5', '000'] as const) {
      later(kiosk, { kind: 'key', key, freshId: saleId });
    }
    await kiosk.post({ kind: 'key', key: 'enter', freshId: saleId });
    await kiosk.post(tell('pending', { saleId }));
    const paidAt = readFileSync(`${source}-wal`).length;
    await kiosk.post(tell('paid', { saleId, seq: 2, prev: 1, settledAgoMs: 300 }));
    await kiosk.post({ kind: 'dispensed', saleId, result: 'done' });
    const other = join(folder, 'other.sqlite');
    copyFileSync(source, other);
    writeFileSync(`${other}-wal`, flipped(readFileSync(`${source}-wal`), paidAt + 100));
    expect(() => openJournal(other)).toThrow(expect.objectContaining({ code: 'journal-damaged' }));
    await end();
  });
});

describe('a torn end is none', () => {
  const opens = (log: Buffer): number => {
    const other = openJournal(found(log));
    const { number } = other.head();
    expect(other.verify()).toBeUndefined();
    other.close();
    return number;
  };

  test('cut off anywhere in the last commit, or filled with nothing or with nonsense', async () => {
    const { log, lastAt } = await logOf(6);
    for (let at = lastAt; at < log.length; at += 511) {
      expect(opens(log.subarray(0, at))).toBe(5);
      expect(opens(Buffer.from(log).fill(0, at))).toBe(5);
      expect(opens(Buffer.from(log).fill(0xa5, at))).toBe(5);
    }
  });

  test('its blocks written in another order: any of them missing before others', async () => {
    const big = { text: 'x'.repeat(20_000) };
    await append(0, 3);
    const lastAt = readFileSync(`${path}-wal`).length;
    await journal.append([{ kind: 'event', at: '2026-01-01T00:00:00Z', body: big }]);
    const log = readFileSync(`${path}-wal`);
    expect((log.length - lastAt) / frameBytes).toBeGreaterThan(4);
    for (let at = lastAt; at < log.length; at += frameBytes) {
      expect(opens(Buffer.from(log).fill(0, at, at + frameBytes))).toBe(3);
    }
  });

  test('frames of this log that were written over, and follow nothing any more', async () => {
    const { log, lastAt } = await logOf(6);
    const frame = (index: number): Buffer => {
      const at = headBytes + index * frameBytes;
      return log.subarray(at, at + frameBytes);
    };
    const older = [frame(2), frame(1), frame(0)];
    expect(opens(Buffer.concat([log.subarray(0, lastAt), ...older]))).toBe(5);
  });

  test('what an older log has left behind the newest frames', async () => {
    const text = 'x'.repeat(400);
    const many = Array.from({ length: 1500 }, (_, n) => ({ n, text }));
    await journal.append(many.map((body) => ({ kind: 'event', at: '2026-01-01T00:00:00Z', body })));
    journal.rest?.();
    await append(1500, 2);
    const log = readFileSync(`${path}-wal`);
    expect(logFault(log)).toBeUndefined();
    expect(opens(log)).toBe(1502);
    // The first commit behind the fold is on the disk before the next: where it is gone, that is damage.
    const bad = Buffer.from(log).fill(0, headBytes, headBytes + frameBytes);
    expect(() => openJournal(found(bad))).toThrow(/bad block/);
  });

  test('a log that is empty, not there, or a head alone', async () => {
    const { log } = await logOf(3);
    expect(logFault(Buffer.alloc(0))).toBeUndefined();
    expect(logFault(log.subarray(0, headBytes))).toBeUndefined();
    const other = found(log);
    rmSync(`${other}-wal`);
    expect(existsSync(`${other}-wal`)).toBe(false);
    openJournal(other).close();
  });
});
