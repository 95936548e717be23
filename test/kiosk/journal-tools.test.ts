// `kios journal` without its command line: a copy that proves itself and tells no secret, and the machine run once more.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chainHash, hashText, noHash, type Row } from '../../src/kiosk/journal-chain.ts';
import { checkExport, exportLines } from '../../src/kiosk/journal-export.ts';
import { replay, type Replayed, type ShownScreen } from '../../src/kiosk/journal-replay.ts';
import { readRules, writeRules } from '../../src/kiosk/journal-rules.ts';
import {
  replayPart,
  salesNamed,
  wantedRows,
  withJournalView,
} from '../../src/kiosk/journal-view.ts';
import { entryWords, withoutSecrets } from '../../src/kiosk/journal-words.ts';
import { rules } from './machine.ts';
import { later, record, sell } from './recorded-day.ts';

let folder: string;
let path: string;
let sold: string;
let owed: string;
let lines: string[];

const technicianCode = '987654321';
const claimCode = '12345678901';

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kios-journal-tools-'));
  path = join(folder, 'journal.sqlite');
  const first = await record(path, 'boot-1', { ...rules, technicianCode });
  sold = await sell(first, 1);
  await first.kiosk.post({ kind: 'scan', scan: { text: `KLAIM${claimCode}` } });
  await first.kiosk.post({ kind: 'claim-sought', code: claimCode, freshId: 'ksk01-x' });
  await first.end();
  const second = await record(path, 'boot-2', { ...rules, receipts: false, technicianCode });
  owed = await sell(second, 2, 'failed');
  await second.end();
  lines = await view((db) => [...exportLines(db)]);
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function view<T>(work: (db: DatabaseSync) => T): Promise<T> {
  // eslint-disable-next-line @typescript-eslint/require-await -- what is asked for here is there at once.
  return withJournalView(path, async (db) => work(db));
}

// eslint-disable-next-line @typescript-eslint/require-await -- lines of a file come one by one.
async function* streamed(texts: readonly string[]): AsyncGenerator<string> {
  yield* texts;
}
const check = (texts: readonly string[]): ReturnType<typeof checkExport> =>
  checkExport(streamed(texts));

