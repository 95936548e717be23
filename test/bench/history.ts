// Whether a sale costs more when a million went before it: whole sales and catch-ups in the store, beside a store with
// a thousand, on both databases.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/lib/clock.ts';
import { type RelayConfig } from '../../src/relay/config.ts';
import { connectDatabase } from '../../src/relay/store/connect.ts';
import { openStore } from '../../src/relay/store/open.ts';
import { type Store } from '../../src/relay/store/store.ts';
import { findPostgres, startPostgres } from '../relay/postgres-server.ts';
import { against, median, ratio, type Outcome } from './figures.ts';
import { layPast } from './past.ts';
import { kioskName } from './rows.ts';
import { sellInStore } from './store-sale.ts';

const defaults = {
  rounds: 5,
  few: 1_000,
  many: 1_000_000,
  kiosks: 1_000,
  sales: 100,
  /** SQLite's WAL has its full length after about sixty sales; until then a sync costs more. */
  warmUp: 150,
  postgres: true,
};
type Sizes = typeof defaults;

const bound = 1.2;
/** What a kiosk has missed when it asks. */
const missed = 20;
const pageSize = 100;
const pollPlaces = 16;
const kiosksATick = 100;
const leaseMs = 60_000;

interface Figures {
  sale: number[];
  catchUp: number[];
  polls: number[];
}

interface Laid {
  store: Store;
  /** How many sales the kiosk under test has behind it. */
  sold: number;
  figures: Figures;
}

export async function history(sizes = defaults): Promise<Outcome> {
  await using undo = new AsyncDisposableStack();
  const folder = undo.adopt(await mkdtemp(join(tmpdir(), 'kios-bench-')), (one) =>
    rm(one, { recursive: true }),
  );
  const lite = (name: string): RelayConfig['store'] => ({ sqlite: join(folder, `${name}.db`) });
  const rows = rowsOf('SQLite', await compared(undo, lite('few'), lite('many'), sizes), sizes);
  if (sizes.postgres && findPostgres() !== undefined) {
    const server = undo.adopt(await startPostgres(), (one) => one.stop());
    const [few, many] = [await server.newDatabase(), await server.newDatabase()];
    const at = (url: string): RelayConfig['store'] => ({ postgres: { url, maxConnections: 10 } });
    rows.push(...rowsOf('PostgreSQL', await compared(undo, at(few), at(many), sizes), sizes));
  }
  return {
    title: `The same sale after ${sizes.few} and after ${sizes.many} sales`,
    how: `in the store alone, durable: a whole sale (put, charged, told, acknowledged, notice, confirmed, told, acknowledged, handed over), one at a time; a catch-up of ${missed} changes; the relay's own polls; past sales of ${sizes.kiosks} kiosks with a notice each; median of ${sizes.sales} a round, ${sizes.rounds} rounds, both stores alive and in turn`,
    head: ['store', 'what', `after ${sizes.few}`, `after ${sizes.many}`, 'ratio', 'bound'],
    rows,
  };
}

async function compared(
  undo: AsyncDisposableStack,
  few: RelayConfig['store'],
  many: RelayConfig['store'],
  sizes: Sizes,
): Promise<{ few: Figures; many: Figures }> {
  const both = {
    few: await laid(undo, few, sizes.few, sizes),
    many: await laid(undo, many, sizes.many, sizes),
  };
  for (const one of [both.few, both.many]) await round(one, sizes.warmUp);
  for (const one of [both.few, both.many]) one.figures = { sale: [], catchUp: [], polls: [] };
  for (let at = 0; at < sizes.rounds; at++) {
    await round(both.few, sizes.sales);
    await round(both.many, sizes.sales);
  }
  return { few: both.few.figures, many: both.many.figures };
}

async function laid(
  undo: AsyncDisposableStack,
  at: RelayConfig['store'],
  past: number,
  sizes: Sizes,
): Promise<Laid> {
  const database = await connectDatabase(at, systemClock);
  const store = undo.adopt(await openStore(database, 'bench-ledger'), (one) => one.close());
  const kiosks = Math.min(sizes.kiosks, past);
  await layPast(database, past, kiosks);
  return { store, sold: past / kiosks, figures: { sale: [], catchUp: [], polls: [] } };
}

async function round(one: Laid, sales: number): Promise<void> {
  const { store, figures } = one;
  const kioskId = kioskName(0);
  const sale: number[] = [];
  const catchUp: number[] = [];
  const polls: number[] = [];
  for (let at = 0; at < sales; at++) {
    one.sold++;
    sale.push(await timed(() => sellInStore(store, kioskId, one.sold)));
    const seq = (await store.kiosk(kioskId))?.seq ?? 0;
    const since = Math.max(0, seq - missed);
    catchUp.push(
      await timed(async () => {
        await store.saleAt(kioskId, since);
        await store.changes(kioskId, since, pageSize);
      }),
    );
    polls.push(
      await timed(async () => {
        await store.takeDue(pollPlaces, leaseMs);
        await store.salesNoticed(pollPlaces);
        await store.kiosksToTell(kiosksATick);
      }),
    );
  }
  figures.sale.push(median(sale));
  figures.catchUp.push(median(catchUp));
  figures.polls.push(median(polls));
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const sinceMs = systemClock.monotonicMs();
  await work();
  return systemClock.monotonicMs() - sinceMs;
}

function rowsOf(
  name: string,
  { few, many }: { few: Figures; many: Figures },
  sizes: Sizes,
): string[][] {
  const row = (what: string, of: keyof Figures, bounded: boolean): string[] => {
    const share = ratio(many[of], few[of]);
    const text = bounded ? against(`≤ ${bound}x`, share.median <= bound) : '';
    const ms = (values: number[]): string => `${median(values).toFixed(2)} ms`;
    return [name, what, ms(few[of]), ms(many[of]), share.text, text];
  };
  return [
    row('a whole sale', 'sale', true),
    row(`a catch-up of ${Math.min(missed, sizes.sales)}`, 'catchUp', true),
    row('one round of polls', 'polls', false),
  ];
}
