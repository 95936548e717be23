// The one who reopens: again and again with growing waits, never after stop, whenever stop comes. On a virtual clock.
import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { DeviceError, type Device, type Health } from '../../drivers/device.ts';
import { supervise } from '../../drivers/supervise.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';

/** What an opening may take; whatever waits shorter waits to open again. */
const patienceMs = 15_000;

/** A clock that stands until it is told to go on. */
function virtualClock(): Clock & { advance(byMs: number): Promise<void>; waits: number[] } {
  let now = 0;
  const timers = new Set<{ at: number; call: () => void }>();
  const waits: number[] = [];
  return {
    waits,
    nowMs: () => now,
    monotonicMs: () => now,
    after(delayMs, call) {
      const timer = { at: now + delayMs, call };
      timers.add(timer);
      if (delayMs < patienceMs) waits.push(delayMs);
      return () => timers.delete(timer);
    },
    async advance(byMs) {
      await settled();
      now += byMs;
      for (const timer of [...timers]) {
        if (timer.at > now) continue;
        timers.delete(timer);
        timer.call();
      }
      await settled();
    },
  };
}

/** Lets everything run that waits for nothing but its turn. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

type Plan = 'opens' | 'refuses' | 'hangs' | 'opens-despite-abort';

class FakeDevice implements Device {
  readonly name = 'fake';
  closes = 0;
  signal: AbortSignal | undefined;
  readonly plan: Plan;
  readonly #closed = Promise.withResolvers<DeviceError | undefined>();
  readonly closed = this.#closed.promise;
  readonly release = Promise.withResolvers<undefined>();

  constructor(plan: Plan) {
    this.plan = plan;
  }

  async open(signal: AbortSignal): Promise<void> {
    this.signal = signal;
    if (this.plan === 'refuses') throw new DeviceError('not-found', 'nothing is there');
    if (this.plan === 'opens-despite-abort') await this.release.promise;
    if (this.plan !== 'hangs') return;
    await new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        reject(new DeviceError('canceled', 'called off'));
      });
    });
  }

  health(): Health {
    return { state: 'up' };
  }

  async close(): Promise<void> {
    this.closes += 1;
    this.#closed.resolve(undefined);
    return Promise.resolve();
  }

  unplug(): void {
    this.#closed.resolve(new DeviceError('disconnected', 'it was unplugged'));
  }
}

function start(plans: (attempt: number) => Plan): {
  clock: ReturnType<typeof virtualClock>;
  made: FakeDevice[];
  changes: string[];
  watch: ReturnType<typeof supervise<FakeDevice>>;
} {
  const clock = virtualClock();
  const made: FakeDevice[] = [];
  const changes: string[] = [];
  const watch = supervise({
    make: () => {
      const device = new FakeDevice(plans(made.length));
      made.push(device);
      return device;
    },
    clock,
    log: silentLog,
    random: () => 0.999_999,
    onChange: (_device, health) =>
      changes.push([health.state, health.fault].filter(Boolean).join(' ')),
  });
  return { clock, made, changes, watch };
}

describe('reopening', () => {
  test('a device that went away is opened again, by a new object', async () => {
    const { clock, made, changes, watch } = start(() => 'opens');
    await clock.advance(5000);
    expect(watch.current()).toBe(made[0]);
    made[0]?.unplug();
    await settled();
    expect(watch.current()).toBeUndefined();
    expect(watch.health()).toMatchObject({ state: 'down', fault: 'disconnected' });
    await clock.advance(100);
    expect(watch.current()).toBe(made[1]);
    expect(changes).toEqual(['up', 'down disconnected', 'up']);
    expect(made[0]?.closes).toBe(1);
    await watch.stop();
  });

  test('waits grow up to a second and a half and no longer', async () => {
    const { clock, made, changes, watch } = start(() => 'refuses');
    for (let attempt = 0; attempt < 8; attempt++) await clock.advance(1500);
    expect(clock.waits.slice(0, 7)).toEqual([100, 200, 400, 800, 1500, 1500, 1500]);
    expect(made.every((device) => device.closes === 1)).toBe(true);
    expect(changes).toEqual(['down not-found']); // Told once, not at every try.
    await watch.stop();
  });

  test('a device that opens and falls at once is tried ever more seldom', async () => {
    const { clock, made, watch } = start(() => 'opens');
    for (let attempt = 0; attempt < 6; attempt++) {
      await settled();
      made.at(-1)?.unplug();
      await clock.advance(1500);
    }
    expect(clock.waits).toEqual([100, 200, 400, 800, 1500, 1500]);
    await watch.stop();
  });

  test('a device that stayed open for a while begins with the short wait again', async () => {
    const { clock, made, watch } = start((attempt) => (attempt < 4 ? 'refuses' : 'opens'));
    for (let attempt = 0; attempt < 4; attempt++) await clock.advance(1500);
    expect(watch.current()).toBe(made[4]);
    await clock.advance(2000);
    made[4]?.unplug();
    await settled();
    expect(clock.waits.at(-1)).toBe(100);
    await watch.stop();
  });
});

describe('an opening that does not end', () => {
  test('is down when it took too long, is not begun a second time, and is up when it ends at last', async () => {
    const { clock, made, changes, watch } = start(() => 'opens-despite-abort');
    await clock.advance(patienceMs - 1);
    expect(watch.health()).toEqual({ state: 'opening' });
    await clock.advance(1);
    expect(watch.health()).toMatchObject({ state: 'down', fault: 'timeout' });
    expect(watch.health().detail).toBe('fake has not opened for 15 s');
    await clock.advance(60_000);
    expect(made).toHaveLength(1);
    made[0]?.release.resolve(undefined);
    await settled();
    expect(watch.current()).toBe(made[0]);
    expect(changes).toEqual(['down timeout', 'up']);
    await watch.stop();
  });

  test('nothing is said of an opening that ended in time', async () => {
    const { clock, changes, watch } = start(() => 'opens');
    await clock.advance(2 * patienceMs);
    expect(changes).toEqual(['up']);
    await watch.stop();
  });
});

describe('stop', () => {
  test('closes the open device and is safe to call twice', async () => {
    const { clock, made, watch } = start(() => 'opens');
    await clock.advance(0);
    await Promise.all([watch.stop(), watch.stop()]);
    expect(made[0]?.closes).toBeGreaterThan(0);
    expect(watch.current()).toBeUndefined();
    expect(watch.health().state).toBe('down');
    await clock.advance(60_000);
    expect(made).toHaveLength(1);
  });

  test('while opening calls the opening off', async () => {
    const { clock, made, changes, watch } = start(() => 'hangs');
    await clock.advance(0);
    await watch.stop();
    expect(made).toHaveLength(1);
    expect(made[0]?.closes).toBe(1);
    expect(changes).toEqual([]);
  });

  test('in the very moment in which a device opens closes it again and announces nothing', async () => {
    const { clock, made, changes, watch } = start(() => 'opens-despite-abort');
    await clock.advance(0);
    const stopped = watch.stop();
    made[0]?.release.resolve(undefined);
    await stopped;
    expect(made[0]?.closes).toBe(1);
    expect(changes).toEqual([]);
  });

  test('while waiting ends the wait', async () => {
    const { clock, made, watch } = start(() => 'refuses');
    await clock.advance(0);
    await watch.stop();
    await clock.advance(60_000);
    expect(made).toHaveLength(1);
  });
});

test('a thousand reconnections leave no listener behind', async () => {
  const { clock, made, watch } = start(() => 'opens');
  for (let round = 0; round < 1000; round++) {
    await settled();
    made.at(-1)?.unplug();
    await clock.advance(1500);
  }
  expect(made.length).toBeGreaterThan(1000);
  const signal = made.at(-1)?.signal;
  expect(signal && getEventListeners(signal, 'abort').length).toBe(1);
  await watch.stop();
  expect(signal && getEventListeners(signal, 'abort').length).toBe(0);
});
