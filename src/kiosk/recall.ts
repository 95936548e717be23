// What became of an order that nobody heard the end of: the dispenser is asked. It must never take the word of a board that
// was not there: goods that are out would be owed once more.
import { DeviceError, type Dispenser, type DispenseResult } from '../../drivers/device.ts';
import { wait, type Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';

/** A device that was unplugged, or is still opening after a start, may need so long; after it nobody can say. */
export const devicePatienceMs = 10_000;
export const deviceStepMs = 100;

export interface RecallParts {
  /** Undefined: it is not there. */
  dispenser: () => Pick<Dispenser, 'lastResult'> | undefined;
  /** The order that was carried out last; two, where the journal is not sure. Undefined: it cannot be read. */
  lastCarriedOut: () => readonly string[] | undefined;
  clock: Clock;
  log: Log;
  signal: AbortSignal;
}

type Recalled = DispenseResult | 'never';

/** Makes the function that asks, for as long as the board may need to come back. Never throws for a device's fault. */
export function createRecall(parts: RecallParts): (id: string) => Promise<Recalled> {
  const { clock, log, signal } = parts;

  async function ask(id: string): Promise<Recalled | 'no-answer'> {
    const device = parts.dispenser();
    if (device === undefined) return 'no-answer';
    if (device.lastResult === undefined) return 'unknown';
    try {
      return await device.lastResult(id, signal);
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      log.debug({ id, fault: error.kind }, 'dispenser.no-answer');
      return 'no-answer';
    }
  }

  async function askPatiently(id: string): Promise<Recalled | 'no-answer'> {
    const untilMs = clock.monotonicMs() + devicePatienceMs;
    let result = await ask(id);
    while (result === 'no-answer' && clock.monotonicMs() < untilMs) {
      await wait(clock, deviceStepMs, signal);
      if (signal.aborted) return result;
      result = await ask(id);
    }
    return result;
  }

  /**
   * Whether it knows the order before: it is the one that had it. An older order shows nothing, for a board that was away
   * meanwhile knows that one too. Before the first order nothing can show it.
   */
  async function knowsUs(): Promise<boolean> {
    const before = parts.lastCarriedOut();
    if (before === undefined || before.length === 0) return false;
    for (const id of before) {
      const result = await ask(id);
      if (result === 'never' || result === 'no-answer') return false;
    }
    return true;
  }

  return async (id) => {
    const result = await askPatiently(id);
    if (result === 'no-answer') return 'unknown';
    if (result !== 'never' || (await knowsUs())) return result;
    log.error({ id }, 'dispenser.other');
    return 'unknown';
  };
}
