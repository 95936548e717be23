// The journal: what is appended is there after a crash, in order, and one altered byte is found.
import {
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  entriesAtOnce,
  maxEntries,
  openJournal,
  type Entry,
  type JournalFile,
} from '../../src/kiosk/journal.ts';
import { chainFault } from '../../src/kiosk/journal-verify.ts';
import { PastSales, salesFault, type SaleNote } from '../../src/kiosk/past-sales.ts';
import { saleA, saleB } from './machine.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kios-journal-'));
  path = join(folder, 'journal.sqlite');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const event = (n: number): Entry => ({
  kind: 'event',
  at: '2026-01-01T00:00:00.000Z',
  body: { n },
});
const state = (n: number): Entry => ({ ...event(n), kind: 'state' });

test('a new journal is empty and whole', () => {
  const journal = openJournal(path);
  expect(journal.tail()).toEqual({ state: undefined, events: [] });
  expect(journal.verify()).toBeUndefined();
  journal.close();
});

test('what was appended is read back by the next process, in order', async () => {
  const first = openJournal(path);
  await first.append([event(1), event(2)]);
  await first.append([event(3)]);
  first.close();
  const second = openJournal(path);
  expect(second.tail()).toEqual({ state: undefined, events: [{ n: 1 }, { n: 2 }, { n: 3 }] });
  expect(second.read(2, 1)).toEqual([{ ...event(2), number: 2 }]);
  second.close();
});

test('a boot reads from the last written state on', async () => {
  const journal = openJournal(path);
  await journal.append([event(1), state(10), event(2), state(20), event(3)]);
  expect(journal.tail()).toEqual({ state: { n: 20 }, events: [{ n: 3 }] });
  journal.close();
});

