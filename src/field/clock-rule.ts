// Which time the system clock may be set to. PURE. A signed time is never older than one that was believed before, so an
// old answer sets nothing back; and no time lies before kios or far beyond it.

/** No release is older: every file of a bundle carries this time. */
export const oldestMs = Date.UTC(2026, 0, 1);
const newestMs = Date.UTC(2036, 0, 1);
/** From hearing the time to setting it. */
const maxWaitMs = 60_000;

/** Why a signed time is not set; undefined: it is. @param believedMs the newest signed time that was ever set */
export function timeFault(
  { timeMs, waitedMs }: { timeMs: number; waitedMs: number },
  believedMs: number | undefined,
): string | undefined {
  if (!(waitedMs >= 0 && waitedMs <= maxWaitMs)) return 'it was heard too long ago';
  if (!(timeMs >= oldestMs && timeMs <= newestMs)) return 'it is no time that kios can live in';
  if (believedMs !== undefined && timeMs <= believedMs) return 'a later time was believed before';
  return undefined;
}

/**
 * What the clock is raised to at boot (PROTOCOL.md §8); undefined: it is right as far as anybody knows.
 * @param knownMs times that were surely before now: of the journal, of what was believed.
 */
export function raisedMs(systemMs: number, knownMs: readonly number[]): number | undefined {
  // A file may carry any time; one beyond ours is no witness.
  const possible = knownMs.filter((ms) => ms >= oldestMs && ms <= newestMs);
  const least = Math.max(oldestMs, ...possible);
  return systemMs < least ? least : undefined;
}
