// Relay boards as dispensers, at sockets of their own: the contract, and a relay that is open whatever happens to the order.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { Dispenser, DispenseOrder } from '../../drivers/device.ts';
import { createDispenser } from '../../drivers/dispenser/dispenser.ts';
import { OrderMemory } from '../../drivers/dispenser/order-memory.ts';
import { PulseDispenser } from '../../drivers/dispenser/pulse-dispenser.ts';
import { hidRelayBoard } from '../../drivers/dispenser/relay-board.ts';
import { RelayLine } from '../../drivers/dispenser/relay-line.ts';
import {
  createHidRelaySimulator,
  createRelaySimulator,
  VirtualRelay,
  type HidRelaySimulator,
} from '../../drivers/dispenser/relay-simulator.ts';
import type { VirtualPort } from '../../drivers/virtual-port.ts';
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

for (const kind of ['lcus', 'modbus'] as const) {
  testDispenser(`a ${kind} relay`, async () => {
    const { make } = await relayBench(kind);
    return { make, freshId, dispose: async () => Promise.resolve() };
  });
}

testDispenser('a HID relay', async () => {
  const { make } = await hidBench();
  return { make, freshId, dispose: async () => Promise.resolve() };
});

interface RelayBench {
  relay: VirtualRelay;
  /** Calls once, at the relay's next edge. */
  onEdge: (call: () => void) => void;
  make: () => Dispenser;
}

function relayWithEdge(): Pick<RelayBench, 'relay' | 'onEdge'> {
  let next: (() => void) | undefined;
  const relay = new VirtualRelay(clock, () => {
    const call = next;
    next = undefined;
    call?.();
  });
  return {
    relay,
    onEdge: (call) => {
      next = call;
    },
  };
}

async function relayBench(
  kind: 'lcus' | 'modbus',
  mute: () => boolean = () => false,
): Promise<RelayBench & { port: VirtualPort }> {
  const dir = await folderOf();
  const edge = relayWithEdge();
  const more = kind === 'modbus' ? { unit: 1, mute } : {};
  const port = await createRelaySimulator({ path: join(dir, 'relay') }, edge.relay, more);
  cleanups.push(() => port.unplug());
  const pulse = kind === 'modbus' ? 'pulseMs=100&gapMs=20' : options;
  return {
    ...edge,
    port,
    make: () => {
      const memory = { folder: dir, bootId: 'boot-1' };
      const dispenser = createDispenser({ at: `${kind}:${port.at}?${pulse}`, clock, memory });
      cleanups.push(() => dispenser.close());
      return dispenser;
    },
  };
}

async function hidBench(): Promise<RelayBench & { board: HidRelaySimulator }> {
  const dir = await folderOf();
  const edge = relayWithEdge();
  const board = createHidRelaySimulator(edge.relay);
  return {
    ...edge,
    board,
    make: () => {
      const openBoard = hidRelayBoard({ path: '/dev/hidraw0', channel: 1 }, board.open);
      const dispenser = new PulseDispenser({
        line: new RelayLine('relay', openBoard, clock),
        shape,
        memory: new OrderMemory({ folder: dir, bootId: 'boot-1' }),
      });
      cleanups.push(() => dispenser.close());
      return dispenser;
    },
  };
}

