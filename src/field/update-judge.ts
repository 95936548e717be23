// Whether a release on trial has proved itself. PURE. It must do at least what its predecessor did: a printer that was
// without paper before is no fault of it.
import type { HealthReport } from '../protocol/root-request.ts';

export interface TrialLimits {
  /** So long must it be well without a break. */
  settleMs: number;
  /** By then it must have been. */
  trialMs: number;
  /** Starts of the daemon in one trial; the first is one of them. */
  maxStarts: number;
  /** A report that is older says nothing any more. */
  freshMs: number;
}

export const trialLimits: TrialLimits = {
  settleMs: 120_000,
  trialMs: 600_000,
  maxStarts: 4,
  freshMs: 30_000,
};

export type Verdict = 'wait' | 'confirm' | 'crash-loop' | 'not-healthy';

/** The parts of a kiosk that work; nothing is known without a report. */
export function partsThatWork(health: HealthReport | undefined): string[] {
  return Object.entries(health?.parts ?? {}).flatMap(([part, { ok }]) => (ok ? [part] : []));
}

/** The release on trial runs, said so lately, and every part that worked before works. */
export function isWell(
  health: HealthReport | undefined,
  trial: { release: string; before: readonly string[] },
  nowMs: number,
  { freshMs }: TrialLimits,
): boolean {
  if (health?.release !== trial.release || !isFresh(health, nowMs, freshMs)) return false;
  return trial.before.every((part) => health.parts[part]?.ok === true);
}

/** It was said lately, and in this boot: the monotonic clock began anew. */
export function isFresh({ atMs }: HealthReport, nowMs: number, freshMs: number): boolean {
  return atMs <= nowMs && nowMs - atMs <= freshMs;
}

/** @param seen.wellMs for how long it has been well; @param seen.elapsedMs since it runs */
export function judge(
  seen: { starts: number; wellMs: number; elapsedMs: number },
  { settleMs, trialMs, maxStarts }: TrialLimits,
): Verdict {
  if (seen.starts > maxStarts) return 'crash-loop';
  if (seen.wellMs >= settleMs) return 'confirm';
  // What is well just now is given the time to show that it stays so.
  return seen.elapsedMs - seen.wellMs > trialMs ? 'not-healthy' : 'wait';
}
