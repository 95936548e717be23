// What every long-running command shares: randomness, signals, and an end that says why.
import { randomInt } from 'node:crypto';
import { ConfigError } from '../lib/config-file.ts';
import { KiosError } from '../protocol/errors.ts';
import { DeviceError } from '../../drivers/device.ts';

/** 0 ≤ random < 1, from the system's source: ids must not be guessable. */
export function systemRandom(): number {
  return randomInt(2 ** 47) / 2 ** 47;
}

/** Longer than any part needs to stop; after it the process ends all the same. */
const stopLimitMs = 10_000;

interface Running {
  stop(): Promise<void>;
  ended?: Promise<Error>;
}

/**
 * Starts it and runs until SIGINT, SIGTERM or SIGHUP, or until `ended`, then stops cleanly. Sets the exit code. A signal
 * that comes during the start counts when the start is done.
 */
export async function runUntilSignal(start: () => Promise<Running>): Promise<void> {
  let limit: NodeJS.Timeout | undefined;
  const limitStop = (): void => {
    limit ??= setTimeout(() => process.exit(1), stopLimitMs).unref();
  };
  const signalled = new Promise<undefined>((resolve) => {
    // SIGHUP: the terminal or the line to it is gone.
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(name, () => {
        limitStop();
        resolve(undefined);
      });
    }
  });
  const running = await start();
  const error = await Promise.race([signalled, running.ended ?? signalled]);
  limitStop();
  await running.stop();
  process.exitCode = error === undefined ? 0 : 1;
  clearTimeout(limit);
}

/** Tells a failure that a person can mend in one or a few lines; everything else keeps its stack. */
export function explain(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  if (error instanceof KiosError) return `${error.message} [${error.code}]`;
  if (error instanceof DeviceError) return `${error.message} [${error.kind}]`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
