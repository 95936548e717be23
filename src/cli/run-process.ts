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

/** SIGHUP: the terminal or the line to it is gone. */
const endSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * A signal to call work off by, that must put something back before the process may end: a relay that is on. Its end is
 * the caller's; it is forced only when that takes too long. `release` gives the signals back to the system.
 */
export function calledOffBySignal(): { signal: AbortSignal; release: () => void } {
  const off = new AbortController();
  let limit: NodeJS.Timeout | undefined;
  // Not once: a second Ctrl-C would end the process before the relay is off.
  const onSignal = (): void => {
    limit ??= setTimeout(() => process.exit(1), stopLimitMs).unref();
    off.abort();
  };
  for (const name of endSignals) process.on(name, onSignal);
  return {
    signal: off.signal,
    release: () => {
      clearTimeout(limit);
      for (const name of endSignals) process.off(name, onSignal);
    },
  };
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
    for (const name of endSignals) {
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
