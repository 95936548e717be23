// Every bench runs at its smallest size and prints a table, so that none rots. Nothing is timed here.
import { expect, test } from 'vitest';
import { chainBudget } from './chain-budget.ts';
import { chainLatency } from './chain-latency.ts';
import { chainThroughput } from './chain-throughput.ts';
import { printed, type Outcome } from './figures.ts';
import { fleet } from './fleet.ts';
import { history } from './history.ts';
import { keyRows } from './key-rows.ts';
import { kioskHand } from './kiosk-hand.ts';
import { kioskIdle } from './kiosk-idle.ts';
import { kioskKeys } from './kiosk-keys.ts';
import { kioskQr } from './kiosk-qr.ts';
import { kioskStart } from './kiosk-start.ts';
import { notices } from './notices-together.ts';
import { peers } from './peers.ts';
import { qrFrame } from './qr-frame.ts';
import { qrMatrix } from './qr-matrix.ts';
import { saleCost } from './sale-cost.ts';
import { slipBytes } from './slip-bytes.ts';
import { slipEncode } from './slip-encode.ts';

/** A bench that cannot run here says what is missing; that is no failure of the bench. */
function prints(outcome: Outcome, ...words: string[]): void {
  const text = 'skipped' in outcome ? outcome.skipped : printed(outcome);
  if (!('skipped' in outcome)) for (const word of words) expect(text).toContain(word);
  expect(text).not.toContain('NaN');
}

test('the chain, one at a time', async () => {
  const sizes = { rounds: 1, events: 3, warmUp: 1, pauseMs: 1 };
  prints(await chainLatency(sizes), 'floor A', 'kios, p99 to floor C');
});

test('the chain beside what it owes', async () => {
  const sizes = { rounds: 1, events: 12, alone: 2, pauseMs: 1, inFlight: 4, kiosks: 2 };
  prints(await chainBudget(sizes), 'obliged floor', 'proof verified');
});

test('the chain, many at once', async () => {
  const sizes = { rounds: 1, events: 12, inFlight: 4, kiosks: 2 };
  prints(await chainThroughput(sizes), 'of K', 'of C');
});

test('beside Express', async () => {
  const sizes = { rounds: 1, notices: 8, charges: 4, connections: 4, postgres: false };
  prints(await peers(sizes), 'SQLite: notices confirmed', 'SQLite: charges');
});

test('the fleet', async () => {
  const sizes = {
    ...{ rounds: 1, kiosks: 20, spreadMs: 50, limitMs: 10_000, settleMs: 50 },
    ...{ samples: 2, salesPerSecond: 5, tls: [false], brokers: ['inside' as const] },
  };
  prints(await fleet(sizes), 'memory a kiosk', 'all back', 'verdict to 1 of 20');
});

test('history', async () => {
  const sizes = { rounds: 1, few: 10, many: 40, kiosks: 5, sales: 3, warmUp: 1, postgres: false };
  prints(await history(sizes), 'SQLite', 'a whole sale', 'a catch-up');
});

test('the cost of a sale', async () => {
  const sizes = { sales: 10, kiosks: 2, wireSales: 2, postgres: false };
  prints(await saleCost(sizes), 'growth of the file', 'MQTT');
});

test('the kiosk: from `paid` to the vend board', async () => {
  prints(
    await kioskHand({ sales: 2, quickSales: 3, cardMs: 5 }),
    'one sync',
    'commit to the board',
  );
}, 120_000);

test('the kiosk: keys, pixels, start, rest', async () => {
  prints(await kioskKeys({ keys: 20, cardMs: 20 }), 'a sync under way');
  prints(await kioskQr({ sales: 2 }), 'QR pixels');
  prints(await kioskStart({ rounds: 1 }), 'bare node', 'as released');
  prints(await kioskIdle({ settleMs: 10, forMs: 100 }), 'wake-ups');
}, 120_000);

test('many notices share their syncs', async () => {
  prints(await notices({ together: [4], midtransMs: 200 }), '4 at once, kept');
});

test('modules, rows and slips', async () => {
  prints(await slipBytes(), 'generic-58');
  prints(await qrFrame({ rounds: 1, frames: 1, pngs: 1 }), 'ours: ground', 'SVG to ours');
  prints(await qrMatrix({ rounds: 1, texts: 2 }), 'qrcode.create', 'ours');
  prints(await keyRows({ rounds: 1, keys: 2 }), 'with its rows', '800×480, 16 bits, 0°');
  const slips = await slipEncode({ rounds: 1, slips: 2 });
  prints(slips, 'native', 'picture');
  // What was measured is a slip whose QR can be read.
  expect(printed(slips)).not.toContain('NOT READ');
});
