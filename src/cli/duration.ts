// Durations as an operator writes them: 90s, 10m, 24h, 7d.
import { InvalidArgumentError } from 'commander';

export const hourMs = 3_600_000;
const unitsMs = { s: 1_000, m: 60_000, h: hourMs, d: 24 * hourMs } as const;
export const dayMs = unitsMs.d;

/** For an option of commander: milliseconds, at most so many. */
export function durationUpTo(maxMs: number): (text: string) => number {
  return (text) => {
    const match = /^(\d{1,5})([smhd])$/.exec(text);
    const unit = match?.[2] as keyof typeof unitsMs | undefined;
    const ms = unit === undefined ? NaN : Number(match?.[1]) * unitsMs[unit];
    if (ms <= maxMs) return ms;
    const most = `${maxMs / dayMs}d`;
    throw new InvalidArgumentError(`a number and s, m, h or d, at most ${most}; such as 24h`);
  };
}
