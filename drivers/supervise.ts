// Keeps one device open: makes a connection, waits until it is gone, makes the next one with backoff. Nobody else reopens.
import { backoffMs, type Backoff } from '../src/lib/backoff.ts';
import { wait, type Clock } from '../src/lib/clock.ts';
import type { Log } from '../src/lib/log.ts';
import { DeviceError, type Device, type Health } from './device.ts';

/** A replugged device is to be back within two seconds, so no wait is longer. */
const reopen: Backoff = { firstMs: 100, maxMs: 1500 };

/** Longer than any driver asks for answers; a kernel may hold one longer. Then it is known to be down, and waited for. */
const openLimitMs = 15_000;

/** A device that stays open shorter than this is flapping, and its waits go on growing. */
const steadyMs = 2000;

export interface Supervised<D extends Device> {
  /** The open connection, if there is one at this moment. */
  current(): D | undefined;
  health(): Health;
  /** Closes the connection and ends the watch. */
  stop(): Promise<void>;
}

export interface SuperviseOptions<D extends Device> {
  /** A new, unopened connection. */
  make: () => D;
  clock: Clock;
  log: Log;
  random: () => number;
  /** Called after each change of health, with the open device or the reason why there is none. */
  onChange: (device: D | undefined, health: Health) => void;
}

/** Starts at once and goes on until `stop`. Faults are logged when they change, not at every try. */
export function supervise<D extends Device>(options: SuperviseOptions<D>): Supervised<D> {
  const { make, clock, log, random, onChange } = options;
  const ended = new AbortController();
  const stopped = (): boolean => ended.signal.aborted;
  let open: D | undefined;
  let health: Health = { state: 'opening' };

  const report = (device: D | undefined, next: Health): void => {
    const changed = next.state !== health.state || next.detail !== health.detail;
    open = device;
    health = next;
    if (!changed) return;
    if (next.state === 'down') log.warn({ fault: next.fault, detail: next.detail }, 'device.down');
    else log.info({ name: device?.name }, 'device.up');
    onChange(device, next);
  };

  const run = async (): Promise<void> => {
    for (let attempt = 1; !stopped(); attempt++) {
      const device = make();
      let openedMs = Infinity;
      const notLate = clock.after(openLimitMs, () => {
        const detail = `${device.name} has not opened for ${openLimitMs / 1000} s`;
        report(undefined, { state: 'down', fault: 'timeout', detail });
      });
      const error = await openUntilClosed(device, ended.signal, () => {
        notLate();
        openedMs = clock.monotonicMs();
        report(device, { state: 'up' });
      });
      notLate();
      if (stopped()) break;
      if (clock.monotonicMs() - openedMs >= steadyMs) attempt = 1;
      report(undefined, {
        state: 'down',
        fault: error?.kind ?? 'disconnected',
        detail: error?.message ?? `${device.name} closed itself`,
      });
      await wait(clock, backoffMs(reopen, attempt, random()), ended.signal);
    }
    open = undefined;
    health = { state: 'down', fault: 'canceled' };
  };
  const running = run();

  return {
    current: () => open,
    health: () => (open === undefined ? health : open.health()),
    stop: async () => {
      ended.abort();
      await open?.close();
      await running;
    },
  };
}

/** Runs one connection from its opening to its end and says why it ended. */
async function openUntilClosed(
  device: Device,
  signal: AbortSignal,
  opened: () => void,
): Promise<DeviceError | undefined> {
  try {
    await device.open(signal);
  } catch (error) {
    await device.close();
    if (error instanceof DeviceError) return error;
    throw error;
  }
  if (signal.aborted) {
    await device.close();
    return undefined;
  }
  opened();
  const stop = (): void => void device.close();
  signal.addEventListener('abort', stop, { once: true });
  const error = await device.closed;
  signal.removeEventListener('abort', stop);
  await device.close();
  return error;
}
