// Waiting for SQLite's one write lock while another process has it: a backup tool, an operator's shell, `kios relay
// enrolment`. SQLite's own wait is within the call, so the whole process would stand still; here only the step waits.
import { wait, type Clock } from '../../lib/clock.ts';
import { KiosError } from '../../protocol/errors.ts';

/** From the first refusal on; whoever comes later waits no longer than this lock has been waited for already. */
const lockWaitMs = 5_000;
const lockRetryMs = 20;
/** SQLITE_BUSY; its kinds are in the higher bits (sqlite.org/rescode.html). */
const busyCode = 5;

/** Runs a step that is undone wholly when it meets the lock. @throws KiosError `store-down` when it stays locked. */
export type LockWait = <T>(attempt: () => Promise<T>) => Promise<T>;

/** For one connection. A lock that was not had within the limit costs the next steps one try each, until it is free. */
export function createLockWait(clock: Clock): LockWait {
  let lockedSinceMs: number | undefined;
  return async (attempt) => {
    for (;;) {
      try {
        const result = await attempt();
        lockedSinceMs = undefined;
        return result;
      } catch (error) {
        if (!isLocked(error)) {
          lockedSinceMs = undefined;
          throw error;
        }
        const nowMs = clock.monotonicMs();
        lockedSinceMs ??= nowMs;
        if (nowMs - lockedSinceMs >= lockWaitMs) {
          throw new KiosError('store-down', 'another process holds the database', error);
        }
        await wait(clock, lockRetryMs);
      }
    }
  };
}

function isLocked(error: unknown): boolean {
  if (!(error instanceof Error) || !('errcode' in error)) return false;
  return typeof error.errcode === 'number' && (error.errcode & 0xff) === busyCode;
}
