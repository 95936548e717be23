// The virtual devices under a hand: real drivers at their sockets, and what the switches do to them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Dispenser } from '../../drivers/device.ts';
import { createDispenser } from '../../drivers/dispenser/dispenser.ts';
import { createVirtualDevices, type VirtualDevices } from '../../src/bench/devices.ts';
import { systemClock } from '../../src/lib/clock.ts';

const { signal } = new AbortController();
let dir: string;
let devices: VirtualDevices;
let opened: Dispenser[];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kios-'));
  devices = await createVirtualDevices({ dir, real: {}, clock: systemClock });
  opened = [];
});

afterEach(async () => {
  await Promise.all(opened.map(async (dispenser) => dispenser.close()));
  await devices.close();
  rmSync(dir, { recursive: true, force: true });
});

async function openDispenser(): Promise<Dispenser> {
  const dispenser = createDispenser({ at: devices.at.dispenser, clock: systemClock });
  opened.push(dispenser);
  await dispenser.open(signal);
  return dispenser;
}

test('a jam fails the order, and mending it is a new connection that moves again', async () => {
  const jammed = await openDispenser();
  await devices.turn('dispenser-jam', true);
  expect(await jammed.dispense({ id: 'a', pieces: 1 }, signal)).toBe('failed');
  expect(jammed.health().state).toBe('up');
  await devices.turn('dispenser-jam', false);
  expect((await jammed.closed)?.kind).toBe('disconnected');
  const mended = await openDispenser();
  expect(await mended.dispense({ id: 'b', pieces: 1 }, signal)).toBe('done');
});
