// The LED trigger's line against the kernel's rules: exact trains, whatever is killed, unplugged or still running.
import { expect, test } from 'vitest';
import type { DeviceError } from '../../drivers/device.ts';
import type { LedFiles } from '../../drivers/dispenser/led-files.ts';
import { LedLine } from '../../drivers/dispenser/led-line.ts';
import { LedTrigger } from '../../drivers/dispenser/led-simulator.ts';
import { ledPattern, loadedMs, trainMs } from '../../drivers/dispenser/pulse-train.ts';
import { VirtualClock } from '../lib/virtual-clock.ts';

const folder = '/sys/class/leds/kios-vend';
const train = { pulses: 3, pulseMs: 100, gapMs: 150 };
const never = new AbortController().signal;
const nobodyHolds = async (): Promise<{ close: () => never }> =>
  Promise.resolve({ close: () => undefined as never });

interface Edge {
  on: boolean;
  atMs: number;
}

function bench(maxBrightness = 1): {
  clock: VirtualClock;
  led: LedTrigger;
  edges: Edge[];
  connect: (files?: LedFiles) => LedLine;
} {
  const clock = new VirtualClock();
  const edges: Edge[] = [];
  const led = new LedTrigger({
    clock,
    maxBrightness,
    onEdge: (on, atMs) => edges.push({ on, atMs }),
  });
  return {
    clock,
    led,
    edges,
    connect: (files = led) => new LedLine({ folder, clock, files, hold: nobodyHolds }),
  };
}

const settled = async <T>(clock: VirtualClock, work: Promise<T>, ms = 10_000): Promise<T> => {
  await clock.advance(ms);
  return work;
};

test('a train has so many pulses of just that length, and ends off with nothing loaded', async () => {
  for (const maxBrightness of [1, 255]) {
    const { clock, led, edges, connect } = bench(maxBrightness);
    const line = connect();
    await line.open();
    expect(await settled(clock, line.run(train, never))).toBe('made');
    expect(edges).toEqual(
      [0, 250, 500].flatMap((atMs) => [
        { on: true, atMs },
        { on: false, atMs: atMs + 100 },
      ]),
    );
    expect([led.isOn, led.read('pattern')]).toEqual([false, '']);
  }
});

test('the next train has its own number of pulses, not that of the one before', async () => {
  const { clock, led, connect } = bench();
  const line = connect();
  await line.open();
  await settled(clock, line.run(train, never));
  expect(await settled(clock, line.run({ ...train, pulses: 1 }, never))).toBe('made');
  expect(led.pulses).toBe(4);
});

test('the result comes when the last gap is over, not before', async () => {
  const { clock, connect } = bench();
  const line = connect();
  await line.open();
  let outcome = '';
  void line.run(train, never).then((said) => (outcome = said));
  await clock.advance(750);
  expect(outcome).toBe('');
  await clock.advance(trainMs(train) - 750);
  expect(outcome).toBe('made');
});

test('killed at any of its writes, the line has made the whole train or nothing, and ends off', async () => {
  for (const before of ['nothing', 'a train'] as const) {
    for (let alive = 0; alive <= 4; alive++) {
      const { clock, led, connect } = bench();
      if (before === 'a train') {
        const first = connect();
        await first.open();
        await settled(clock, first.run({ ...train, pulses: 7 }, never));
        await first.close();
      }
      const earlier = led.pulses;
      let writes = 0;
      const dead = connect({
        read: (name) => led.read(name),
        write: (name, text) => {
          writes += 1;
          if (writes > alive) throw new Error('killed');
          led.write(name, text);
        },
      });
      await dead.open();
      void dead.run(train, never);
      await clock.advance(60_000);
      expect(led.pulses - earlier).toBe(alive < 3 ? 0 : 3);
      expect(led.isOn).toBe(false);
    }
  }
});

test('after a restart the line is held until the train of the run before has ended, and its end is told', async () => {
  const { clock, led, connect } = bench();
  let killed = false;
  const dead = connect({
    read: (name) => led.read(name),
    write: (name, text) => {
      if (!killed) led.write(name, text);
    },
  });
  await dead.open();
  void dead.run(train, never);
  await clock.advance(120); // In the gap behind the first pulse: the line is off, the train goes on.
  killed = true;
  const reborn = connect();
  await reborn.open();
  expect(await reborn.run({ ...train, pulses: 1 }, never)).toBe('refused');
  expect(await settled(clock, reborn.follow(train, never))).toBe('made');
  expect(led.pulses).toBe(3);
  expect(await settled(clock, reborn.run({ ...train, pulses: 1 }, never))).toBe('made');
  expect(led.pulses).toBe(4);
});

test('a train that is not the one that is loaded, or none, cannot be told', async () => {
  const { clock, connect } = bench();
  const line = connect();
  await line.open();
  expect(await settled(clock, line.follow(train, never))).toBe('lost');
  void line.run(train, never);
  expect(await settled(clock, line.follow({ ...train, pulses: 2 }, never))).toBe('lost');
});

