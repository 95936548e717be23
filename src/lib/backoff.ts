// How long to wait before trying again: doubling, capped, jittered. PURE: randomness is handed in.

export interface Backoff {
  firstMs: number;
  maxMs: number;
}

/**
 * The wait before attempt number `attempt` (1 = the first repeat), in milliseconds: half of it fixed, half drawn from
 * `random` (0 ≤ random < 1), so that a thousand kiosks that lost one relay do not all come back at once.
 */
export function backoffMs(backoff: Backoff, attempt: number, random: number): number {
  const doublings = Math.min(Math.max(attempt - 1, 0), 30);
  const full = Math.min(backoff.firstMs * 2 ** doublings, backoff.maxMs);
  return Math.round(full / 2 + (full / 2) * random);
}
