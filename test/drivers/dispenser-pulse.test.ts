// A dispenser on an LED of the kernel as a whole, with files and processes of its own: the contract, at most one train an
// order, and what is known after a kill -9, a restart of the machine and a full disk.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, test } from 'vitest';
import type { Dispenser, DispenseOrder } from '../../drivers/device.ts';
import { createDispenser } from '../../drivers/dispenser/dispenser.ts';
import { LedLine } from '../../drivers/dispenser/led-line.ts';
import { LedTrigger } from '../../drivers/dispenser/led-simulator.ts';
import { OrderMemory } from '../../drivers/dispenser/order-memory.ts';
import { PulseDispenser } from '../../drivers/dispenser/pulse-dispenser.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { testDispenser } from './dispenser.contract.ts';

const never = new AbortController().signal;
const shape = { pulseMs: 20, gapMs: 20, pulsesPerItem: 1 };
const options = 'pulseMs=20&gapMs=20';
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

let lastId = 0;
const freshId = (): string => `test1-${++lastId}`;
const order = (id: string, pieces = 1): DispenseOrder => ({ id, pieces });

async function folderOf(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'kios-pulse-'));
  cleanups.push(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

interface LedBench {
  dir: string;
  led: LedTrigger;
  /** Calls once, when the LED next goes on. */
  onPulse: (call: () => void) => void;
  make: (bootId?: string) => Dispenser;
}

/** A virtual LED, and its orders' memory. */
async function ledBench(): Promise<LedBench> {
  const dir = await folderOf();
  let next: (() => void) | undefined;
  const led = new LedTrigger({
    clock,
    onEdge: (on) => {
      if (!on) return;
      const call = next;
      next = undefined;
      call?.();
    },
  });
  return {
    dir,
    led,
    onPulse: (call) => {
      next = call;
    },
    make: (bootId = 'boot-1') => {
      const dispenser = new PulseDispenser({
        line: new LedLine({ folder: join(dir, 'led'), clock, files: led }),
        shape,
        memory: new OrderMemory({ folder: dir, bootId }),
      });
      cleanups.push(() => dispenser.close());
      return dispenser;
    },
  };
}

testDispenser('an LED of the kernel', async () => {
  const { make } = await ledBench();
  return { make, freshId, dispose: async () => Promise.resolve() };
});

testDispenser('an LED whose files are plain ones', async () => {
  const dir = await folderOf();
  const led = await plainLed(dir);
  return {
    make: () =>
      createDispenser({ at: `led:${led}?${options}`, clock, memory: { folder: dir, bootId: 'b' } }),
    freshId,
    dispose: async () => Promise.resolve(),
  };
});

/** The files of an LED, without a kernel behind them. */
async function plainLed(dir: string): Promise<string> {
  const led = join(dir, 'kios-vend');
  await mkdir(led);
  const files = { trigger: 'none [pattern]', max_brightness: '1', brightness: '0' };
  for (const [name, text] of Object.entries({ ...files, pattern: '', repeat: '-1' })) {
    await writeFile(join(led, name), `${text}\n`);
  }
  return led;
}

describe('an order', () => {
  test('pulses as often as the basket has pieces, and given twice once', async () => {
    const { make, led } = await ledBench();
    const dispenser = make();
    await dispenser.open(never);
    expect(await dispenser.dispense(order('k-1', 3), never)).toBe('done');
    expect(await dispenser.dispense(order('k-1', 3), never)).toBe('done');
    expect(led.pulses).toBe(3);
  });

  test('given again after a restart does not pulse either', async () => {
    const { make, led } = await ledBench();
    const first = make();
    await first.open(never);
    expect(await first.dispense(order('k-1'), never)).toBe('done');
    await first.close();
    const second = make('boot-2');
    await second.open(never);
    expect(await second.dispense(order('k-1'), never)).toBe('done');
    expect(await second.lastResult?.('k-2', never)).toBe('never');
    expect(led.pulses).toBe(1);
  });

  test('of nothing, of too much or with an id that is no word is never begun', async () => {
    const { make, led } = await ledBench();
    const dispenser = make();
    await dispenser.open(never);
    for (const bad of [order('k-1', 0), order('k-1', 100), order('k-1', 0.5), order('k 1')]) {
      expect(await dispenser.dispense(bad, never)).toBe('never');
    }
    expect(led.pulses).toBe(0);
  });

  test('that cannot be written down moves nothing', async () => {
    const { dir, make, led } = await ledBench();
    const dispenser = make();
    await dispenser.open(never);
    await mkdir(join(dir, 'dispenser.json.new')); // As a disk that takes no file.
    expect(await dispenser.dispense(order('k-1'), never)).toBe('failed');
    expect(dispenser.health().detail).toMatch(/cannot be written/);
    expect(led.pulses).toBe(0);
  });
});

describe('killed in mid-train', () => {
  /** A process that dispenses, killed in its first pulse. Its calls on the LED are answered here, one at a time. */
  async function killInTrain(bench: LedBench, id: string, pieces: number): Promise<void> {
    const script = new URL('dispenser-led.child.ts', import.meta.url).pathname;
    const child = spawn(process.execPath, [script, bench.dir, id, String(pieces)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    bench.onPulse(() => child.kill('SIGKILL'));
    child.stdin.on('error', () => undefined); // It is dead.
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [name, text] = JSON.parse(line) as ['pattern' | 'repeat', string?];
      if (text === undefined) child.stdin.write(`${JSON.stringify(bench.led.read(name))}\n`);
      else {
        bench.led.write(name, text);
        child.stdin.write('""\n');
      }
    });
    await once(child, 'close');
    expect(child.signalCode).toBe('SIGKILL');
  }

  test('the kernel ends the train, the next run holds the line until then and tells what became of it', async () => {
    const bench = await ledBench();
    await killInTrain(bench, 'k-1', 20);
    expect(bench.led.pulses).toBeLessThan(20);
    const reborn = bench.make();
    await reborn.open(never);
    expect(await reborn.dispense(order('k-2'), never)).toBe('failed');
    expect(await reborn.lastResult?.('k-1', never)).toBe('done');
    expect(bench.led.pulses).toBe(20);
    expect(await reborn.dispense(order('k-3'), never)).toBe('done');
    expect(bench.led.pulses).toBe(21);
  });

  test('and the machine restarted too, nobody can say', async () => {
    const bench = await ledBench();
    await killInTrain(bench, 'k-1', 3);
    const reborn = bench.make('boot-2');
    await reborn.open(never);
    expect(await reborn.lastResult?.('k-1', never)).toBe('unknown');
  });

  test('and the memory lost, nobody can say, however often it is asked', async () => {
    const bench = await ledBench();
    await killInTrain(bench, 'k-1', 3);
    await writeFile(join(bench.dir, 'dispenser.json'), '{"orders":[{"id":');
    for (let run = 0; run < 2; run++) {
      const reborn = bench.make();
      await reborn.open(never);
      expect(await reborn.lastResult?.('k-1', never)).toBe('unknown');
      await reborn.close();
    }
  });
});

test('an LED that is gone is not made anew by writing to it', async () => {
  const dir = await folderOf();
  const led = await plainLed(dir);
  const dispenser = createDispenser({ at: `led:${led}?${options}`, clock });
  cleanups.push(() => dispenser.close());
  await dispenser.open(never);
  for (const name of ['pattern', 'trigger']) await rm(join(led, name));
  expect(await dispenser.dispense(order('k-1'), never)).toBe('failed');
  expect(await readdir(led)).not.toContain('pattern');
  expect(await dispenser.closed).toMatchObject({ kind: 'disconnected' });
});

test('an LED is held by one program alone', async () => {
  const { make } = await ledBench();
  const [one, two] = [make(), make()];
  await one.open(never);
  await expect(two.open(never)).rejects.toMatchObject({ kind: 'busy' });
  await one.close();
  await make().open(never);
});

test('an abort in mid-train is unknown at once, and what became of it is found out later', async () => {
  const { make, led, onPulse } = await ledBench();
  const dispenser = make();
  await dispenser.open(never);
  const abort = new AbortController();
  onPulse(() => {
    abort.abort();
  });
  expect(await dispenser.dispense(order('k-1', 5), abort.signal)).toBe('unknown');
  expect(await dispenser.lastResult?.('k-1', never)).toBe('done');
  expect(led.pulses).toBe(5);
});