describe.each(['lcus', 'modbus', 'hid'] as const)('a relay (%s)', (kind) => {
  const bench = async (): Promise<RelayBench> => (kind === 'hid' ? hidBench() : relayBench(kind));

  test('closes so often and is open afterwards', async () => {
    const { relay, make } = await bench();
    const dispenser = make();
    await dispenser.open(never);
    expect(await dispenser.dispense(order('k-1', 3), never)).toBe('done');
    expect([relay.pulses, relay.on]).toEqual([3, false]);
  });

  test('that was left closed is opened before anything else', async () => {
    const { relay, make } = await bench();
    relay.set(true); // A process was killed in mid-pulse.
    await make().open(never);
    await expect.poll(() => relay.on).toBe(false);
    expect(relay.pulses).toBe(1);
  });

  test('is opened when the order is called off, and what moved is unknown', async () => {
    const { relay, make, onEdge } = await bench();
    const dispenser = make();
    await dispenser.open(never);
    const abort = new AbortController();
    onEdge(() => {
      abort.abort();
    });
    expect(await dispenser.dispense(order('k-1', 5), abort.signal)).toBe('unknown');
    await expect.poll(() => relay.on).toBe(false);
    expect(relay.pulses).toBe(1);
    expect(await dispenser.lastResult?.('k-1', never)).toBe('unknown');
  });

  test('is opened when the dispenser is closed in mid-pulse', async () => {
    const { relay, make, onEdge } = await bench();
    const dispenser = make();
    await dispenser.open(never);
    const began = Promise.withResolvers<undefined>();
    onEdge(() => {
      began.resolve(undefined);
    });
    const result = dispenser.dispense(order('k-1', 5), never);
    await began.promise;
    await dispenser.close();
    expect(await result).toBe('unknown');
    await expect.poll(() => relay.on).toBe(false);
  });
});

test('a serial relay that is unplugged in mid-train is unknown, told, and open after the replug', async () => {
  const { relay, port, make, onEdge } = await relayBench('lcus');
  const dispenser = make();
  await dispenser.open(never);
  onEdge(() => void port.unplug());
  expect(await dispenser.dispense(order('k-1', 3), never)).toBe('unknown');
  expect(await dispenser.closed).toMatchObject({ kind: 'disconnected' });
  await port.plug();
  const again = make();
  await again.open(never);
  await expect.poll(() => relay.on).toBe(false);
  expect(await again.lastResult?.('k-1', never)).toBe('unknown');
  expect(relay.pulses).toBe(1);
});

test('a Modbus board that does not answer is not pulsed a second time, and goes down', async () => {
  let mute = false;
  const { relay, make } = await relayBench('modbus', () => mute);
  const dispenser = make();
  await dispenser.open(never);
  mute = true;
  expect(await dispenser.dispense(order('k-1', 2), never)).toBe('unknown');
  expect(relay.pulses).toBe(1);
  expect(await dispenser.closed).toMatchObject({ kind: 'timeout' });
  await expect(make().open(never)).rejects.toMatchObject({ kind: 'timeout' });
});

test('a Modbus relay opens by itself while the kiosk stands still', async () => {
  const { relay, port } = await relayBench('modbus');
  // Its time never comes: so is a process that was stopped, or that collects garbage for seconds.
  const stopped = { ...clock, after: () => () => undefined };
  const at = `modbus:${port.at}?pulseMs=100&gapMs=20`;
  const dispenser = createDispenser({ at, clock: stopped });
  await dispenser.open(never);
  const abort = new AbortController();
  const result = dispenser.dispense(order('k-1'), abort.signal);
  await expect.poll(() => relay.on).toBe(true);
  await expect.poll(() => relay.on).toBe(false);
  abort.abort();
  expect(await result).toBe('unknown');
  expect(relay.pulses).toBe(1);
  await dispenser.close();
});

test('a HID relay that says that it did not switch is unknown, and goes down', async () => {
  const { board, make } = await hidBench();
  const dispenser = make();
  await dispenser.open(never);
  board.stick();
  expect(await dispenser.dispense(order('k-1'), never)).toBe('unknown');
  expect(await dispenser.closed).toMatchObject({ kind: 'hardware' });
});

test('a HID relay that is unplugged while idle is told', async () => {
  const { board, make } = await hidBench();
  const dispenser = make();
  await dispenser.open(never);
  board.unplug();
  expect(await dispenser.closed).toMatchObject({ kind: 'disconnected' });
  expect(dispenser.health().state).toBe('down');
  await expect(make().open(never)).rejects.toMatchObject({ kind: 'not-found' });
});
