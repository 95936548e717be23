// From the verdict at the kiosk's end of the line to the order at the vend board: on a card whose sync takes 20 ms beside
// the floor with one sync, and what is left of it after the commit.
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/lib/clock.ts';
import { startChild } from './child.ts';
import { against, median, percentile, type Outcome } from './figures.ts';
import { openKioskHouse, whyNoCard, type Hops } from './kiosk-house.ts';
import { makeSlowCard, type Sync } from './slow-sync.ts';

const defaults = { sales: 30, quickSales: 100, cardMs: 20 };
const floorBound = 1.1;
const afterCommitMs = 1;
/** A verdict of a sale is some three kilobytes in the journal. */
const entryBytes = 3000;

export async function kioskHand(sizes = defaults): Promise<Outcome> {
  await using undo = new AsyncDisposableStack();
  const slow = await openKioskHouse(undo, sizes.cardMs);
  const floor = await openFloor(undo, sizes.cardMs);
  if (slow === undefined || floor === undefined) return { skipped: whyNoCard };
  const [kios, bare]: [number[], number[]] = [[], []];
  const hops: Hops[] = [];
  await slow.sell(1000); // Whatever is loaded late is loaded now.
  for (let sale = 1; sale <= sizes.sales; sale++) {
    bare.push(await floor());
    const one = await slow.sell(1000 + sale);
    hops.push(one);
    kios.push(one.vendMs - one.paidMs);
  }
  const syncs = await slow.syncs();
  const counts = hops.map((one) => syncsOf(one, syncs).length);
  const quick = await openKioskHouse(undo, 0);
  if (quick === undefined) return { skipped: whyNoCard };
  const quickHops: Hops[] = [];
  for (let sale = 0; sale < sizes.quickSales; sale++) quickHops.push(await quick.sell(1000 + sale));
  const quickSyncs = await quick.syncs();
  const after = quickHops.slice(1).map((one) => sinceCommit(one, quickSyncs));
  const over = median(kios) / median(bare);
  const p99 = percentile(after, 0.99);
  const ms = (value: number): string => `${value.toFixed(2)} ms`;
  return {
    title: 'From `paid` to the vend board',
    how: `real kiosk, relay, twin; the lines to broker and board tapped outside of the kiosk; ${sizes.sales} sales on a card whose sync takes ${sizes.cardMs} ms more (LD_PRELOAD), each after one of the floor (line in, append, fdatasync, line out); ${sizes.quickSales} sales on this machine's own disk for what comes after the commit`,
    head: ['way', 'p50', 'p99', 'bound'],
    rows: [
      ['floor, one sync', ms(median(bare)), ms(percentile(bare, 0.99)), ''],
      ['kios, slow card', ms(median(kios)), ms(percentile(kios, 0.99)), ''],
      [
        'kios to the floor',
        `${over.toFixed(2)}x`,
        '',
        against(`≤ ${floorBound}x`, over <= floorBound),
      ],
      [
        'syncs between them',
        String(median(counts)),
        String(Math.max(...counts)),
        against('= 1', median(counts) === 1),
      ],
      [
        'commit to the board',
        ms(median(after)),
        ms(p99),
        against(`p99 ≤ ${afterCommitMs} ms`, p99 <= afterCommitMs),
      ],
    ],
  };
}

function syncsOf({ paidMs, vendMs }: Hops, syncs: readonly Sync[]): Sync[] {
  return syncs.filter(({ beginMs, endMs }) => beginMs > paidMs && endMs <= vendMs);
}

function sinceCommit(hops: Hops, syncs: readonly Sync[]): number {
  const commit = syncs.filter(({ endMs }) => endMs <= hops.vendMs).at(-1);
  return hops.vendMs - (commit?.endMs ?? NaN);
}

/** One run of the floor, in milliseconds; undefined: no C compiler. */
async function openFloor(
  undo: AsyncDisposableStack,
  cardMs: number,
): Promise<(() => Promise<number>) | undefined> {
  const folder = undo.adopt(await mkdtemp(join(tmpdir(), 'kios-bench-')), (one) =>
    rm(one, { recursive: true }),
  );
  const card = await makeSlowCard(folder);
  if (card === undefined) return undefined;
  let came: ((atMs: number) => void) | undefined;
  const board = createServer((socket) => {
    socket.on('data', () => came?.(systemClock.monotonicMs()));
  });
  await new Promise<void>((resolve) => board.listen(0, '127.0.0.1', resolve));
  undo.defer(() => void board.close());
  const boardPort = String((board.address() as AddressInfo).port);
  const child = undo.adopt(
    await startChild<number>(
      import.meta.url,
      './floors/hand.child.ts',
      [boardPort, join(folder, 'log')],
      card.env(cardMs, join(folder, 'syncs')),
    ),
    (one) => one.end(),
  );
  const line: Socket = connect(child.ready, '127.0.0.1').setNoDelay();
  undo.defer(() => void line.destroy());
  await once(line, 'connect');
  return async () => {
    const vend = new Promise<number>((resolve) => (came = resolve));
    const sentMs = systemClock.monotonicMs();
    line.write(Buffer.alloc(entryBytes, 'x'));
    return (await vend) - sentMs;
  };
}
