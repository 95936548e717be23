// `npm run bench [-- names]`: measures kios against the floor of the same machine and prints tables. Never a test: it
// fails only when it cannot measure.
import assert from 'node:assert';
import { systemClock } from '../../src/lib/clock.ts';
import { chainBudget } from './chain-budget.ts';
import { chainLatency } from './chain-latency.ts';
import { chainThroughput } from './chain-throughput.ts';
import { printed, type Bench } from './figures.ts';
import { fleet } from './fleet.ts';
import { history } from './history.ts';
import { journalBytes } from './journal-bytes.ts';
import { keyRows } from './key-rows.ts';
import { kioskHand } from './kiosk-hand.ts';
import { kioskIdle } from './kiosk-idle.ts';
import { kioskKeys } from './kiosk-keys.ts';
import { kioskQr } from './kiosk-qr.ts';
import { kioskStart } from './kiosk-start.ts';
import { notices } from './notices-together.ts';
import { notifications } from './notifications.ts';
import { peers } from './peers.ts';
import { qrFrame } from './qr-frame.ts';
import { qrMatrix } from './qr-matrix.ts';
import { saleCost } from './sale-cost.ts';
import { slipBytes } from './slip-bytes.ts';
import { slipEncode } from './slip-encode.ts';
import { syncs } from './syncs.ts';

const benches = new Map<string, Bench>([
  ['slip-bytes', slipBytes],
  ['journal-bytes', journalBytes],
  ['slip-encode', slipEncode],
  ['qr-matrix', qrMatrix],
  ['qr-frame', qrFrame],
  ['key-rows', keyRows],
  ['syncs', syncs],
  ['notices-together', notices],
  ['notifications', notifications],
  ['chain-latency', chainLatency],
  ['chain-throughput', chainThroughput],
  ['chain-budget', chainBudget],
  ['peers', peers],
  ['sale-cost', saleCost],
  ['history', history],
  ['fleet', fleet],
  ['kiosk-hand', kioskHand],
  ['kiosk-keys', kioskKeys],
  ['kiosk-qr', kioskQr],
  ['kiosk-start', kioskStart],
  ['kiosk-idle', kioskIdle],
]);

async function run(names: readonly string[]): Promise<void> {
  const unknown = names.filter((name) => !benches.has(name));
  if (unknown.length > 0) {
    process.stderr.write(
      `no bench ${unknown.join(', ')}; there are ${[...benches.keys()].join(', ')}\n`,
    );
    process.exitCode = 1;
    return;
  }
  for (const name of names) {
    const bench = benches.get(name);
    assert(bench !== undefined);
    const sinceMs = systemClock.monotonicMs();
    const outcome = await bench();
    const seconds = ((systemClock.monotonicMs() - sinceMs) / 1000).toFixed(1);
    const text = 'skipped' in outcome ? `${name}: SKIPPED: ${outcome.skipped}\n` : printed(outcome);
    process.stdout.write(`${text}  [${name}: ${seconds} s]\n\n`);
  }
}

const asked = process.argv.slice(2);
await run(asked.length > 0 ? asked : [...benches.keys()]);
