// Devices on a real serial line of the kernel (a pty), pulled out and put back: the vend board, where it matters for
// goods, and the matrix keypad. The scanner's is in test/drivers/scanner.test.ts.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Device, Dispenser, DispenseOrder, Key } from '../../drivers/device.ts';
import { createDispenser } from '../../drivers/dispenser/dispenser.ts';
import { createVendBoardSimulator } from '../../drivers/dispenser/simulator.ts';
import { createKeypad } from '../../drivers/keypad/keypad.ts';
import { supervise, type Supervised } from '../../drivers/supervise.ts';
import { createVirtualPort } from '../../drivers/virtual-port.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createCable, whyNoCable, type Cable } from './cable.ts';

const missing = whyNoCable();
const never = new AbortController().signal;
const replugs = 3;
let folder: string;
const cleanups: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kios-rig-'));
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await rm(folder, { recursive: true });
});

async function cableTo(far: string): Promise<Cable & { near: string }> {
  const near = join(folder, 'tty');
  const cable = createCable(near, far);
  cleanups.push(() => cable.unplug());
  await cable.plug();
  return { ...cable, near };
}

function supervised<D extends Device>(make: () => D): Supervised<D> {
  const watch = supervise({
    make,
    clock: systemClock,
    log: silentLog,
    random: () => 0,
    onChange: () => undefined,
  });
  cleanups.push(() => watch.stop());
  return watch;
}

async function untilOpen<D extends Device>(watch: Supervised<D>): Promise<D> {
  await expect.poll(() => watch.current(), { timeout: 5000 }).toBeDefined();
  const device = watch.current();
  if (device === undefined) throw new Error('it went away again');
  return device;
}

const untilDown = async (watch: Supervised<Device>): Promise<void> => {
  await expect.poll(() => watch.health().state, { timeout: 5000 }).toBe('down');
};

const name = missing === undefined ? 'on a serial line' : `on a serial line (${missing})`;
describe.skipIf(missing !== undefined)(name, () => {
  async function vendBoard(pulseMs: number): Promise<{
    cable: Cable;
    watch: Supervised<Dispenser>;
    pulses: (id: string) => number;
    /** Resolves at the next pulse. */
    pulse: () => Promise<void>;
  }> {
    const path = join(folder, 'board');
    let pulsed = Promise.withResolvers<undefined>();
    const board = await createVendBoardSimulator({
      listen: { path },
      clock: systemClock,
      pulseMs,
      onPulse: () => {
        pulsed.resolve(undefined);
        pulsed = Promise.withResolvers();
      },
    });
    cleanups.push(() => board.close());
    const cable = await cableTo(path);
    const at = `serial:${cable.near}?baudRate=9600`;
    const watch = supervised(() => createDispenser({ at, clock: systemClock }));
    return { cable, watch, pulses: (id) => board.pulses(id), pulse: async () => pulsed.promise };
  }
  const order = (id: string, pieces = 1): DispenseOrder => ({ id, pieces });

  test('a vend board that was unplugged and plugged in knows its orders and takes the next', async () => {
    const { cable, watch, pulses } = await vendBoard(1);
    for (let round = 1; round <= replugs; round++) {
      const dispenser = await untilOpen(watch);
      expect(await dispenser.dispense(order(`k-${round}`), never)).toBe('done');
      await cable.unplug();
      await untilDown(watch);
      expect(await dispenser.dispense(order('k-none'), never)).toBe('failed');
      await cable.plug();
    }
    const dispenser = await untilOpen(watch);
    for (let round = 1; round <= replugs; round++) {
      expect(await dispenser.lastResult?.(`k-${round}`, never)).toBe('done');
      expect(pulses(`k-${round}`)).toBe(1);
    }
    expect(await dispenser.lastResult?.('k-none', never)).toBe('never');
  });

  test('a cable pulled in mid-vend: the doubt is told, the board ends it, and nothing moves twice', async () => {
    const { cable, watch, pulses, pulse } = await vendBoard(100);
    const dispenser = await untilOpen(watch);
    const moving = pulse();
    const outcome = dispenser.dispense(order('k-1', 3), never);
    await moving;
    await cable.unplug();
    expect(await outcome).toBe('unknown');
    await untilDown(watch);
    await cable.plug();
    const again = await untilOpen(watch);
    expect(await again.dispense(order('k-1', 3), never)).toBe('done');
    expect(pulses('k-1')).toBe(3);
  });

  test('a matrix keypad that was unplugged and plugged in types on, and each key comes once', async () => {
    const board = await createVirtualPort({ path: join(folder, 'pad') });
    cleanups.push(() => board.unplug());
    const cable = await cableTo(join(folder, 'pad'));
    const keys: Key[] = [];
    const at = `serial:${cable.near}?baudRate=9600`;
    const watch = supervised(() =>
      createKeypad({ at, onKey: (key) => keys.push(key), clock: systemClock }),
    );
    for (let round = 1; round <= replugs; round++) {
      await untilOpen(watch);
      board.send(Buffer.from(`${round}A#`));
      await expect.poll(() => keys.length, { timeout: 5000 }).toBe(3 * round);
      await cable.unplug();
      await untilDown(watch);
      await cable.plug();
    }
    expect(keys).toEqual(['1', '00', 'enter', '2', '00', 'enter', '3', '00', 'enter']);
  });
});
