// Printers and vend boards under supervision, unplugged at every moment: before they have answered, while idle, in the middle
// of their work. Each time the next connection works, and nothing is done twice.
import { expect, onTestFinished, test } from 'vitest';
import type { Device, Dispenser, Printer } from '../../drivers/device.ts';
import { createDispenser } from '../../drivers/dispenser/dispenser.ts';
import { createVendBoardSimulator } from '../../drivers/dispenser/simulator.ts';
import { createPrinter } from '../../drivers/printer/printer.ts';
import { printerProfiles } from '../../drivers/printer/profiles.ts';
import { createPrinterSimulator, type Sheet } from '../../drivers/printer/simulator.ts';
import { supervise, type Supervised } from '../../drivers/supervise.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { budgetSlip } from './printer-slips.ts';

const never = new AbortController().signal;
/** One that is asked at the opening to forget what it holds. */
const profile = { ...printerProfiles['generic-58'], clearsBuffer: true };

/** `latest`: the connection that is tried now, or that stands. */
function supervised<D extends Device>(
  make: () => D,
): { watch: Supervised<D>; latest: () => D | undefined; ups: () => number } {
  let latest: D | undefined;
  let ups = 0;
  const watch = supervise({
    make: () => (latest = make()),
    ...{ clock, log: silentLog, random: () => 0 },
    onChange: (device) => {
      if (device !== undefined) ups++;
    },
  });
  onTestFinished(() => watch.stop());
  return { watch, latest: () => latest, ups: () => ups };
}

/** A connection that was made to what is plugged in, and has had no answer yet. */
async function opening<D extends Device>(latest: () => D | undefined): Promise<D> {
  const before = latest();
  await expect.poll(() => latest() !== before, { timeout: 5_000 }).toBe(true);
  const device = latest() ?? expect.fail('none was made');
  expect(device.health().state).toBe('opening');
  return device;
}

async function up<D extends Device>(watch: Supervised<D>): Promise<D> {
  await expect.poll(() => watch.health().state, { timeout: 5_000 }).toBe('up');
  return watch.current() ?? expect.fail('it is up and not there');
}
async function down(watch: Supervised<Device>): Promise<void> {
  await expect.poll(() => watch.health().state, { timeout: 5_000 }).toBe('down');
}

test('a vend board', async () => {
  let onPulse = (): void => undefined;
  const board = await createVendBoardSimulator({
    ...{ listen: { port: 0 }, clock, pulseMs: 50 },
    onPulse: () => {
      onPulse();
    },
  });
  onTestFinished(() => board.close());
  const { watch, latest, ups } = supervised<Dispenser>(() =>
    createDispenser({ at: board.at, clock }),
  );
  let orders = 0;
  const moves = async (): Promise<void> => {
    const id = `test1-${++orders}`;
    expect(await (await up(watch)).dispense({ id, pieces: 2 }, never)).toBe('done');
    expect(board.pulses(id)).toBe(2);
  };
  await moves();

  board.setMute(true);
  await board.unplug();
  await down(watch);
  await board.plug();
  // It asks who is there, and hears nothing.
  const before = ups();
  const unheard = await opening(latest);
  await board.unplug();
  await expect.poll(latest, { timeout: 5_000 }).not.toBe(unheard);
  expect(ups()).toBe(before);
  board.setMute(false);
  await board.plug();
  await moves();

  await board.unplug();
  await down(watch);
  await board.plug();
  await moves();

  const device = await up(watch);
  onPulse = () => void board.unplug();
  expect(await device.dispense({ id: 'test1-cut', pieces: 2 }, never)).toBe('unknown');
  onPulse = () => undefined;
  await down(watch);
  await board.plug();
  expect(await (await up(watch)).lastResult?.('test1-cut', never)).toBe('done');
  expect(board.pulses('test1-cut')).toBe(2);
  await moves();
});

test('a printer', async () => {
  const sheets: Sheet[] = [];
  let onBytes: (received: number) => void = () => undefined;
  const paper = await createPrinterSimulator({
    ...{ listen: { port: 0 }, profile, onPaper: (sheet) => void sheets.push(sheet) },
    onBytes: (received) => {
      onBytes(received);
    },
  });
  onTestFinished(() => paper.close());
  const { watch, latest, ups } = supervised<Printer>(() =>
    createPrinter({ at: paper.at, profile, clock, jobTimeoutMs: 2_000 }),
  );
  const prints = async (): Promise<void> => {
    const job = sheets.length;
    expect(await (await up(watch)).print(budgetSlip, never)).toEqual({ result: 'printed' });
    expect(sheets).toHaveLength(job + 1);
  };
  await prints();

  paper.set({ silent: true });
  await paper.unplug();
  await down(watch);
  await paper.plug();
  // It is asked to forget what it holds, and says nothing.
  const before = ups();
  const unheard = await opening(latest);
  await paper.unplug();
  await expect.poll(latest, { timeout: 5_000 }).not.toBe(unheard);
  expect(ups()).toBe(before);
  paper.set({ silent: false });
  await paper.plug();
  await prints();

  await paper.unplug();
  await down(watch);
  await paper.plug();
  await prints();

  const printer = await up(watch);
  const asked = paper.bytesReceived();
  onBytes = (received) => {
    // All questions before a job are shorter, and the job itself is longer.
    if (received > asked + 60) void paper.unplug();
  };
  expect((await printer.print(budgetSlip, never)).result).toBe('unknown');
  onBytes = () => undefined;
  await down(watch);
  const job = sheets.length;
  await paper.plug();
  await up(watch);
  expect(sheets).toHaveLength(job);
  await prints();
});
