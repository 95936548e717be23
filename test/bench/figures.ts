// What every bench shares: variants alive in one run and interleaved, medians, and a table. Figures are ratios, because
// a time without its floor says more about the machine than about kios.
import assert from 'node:assert';

export interface Report {
  title: string;
  /** How it was measured, in a sentence: a figure without its method is none. */
  how: string;
  head: readonly string[];
  rows: readonly (readonly string[])[];
}

/** What a bench comes back with; `skipped` says why, and what to install. */
export type Outcome = Report | { skipped: string };

export type Bench = () => Promise<Outcome>;

/** @throws when there is nothing to take the middle of. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const high = sorted[Math.floor(sorted.length / 2)];
  const low = sorted[Math.ceil(sorted.length / 2) - 1];
  assert(high !== undefined && low !== undefined, 'a median of nothing');
  return (low + high) / 2;
}

/** The value that `share` of them (0 < share ≤ 1) do not exceed. @throws when there are none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  assert(value !== undefined, 'a percentile of nothing');
  return value;
}

/** One round of one variant: what it measured, in whatever unit. */
export type Variant = () => Promise<number>;

/**
 * Runs each variant once a round, in turn, after one round that is thrown away. What one of them suffers from the rest
 * of the machine, the others suffer too.
 */
export async function interleave<Name extends string>(
  variants: Readonly<Record<Name, Variant>>,
  rounds: number,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(variants) as Name[];
  // fromEntries forgets the names' type: they are the keys of `variants`, every one of them.
  const measured = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<
    Name,
    number[]
  >;
  for (let round = -1; round < rounds; round++) {
    for (const name of names) {
      const figure = await variants[name]();
      if (round >= 0) measured[name].push(figure);
    }
  }
  return measured;
}

/** The median of the ratios of the same rounds, and their spread: `12.3x (11.9–13.0)`. */
export function ratio(
  of: readonly number[],
  to: readonly number[],
): { median: number; text: string } {
  return spread(of.map((value, round) => value / (to[round] ?? NaN)));
}

/** The median of ratios that were taken round by round, and their spread. */
export function spread(ratios: readonly number[]): { median: number; text: string } {
  const middle = median(ratios);
  const short = (value: number): string => value.toFixed(value < 10 ? 2 : 1);
  const range = `${short(Math.min(...ratios))}–${short(Math.max(...ratios))}`;
  return { median: middle, text: `${short(middle)}x (${range})` };
}

/** A bound and whether it is met, for a table's last column. A missed one is printed; it fails nothing. */
export function against(bound: string, met: boolean): string {
  return `${bound}: ${met ? 'met' : 'MISSED'}`;
}

export function printed({ title, how, head, rows }: Report): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd();
  const rule = `  ${widths.map((width) => '-'.repeat(width)).join('  ')}`;
  return [title, `  ${how}`, '', line(head), rule, ...rows.map(line), ''].join('\n');
}