test('every commit is a full sync of a write-ahead log', () => {
  const journal = openJournal(path);
  journal.close();
  const db = new DatabaseSync(path);
  expect(db.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
  db.close();
});

test.each(['body', 'at', 'kind'])('an altered %s is found by number', async (column) => {
  const journal = openJournal(path);
  await journal.append([event(1), event(2), event(3)]);
  const db = new DatabaseSync(path);
  db.exec(
    `UPDATE entries SET ${column} = ${column === 'kind' ? "'state'" : "'x'"} WHERE number = 2`,
  );
  db.close();
  expect(journal.verify()).toBe(2);
  journal.close();
});

test('a removed entry is found', async () => {
  const journal = openJournal(path);
  await journal.append([event(1), event(2), event(3)]);
  const db = new DatabaseSync(path);
  db.exec('DELETE FROM entries WHERE number = 2');
  db.close();
  expect(journal.verify()).toBe(2);
  journal.close();
});

test('a journal whose newest part was altered does not open: nothing is sold from it', async () => {
  const journal = openJournal(path);
  await journal.append([event(1), event(2)]);
  journal.close();
  const db = new DatabaseSync(path);
  db.exec(`UPDATE entries SET body = '{"n":7}' WHERE number = 2`);
  db.close();
  expect(() => openJournal(path)).toThrow(/entry 2: .* altered/);
});

test('two processes on one journal: the second writer fails before any of its effects', async () => {
  const first = openJournal(path);
  const second = openJournal(path);
  await first.append([event(1)]);
  await expect(second.append([event(9)])).rejects.toMatchObject({ code: 'journal-failed' });
  expect(first.tail().events).toEqual([{ n: 1 }]);
  first.close();
  second.close();
});

test('a folder that does not exist is told with its path', () => {
  expect(() => openJournal(join(folder, 'nowhere', 'journal.sqlite'))).toThrow(/cannot be opened/);
});

const minted = (saleId: string): SaleNote => ({
  ...{ kind: 'minted', saleId, amountIdr: 15_000, items: [], pieces: 1 },
});
const did = (saleId: string, result: 'done' | 'failed'): SaleNote => ({
  ...{ kind: 'fulfilment', saleId, result },
});

/** As somebody with a tool would change the file. */
function change(sql: string): void {
  const db = new DatabaseSync(path);
  db.exec(sql);
  db.close();
}

function fault(): unknown {
  const db = new DatabaseSync(path);
  try {
    return chainFault(db);
  } finally {
    db.close();
  }
}

describe('the table of sales is held by the chain', () => {
  async function twoSales(): Promise<void> {
    const journal = openJournal(path);
    await journal.append([event(1)], [minted(saleA)]);
    await journal.append([event(2)], [minted(saleB), did(saleA, 'failed')]);
    await journal.append([event(3)]);
    journal.close();
    expect(fault()).toBeUndefined();
  }

  test.each([
    ['an altered amount', `UPDATE sales SET amountIdr = 1 WHERE saleId = '${saleA}'`],
    ['an altered result', `UPDATE sales SET fulfilment = 'done' WHERE saleId = '${saleA}'`],
    [
      'a claim that is called honoured',
      `UPDATE sales SET honoured = 'd' WHERE saleId = '${saleA}'`,
    ],
    ['an altered time', `UPDATE sales SET begunAt = 'x' WHERE saleId = '${saleA}'`],
  ])('%s is found by its sale, and used for nothing', async (_name, sql) => {
    await twoSales();
    change(sql);
    expect(fault()).toMatchObject({ saleId: saleA });
    const journal = openJournal(path);
    expect(journal.verify()).toBe(0);
    expect(journal.find(saleA)).toBeUndefined();
    expect(journal.claimed()).toEqual([]);
    await expect(journal.append([event(4)], [did(saleA, 'done')])).rejects.toMatchObject({
      code: 'journal-damaged',
    });
    journal.close();
  });

  test.each([
    ['taken out', `DELETE FROM sales WHERE saleId = '${saleB}'`],
    ['put in', `INSERT INTO sales (saleId, changed, hash) VALUES ('x', 9, '${'1'.repeat(64)}')`],
  ])('a sale that was %s: the journal does not open', async (_name, sql) => {
    await twoSales();
    change(sql);
    expect(() => openJournal(path)).toThrow(/table of sales/);
  });

  test('a transaction that fails leaves entries and sums as they were', async () => {
    await twoSales();
    const journal = openJournal(path);
    const head = journal.head();
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    for (const entries of [
      [{ ...event(4), body: circle }, event(5)],
      // Only the last one: the ones before it were taken already, and so was the sale.
      [event(4), event(5), { ...event(6), body: circle }],
    ]) {
      const broken = journal.append(entries, [minted('x'), did(saleA, 'failed')]);
      await expect(broken).rejects.toMatchObject({ code: 'journal-failed' });
      expect(journal.head()).toEqual(head);
    }
    await journal.append([event(6)], [did(saleB, 'done')]);
    journal.close();
    expect(fault()).toBeUndefined();
  });
});

describe('a file that is not what it was', () => {
  async function written(): Promise<Buffer> {
    const journal = openJournal(path);
    for (let n = 0; n < 60; n++) await journal.append([{ ...event(n), body: 'x'.repeat(1000) }]);
    journal.close();
    return readFileSync(path);
  }

  test.each([
    ['empty', 0],
    ['cut inside its head', 10],
    ['cut after some pages', 5 * 4096],
    ['without its last page', -4096],
  ])('is damage when it is %s, and stays as it is', async (_name, end) => {
    const whole = await written();
    truncateSync(path, end < 0 ? whole.length + end : end);
    const before = readFileSync(path);
    expect(() => openJournal(path)).toThrow(expect.objectContaining({ code: 'journal-damaged' }));
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test('is damage when a page of it went bad, wherever it is read', async () => {
    const whole = await written();
    const pages = whole.length / 4096;
    for (let page = 0; page < pages; page++) {
      const bad = Buffer.from(whole).fill(0xa5, page * 4096, (page + 1) * 4096);
      writeFileSync(path, bad);
      expect(() => {
        const journal = openJournal(path);
        const wrong = journal.verify() ?? journal.reread(0);
        journal.close();
        if (wrong !== undefined) throw new Error(`entry ${JSON.stringify(wrong)}`);
      }, `page ${page}`).toThrow();
    }
  });

  test('every altered byte of an entry is found, by its number', async () => {
    const journal = openJournal(path);
    await journal.append([event(1), { ...event(2), body: { name: 'Kopi susu' } }, event(3)]);
    journal.close();
    const text = '{"name":"Kopi susu"}';
    for (let at = 0; at < text.length; at++) {
      const altered = `${text.slice(0, at)}#${text.slice(at + 1)}`;
      change(`UPDATE entries SET body = '${altered}' WHERE number = 2`);
      expect(fault()).toEqual({ entry: 2, why: 'this entry was altered' });
    }
  });

  test('of another version is told as that', () => {
    openJournal(path).close();
    change('PRAGMA user_version = 99');
    expect(() => openJournal(path)).toThrow(/another version \(99\)/);
  });

  test('is made whole or not at all: what a power cut left of it is begun anew', () => {
    writeFileSync(`${path}.new`, 'half');
    openJournal(path).close();
    expect(readdirSync(folder)).toEqual(['journal.sqlite']);
  });
});

describe('years of entries', () => {
  const at = '2026-01-01T00:00:00.000Z';
  const keep = 300;

  async function many(): Promise<JournalFile> {
    const journal = openJournal(path);
    await journal.append([{ kind: 'rules', at, body: { version: '1', rules: {} } }]);
    const count = entriesAtOnce + 2 * keep;
    const entries = Array.from({ length: count }, (_, n) => (n % 10 === 0 ? state(n) : event(n)));
    await journal.append(entries, [minted(saleA)]);
    return journal;
  }

  test('the oldest go, in stretches that end before a state; what stays can be verified', async () => {
    const journal = await many();
    const pruned = journal.prune(at, keep);
    expect(pruned).toBeGreaterThan(entriesAtOnce - 10);
    expect(pruned).toBeLessThanOrEqual(entriesAtOnce);
    expect(journal.read(1, 1)).toMatchObject([{ number: pruned + 1, kind: 'state' }]);
    expect(journal.verify()).toBeUndefined();
    expect(journal.prune(at, keep)).toBeGreaterThan(0);
    expect(journal.read(1, 2 * keep).length).toBeLessThan(keep + 10);
    expect(journal.prune(at, keep)).toBe(0);
    expect(journal.rules()).toEqual({ version: '1', rules: {} });
    journal.close();
    openJournal(path).close();
    expect(fault()).toBeUndefined();
  });

  test('entries that were taken out at the beginning are missed, with the anchor or without it', async () => {
    const journal = await many();
    journal.prune(at, keep);
    journal.close();
    change('DELETE FROM entries WHERE number = (SELECT min(number) FROM entries)');
    expect(fault()).toMatchObject({ why: 'this entry is missing' });
    change(
      `UPDATE anchor SET (number, hash) = (SELECT min(number), hash FROM entries);
       DELETE FROM entries WHERE number = (SELECT min(number) FROM entries)`,
    );
    expect(fault()).toMatchObject({ why: 'entries before this one were taken out' });
  });

  test('a journal that is not so long loses nothing', async () => {
    const journal = await many();
    expect(journal.prune(at)).toBe(0);
    expect(maxEntries).toBeGreaterThan(journal.head().number);
    journal.close();
  });

  test('old sales go that nobody is owed for; a claim stays, however old', () => {
    const db = new DatabaseSync(':memory:');
    const sales = new PastSales(db);
    sales.note([minted('owed'), did('owed', 'failed'), minted('sold'), did('sold', 'done')], 1);
    for (let n = 0; n < keep; n++) sales.note([minted(`s${n}`), did(`s${n}`, 'done')], n + 2);
    expect(sales.prune(keep)).toBe(1);
    expect(sales.find('owed')).toBeDefined();
    expect(sales.find('sold')).toBeUndefined();
    expect(salesFault(db, sales.sum)).toBeUndefined();
    expect(sales.prune(keep)).toBe(0);
  });

  test('the whole of it is read over, part by part', async () => {
    const journal = openJournal(path);
    await journal.append(Array.from({ length: 2 * entriesAtOnce }, (_, n) => event(n)));
    change(`UPDATE entries SET at = 'x' WHERE number = ${entriesAtOnce + 7}`);
    expect(journal.reread(0)).toBeUndefined();
    expect(journal.reread(1)).toMatchObject({ entry: entriesAtOnce + 7 });
    expect(journal.reread(3)).toMatchObject({ entry: entriesAtOnce + 7 });
    journal.close();
  });
});