test('called off, the train goes on to its end and holds the line', async () => {
  const { clock, led, connect } = bench();
  const line = connect();
  await line.open();
  const abort = new AbortController();
  const left = line.run(train, abort.signal);
  await clock.advance(50);
  abort.abort();
  expect(await left).toBe('left');
  expect(await line.run(train, never)).toBe('refused');
  await clock.advance(5000);
  expect(led.pulses).toBe(3);
  expect(await settled(clock, line.follow(train, never))).toBe('made');
});

test('an order while another one runs is refused', async () => {
  const { clock, led, connect } = bench();
  const line = connect();
  await line.open();
  const first = line.run(train, never);
  expect(await line.run(train, never)).toBe('refused');
  expect(await settled(clock, first)).toBe('made');
  expect(led.pulses).toBe(3);
});

test('an LED that is taken away in mid-train is told, and what became of the train is not known', async () => {
  const { clock, led, connect } = bench();
  const line = connect();
  await line.open();
  const gone = new AbortController();
  void line.closed.then(() => {
    gone.abort();
  });
  const outcome = line.run(train, gone.signal);
  await clock.advance(120);
  led.unplug();
  await clock.advance(1000);
  expect(await line.closed).toMatchObject({ kind: 'disconnected' });
  expect(await outcome).toBe('lost');
  const missing = connect();
  await expect(missing.open()).rejects.toMatchObject({ kind: 'not-found' });
  led.plug();
  const back = connect();
  await back.open();
  expect(await settled(clock, back.follow(train, never))).toBe('lost');
  expect(await settled(clock, back.run(train, never))).toBe('made');
});

test('an LED that was away and is back before anybody looked has not made the train', async () => {
  const { clock, led, connect } = bench();
  const line = connect();
  await line.open();
  const outcome = line.run(train, never);
  await clock.advance(120);
  led.unplug();
  led.plug();
  expect(await settled(clock, outcome)).toBe('lost');
});

test('one that is taken away while idle is told within a second', async () => {
  const { clock, led, connect } = bench();
  const line = connect();
  await line.open();
  led.unplug();
  await clock.advance(1000);
  expect(await line.closed).toMatchObject({ kind: 'disconnected' });
});

test('an LED that blinks for ever belongs to somebody else', async () => {
  const { led, connect } = bench();
  led.write('pattern', '1 500 1 0 0 500 0 0');
  await expect(connect().open()).rejects.toMatchObject({ kind: 'busy' });
});

test('the longest order of ours is followed after a restart, not taken for somebody else’s', async () => {
  const { led, connect } = bench();
  led.write('repeat', '9900');
  led.write('pattern', '1 50 1 0 0 50 0 0');
  await expect(connect().open()).resolves.toBeUndefined();
});

test('an LED that somebody else has lit is not pulsed', async () => {
  const { led, connect } = bench();
  const lit: LedFiles = {
    read: (name) => (name === 'brightness' ? '1\n' : led.read(name)),
    write: (name, text) => {
      led.write(name, text);
    },
  };
  const line = connect(lit);
  await line.open();
  expect(await line.run(train, never)).toBe('refused');
  expect(led.pulses).toBe(0);
});

test('what the kernel did not take as written is not started', async () => {
  const { clock, led, connect } = bench();
  const deaf: LedFiles = {
    read: (name) => led.read(name),
    write: (name, text) => {
      if (name !== 'repeat') led.write(name, text);
    },
  };
  const line = connect(deaf);
  await line.open();
  expect(await settled(clock, line.run(train, never))).toBe('refused');
  expect(led.pulses).toBe(0);
});

test.each([
  ['EACCES', 'busy', /udev rules/],
  ['EROFS', 'busy', /udev rules/],
  ['ENOENT', 'not-found', /config\.txt/],
] as const)('%s at the opening says what mends it', async (code, kind, sentence) => {
  const { connect } = bench();
  const line = connect({
    read: () => {
      throw Object.assign(new Error(code), { code });
    },
    write: () => undefined,
  });
  const error = await line.open().catch((caught: unknown) => caught as DeviceError);
  expect(error).toMatchObject({ kind });
  expect(String(error)).toMatch(sentence);
});

test('another trigger says what mends it', async () => {
  const { led, connect } = bench();
  const line = connect({
    read: (name) => (name === 'trigger' ? '[none] pattern\n' : led.read(name)),
    write: () => undefined,
  });
  await expect(line.open()).rejects.toThrow(/echo pattern > /);
});

test('the documented abort ends a train with the line off', async () => {
  const { clock, led, connect } = bench();
  const line = connect();
  await line.open();
  const outcome = line.run(train, never);
  await clock.advance(50);
  led.write('pattern', '0 10 0 0 0 10 0 0'); // docs/wiring.md
  expect([led.isOn, led.pulses]).toEqual([false, 1]);
  expect(await settled(clock, outcome)).toBe('lost');
  expect(led.pulses).toBe(1);
});

test('a loaded pattern tells how long it may run', () => {
  expect(loadedMs('', '-1')).toBe(0);
  expect(loadedMs(`${ledPattern(train, 255)}\n`, '3\n')).toBe(trainMs(train));
  expect(loadedMs('1 100 1 0 0 150 0 0', '-1')).toBeUndefined();
  expect(loadedMs('x y', '1')).toBeUndefined();
});