describe('a copy of the journal', () => {
  test('is whole by itself, and says so with the journal’s own head', async () => {
    const checked = await check(lines);
    expect(checked).toMatchObject({ sales: 2 });
    expect(checked.fault).toBeUndefined();
    expect(checked.entries).toBe(lines.length - 4);
    expect(checked.hidden).toBeGreaterThan(0);
    expect(lines.at(-1)).toContain(checked.head.hash);
  });

  test('tells no QR, no code, no key, no signature', () => {
    const text = lines.join('\n');
    for (const secret of ['00020101', technicianCode, claimCode, 'KLAIM', 'p'.repeat(60)]) {
      expect(text).not.toContain(secret);
    }
    expect(text).toContain(sold);
    expect(text).toContain('"enter"');
    expect(text).not.toMatch(/"key":"\d/);
  });

  test('tells no code that somebody typed where the amount is', () => {
    const typed = { phase: { at: 'entering', digits: technicianCode, untilMs: 1 } };
    expect(JSON.stringify(withoutSecrets(typed))).not.toContain(technicianCode);
  });

  test('is found out where any line was altered, taken out, doubled or cut off', async () => {
    for (let at = 0; at < lines.length; at++) {
      const line = lines[at] ?? '';
      const without = lines.toSpliced(at, 1);
      expect((await check(without)).fault, `without line ${at}`).toBeDefined();
      expect((await check(lines.slice(0, at))).fault, `until line ${at}`).toBeDefined();
      expect((await check(lines.toSpliced(at, 0, line))).fault, `line ${at} twice`).toBeDefined();
      const altered = line.replace(/(\d)(?=\D*$)/, (digit) => String((Number(digit) + 1) % 10));
      expect((await check(lines.with(at, altered))).fault, `line ${at} altered`).toBeDefined();
    }
  });

  test('is none when it is something else', async () => {
    expect((await check(['{}'])).fault?.why).toContain('no export');
    expect((await check([])).fault).toBeDefined();
  });
});

describe('the machine run once more', () => {
  async function again(
    alter: (rows: Row[]) => readonly Row[] = (rows) => rows,
    onScreen?: (screen: ShownScreen) => void,
  ): Promise<Replayed> {
    return view((db) => {
      const { rows, before, rules: written } = replayPart(db);
      return replay(alter([...rows]), before, written, onScreen);
    });
  }
  /** As somebody would who knows how the chain is made. */
  const chained = (rows: readonly Row[]): Row[] => {
    let hash = noHash;
    return rows.map((row) => {
      hash = chainHash(hash, row, hashText(row.body));
      return { ...row, hash };
    });
  };

  test('comes to the same screens, over a restart with other rules', async () => {
    const screens: ShownScreen[] = [];
    const found = await again(undefined, (screen) => void screens.push(screen));
    expect(found.fault).toBeUndefined();
    expect(found.states).toBeGreaterThan(10);
    expect(found.versions).toEqual(['test']);
    const phases = screens.map(({ phase }) => phase);
    for (const phase of ['entering', 'charging', 'paying', 'dispensing', 'result', 'idle']) {
      expect(phases).toContain(phase);
    }
    expect(screens.map(({ heading }) => heading)).toContain('Uang Anda aman');
  });

  test('an Enter that one price refused and the next would take is no sale, there as here', async () => {
    const own = join(folder, 'refused.sqlite');
    const first = await record(own, 'boot-1', { ...rules, idrPerPulse: 3_000 });
    await sell(first, 1);
    const saleId = 'ksk01-x';
    for (const key of ['5', '000', 'enter'] as const) {
      later(first.kiosk, { kind: 'key', key, freshId: saleId });
      // Longer than the loop gathers.
      await first.clock.advance(2_000);
    }
    await first.end();
    const second = await record(own, 'boot-1', { ...rules, idrPerPulse: 5_000 });
    expect(second.kiosk.state().phase.at).toBe('idle');
    await sell(second, 2);
    await second.end();
    await withJournalView(own, async (db) => {
      const { rows, before, rules: written } = replayPart(db);
      expect(replay(rows, before, written).fault).toBeUndefined();
      return Promise.resolve();
    });
  });

  test('finds an altered entry by its number', async () => {
    const found = await again((rows) =>
      rows.map((row) => (row.number === 9 ? { ...row, body: `${row.body} ` } : row)),
    );
    expect(found.fault).toEqual({ entry: 9, why: 'this entry was altered' });
  });

  test('finds an amount that was altered even by somebody who made the chain anew', async () => {
    const found = await again((rows) =>
      chained(
        rows.map((row) => {
          if (row.kind !== 'event') return row;
          return { ...row, body: row.body.replace('"key":"5"', '"key":"6"') };
        }),
      ),
    );
    expect(found.fault?.why).toMatch(/another screen: reached charging, recorded charging/);
  });

  test('would not come to them by other rules', async () => {
    const found = await again((rows) =>
      chained(
        rows.map((row) => {
          if (row.kind !== 'rules') return row;
          const cheap = { ...rules, limits: { minIdr: 1, maxIdr: 1000 } };
          return { ...row, body: JSON.stringify(writeRules(cheap, 'test')) };
        }),
      ),
    );
    expect(found.fault).toBeDefined();
  });

  test('begins a day with the state that it began with', async () => {
    const found = await view((db) => {
      const {
        rows,
        before,
        rules: written,
      } = replayPart(db, { from: '2026-01-01T00:00:01', until: '~' });
      return replay(rows, before, written);
    });
    expect(found.fault).toBeUndefined();
    expect(found.events).toBeGreaterThan(0);
  });
});

describe('what is shown', () => {
  test('is the last entries, a sale by the end of its id, a span of time', async () => {
    const last = await view((db) => wantedRows(db, { last: 3 }));
    expect(last.map(({ number }) => number)).toEqual(
      [-2, -1, 0].map((n) => n + (last[2]?.number ?? 0)),
    );
    expect(await view((db) => salesNamed(db, owed.slice(-4)))).toMatchObject([{ saleId: owed }]);
    const ofSale = await view((db) => wantedRows(db, { saleId: owed }));
    expect(ofSale.every(({ body }) => body.includes(owed))).toBe(true);
    expect(ofSale.length).toBeGreaterThan(5);
    expect(await view((db) => wantedRows(db, { from: '2027' }))).toEqual([]);
  });

  test('says in words what happened', () => {
    const told = { saleId: sold, verdict: 'paid', amountIdr: 15_000, seq: 5, qrString: '00020101' };
    const event = withoutSecrets({ kind: 'told', via: 'mqtt', told, atMs: 12 });
    expect(entryWords('event', event)).toBe(
      `told via=mqtt verdict=paid saleId=${sold} Rp 15.000 seq=5`,
    );
    const sale = { saleId: sold, amountIdr: 15_000, verdict: 'paid' };
    const phase = { at: 'result', outcome: 'done', sale };
    expect(entryWords('state', { phase })).toBe('state result done 0001 Rp 15.000 paid');
    expect(entryWords('event', withoutSecrets({ kind: 'key', key: '7' }))).toBe('key key=[hidden]');
    expect(entryWords('event', 'x')).toBe('event');
  });
});

test('rules are read as they were written', () => {
  const all = { ...rules, priceLabels: undefined, technicianCode };
  const { priceLabels: _none, ...expected } = all;
  expect(readRules(JSON.parse(JSON.stringify(writeRules(expected, '1'))))).toEqual({
    version: '1',
    rules: expected,
  });
  expect(readRules('nonsense')).toBeUndefined();
});

test('what is no journal, or may not be read, is told in words', async () => {
  const none = withJournalView(join(folder, 'none.sqlite'), () => Promise.resolve());
  await expect(none).rejects.toThrow(/there is no journal/);
});

test.each([
  ...['KLAIM64260649468', 'XKLAIM64260649468Y', 'LAIM64260649468', '64260649468', 'A64260649468'],
  ...['TEKNISI314159', 'EKNISI314159'],
])('a scan of %s is hidden: it is a code, or a piece of one', (text) => {
  expect(JSON.stringify(withoutSecrets({ kind: 'scan', scan: { text } }))).not.toContain(text);
});

test.each(['8991002101234', '036000291452', '96385074', '10012345678902', 'KOPI-1'])(
  'a scan of %s is an article and is shown',
  (text) => {
    expect(withoutSecrets({ kind: 'scan', scan: { text } })).toEqual({
      kind: 'scan',
      scan: { text },
    });
  },
);
