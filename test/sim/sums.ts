// What many runs come to, and what the processes of the pool say to each other.
import type { Bug } from './bugs.ts';
import { faultKinds, type FaultKind } from './draw.ts';
import type { Outcome } from './run.ts';

/** Seeds from `from` to below `until`, up to the first that breaks a rule. */
export interface Job {
  from: number;
  until: number;
  bug?: Bug;
  /** Whether the logs are wanted, as hashes. */
  hashes: boolean;
}

export interface Result {
  sums: Sums;
  hashes: string[];
  broken?: { seed: number; rule: string };
}

export interface Sums {
  runs: number;
  sales: number;
  shown: number;
  pulses: number;
  crashes: number;
  virtualMs: number;
  struck: Partial<Record<FaultKind, number>>;
}

const dayMs = 24 * 3_600_000;

export function emptySums(): Sums {
  return { runs: 0, sales: 0, shown: 0, pulses: 0, crashes: 0, virtualMs: 0, struck: {} };
}

export function addOutcome(sums: Sums, { count, struck, virtualMs }: Outcome): void {
  addSums(sums, { runs: 1, ...count, virtualMs, struck: Object.fromEntries(struck) });
}

export function addSums(sums: Sums, more: Sums): void {
  for (const name of ['runs', 'sales', 'shown', 'pulses', 'crashes', 'virtualMs'] as const) {
    sums[name] += more[name];
  }
  for (const kind of faultKinds) {
    sums.struck[kind] = (sums.struck[kind] ?? 0) + (more.struck[kind] ?? 0);
  }
}

export function sumsText({ runs, sales, shown, pulses, crashes, virtualMs, struck }: Sums): string {
  return [
    `${runs} runs, ${sales} sales begun, ${shown} QRs shown, ${pulses} pulses,`,
    `${crashes} crashes, ${(virtualMs / dayMs).toFixed(1)} virtual days; faults:`,
    ...faultKinds.map((kind) => `  ${kind}: ${struck[kind] ?? 0}`),
  ].join('\n');
}
