// How many syncs many notifications at once cost the relay until each has its 200: counted by strace from outside, so no
// noise of the machine is in it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, wait } from '../../src/lib/clock.ts';
import { type Database } from '../../src/relay/store/database.ts';
import { startChild } from './child.ts';
import { against, type Outcome } from './figures.ts';
import { flood, httpRequest, openHttpLines } from './http-line.ts';
import { noticeRequest } from './notices.ts';
import { startRelay } from './relay-process.ts';
import { kioskName, layKiosks, layPendingSales, openRows, sharedKey } from './rows.ts';
import { attachTrace, countSyncs, noticeRead, okWritten, whyNoTrace, type Trace } from './trace.ts';

const defaults = {
  together: [1, 16, 64],
  /** So late that no confirmation falls among the notices, and before the relay gives up asking. */
  midtransMs: 5_000,
};
/** Of the notices that came together, at most so many of a hundred may cost a sync; one costs one. */
const shareBound = 0.25;
const confirmedMs = 30_000;
const lookEveryMs = 50;

export async function notices(sizes = defaults): Promise<Outcome> {
  const skipped = await whyNoTrace();
  if (skipped !== undefined) return { skipped };
  await using undo = new AsyncDisposableStack();
  const folder = undo.adopt(await mkdtemp(join(tmpdir(), 'kios-bench-')), (one) =>
    rm(one, { recursive: true }),
  );
  const midtrans = undo.adopt(
    await startChild<string>(import.meta.url, './midtrans/quick.child.ts', [
      String(sizes.midtransMs),
    ]),
    (one) => one.end(),
  );
  const relay = undo.adopt(await startRelay({ folder, midtransUrl: midtrans.ready }), (one) =>
    one.stop(),
  );
  const database = undo.adopt(await openRows(relay.store), (one) => one.close());
  const kioskIds = Array.from({ length: Math.max(...sizes.together) }, (_, at) => kioskName(at));
  await layKiosks(database, kioskIds, sharedKey().publicX);
  const rows: string[][] = [];
  for (const [together, kept] of [[1, true], ...sizes.together.flatMap(bothWays)] as const) {
    const saleIds = await layPendingSales(database, kioskIds, together);
    const attach = async (): Promise<Trace> =>
      undo.adopt(await attachTrace(relay.pid()), (one) => one.dispose());
    // New ones are opened at the last moment: what was opened before the tracer came is accepted by then.
    const early = kept ? undefined : await attach();
    const { lines, close } = await openHttpLines(relay.url, together);
    if (kept) await flood(lines, Array<Buffer>(together).fill(httpRequest('GET', '/healthz')), 200);
    const trace = early ?? (await attach());
    const requests = saleIds.map((saleId) => noticeRequest(saleId));
    await flood(lines, requests, 200);
    const traced = await trace.end();
    close();
    rows.push(rowOf(together, kept, traced));
    await confirmed(database);
  }
  return {
    title: 'Syncs of notices that come together',
    how: 'a real relay on SQLite under strace -f, one connection a notice, each of another pending sale; kept: connections that were used before; new: nothing came over them yet (libuv accepts one in each turn of the loop); from the first notice read to the last 200 written, Midtrans so slow that no confirmation falls among them; the first row is thrown away',
    head: ['notices', 'syncs until the last 200', 'syncs a notice', 'bound'],
    rows: rows.slice(1),
  };
}

/** The confirmations of one row are not to fall among the notices of the next. */
async function confirmed({ db }: Database): Promise<void> {
  const untilMs = systemClock.monotonicMs() + confirmedMs;
  while (systemClock.monotonicMs() < untilMs) {
    const { open } = await db
      .selectFrom('sales')
      .select((eb) => eb.fn.countAll<number>().as('open'))
      .where('verdict', '=', 'pending')
      .executeTakeFirstOrThrow();
    if (open === 0) return;
    await wait(systemClock, lookEveryMs);
  }
  throw new Error('the notices were never confirmed');
}

function bothWays(together: number): (readonly [number, boolean])[] {
  return together === 1
    ? [[1, true]]
    : [
        [together, true],
        [together, false],
      ];
}

function rowOf(together: number, kept: boolean, traced: readonly string[]): string[] {
  const first = traced.findIndex((line) => noticeRead.test(line));
  const last = traced.findLastIndex((line) => okWritten.test(line));
  const count = countSyncs(traced.slice(first, last + 1));
  const most = together === 1 ? 1 : Math.ceil(together * shareBound);
  return [
    `${together} at once, ${kept ? 'kept' : 'new'} connections`,
    String(count),
    (count / together).toFixed(2),
    kept ? against(together === 1 ? '= 1' : `≤ ${most}`, count >= 1 && count <= most) : '',
  ];
}
