// How often and when Midtrans repeats a notification (reference §10.5). PURE: randomness is handed in.

/** What came of one attempt: an HTTP status, or no answer (time-out, connection error). */
export type Attempt = { kind: 'answered'; http: number } | { kind: 'unanswered' };

/** Waits before the first, second … repeat. */
const gapsMs = [2, 10, 30, 90, 210].map((minutes) => minutes * 60_000);

/** How many repeats this outcome allows in all. */
export function repeatsAllowed(attempt: Attempt): number {
  if (attempt.kind === 'unanswered') return 5;
  const { http } = attempt;
  if (http >= 200 && http < 300) return 0;
  if (http === 301 || http === 302 || http === 303) return 0;
  if (http === 500) return 1;
  if (http === 503) return 4;
  if (http === 400 || http === 404) return 2;
  return 5;
}

/**
 * The wait before the next repeat in milliseconds, or undefined when Midtrans gives up (or was answered).
 * @param repeats how many repeats were already made
 * @param random 0 ≤ random < 1. Midtrans shifts each gap at random ("the 2 min retry may come after 33 s").
 * @param timeScale 1 = real gaps
 */
export function nextRepeatMs(
  attempt: Attempt,
  repeats: number,
  random: number,
  timeScale: number,
): number | undefined {
  const gap = gapsMs[repeats];
  if (gap === undefined || repeats >= repeatsAllowed(attempt)) return undefined;
  return Math.round(gap * timeScale * (0.25 + 0.75 * random));
}
