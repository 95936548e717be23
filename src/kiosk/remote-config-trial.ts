// Sees whether a configuration from afar that is on trial proves itself. It never ends one that fails: the start after a crash does.
import { wait, type Clock } from '../lib/clock.ts';
import type { RemoteConfig } from './remote-config.ts';

/** So long on end it must be able to sell, where no sale proves it sooner. */
const provedMs = 600_000;
const proveEveryMs = 5_000;

export interface Trial {
  clock: Clock;
  /** The end of the run. */
  signal: AbortSignal;
  remote: Pick<RemoteConfig, 'onTrial' | 'promote'>;
  /** It could sell at this moment. */
  isWell: () => boolean;
  /** A sale was served to its end in this run. */
  hasSold: () => boolean;
  proved: () => void;
}

/** Returns when what runs is good, or the run ends. What the disk does not take is tried again. */
export async function proveTrial(trial: Trial): Promise<void> {
  const { clock, signal, remote } = trial;
  let wellSinceMs: number | undefined;
  while (!signal.aborted && remote.onTrial) {
    const nowMs = clock.monotonicMs();
    wellSinceMs = trial.isWell() ? (wellSinceMs ?? nowMs) : undefined;
    const isProved = trial.hasSold() || nowMs - (wellSinceMs ?? nowMs) >= provedMs;
    if (isProved && remote.promote()) trial.proved();
    await wait(clock, proveEveryMs, signal);
  }
}
