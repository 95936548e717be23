// What became of an order that nobody heard the end of: the dispenser is asked. It must never take the word of a board that
// was not there: goods that are out would be owed once more.
import { DeviceError, type Dispenser, type DispenseResult } from '../../drivers/device.ts';
import { wait, type Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';

/** A device that was unplugged, or is still opening after a start, may need so long; after it nobody can say. */
export const devicePatienceMs = 10_000;
export const deviceStepMs = 100;

/** So many orders of before a board may have forgotten, and is still believed for the next one that it knows. */
export const maxWitnesses = 3;

export interface RecallParts {
  /** Undefined: it is not there. */
  dispenser: () => Pick<Dispenser, 'lastResult'> | undefined;
  /** The last orders that were carried out, the newest first. Undefined: the journal cannot be read. */
  carriedOut: () => readonly string[] | undefined;
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

  /** Whether it knows one of the last orders: it is the one that had them. Before the first order nothing can show that. */
  async function knowsUs(): Promise<boolean> {
    const before = parts.carriedOut();
    if (before === undefined) return false;
    for (const id of before) {
      const result = await ask(id);
      if (result !== 'never' && result !== 'no-answer') return true;
    }
    return false;
  }

  return async (id) => {
    const result = await askPatiently(id);
    if (result === 'no-answer') return 'unknown';
    if (result !== 'never' || (await knowsUs())) return result;
    log.error({ id }, 'dispenser.other');
    return 'unknown';
  };
}
