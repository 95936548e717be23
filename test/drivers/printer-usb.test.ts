// The printer over USB transfers: the contract, what is claimed and given back, and what becomes of a job that breaks.
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { PortPrinter } from '../../drivers/printer/port-printer.ts';
import { createPrinter } from '../../drivers/printer/printer.ts';
import { printerProfiles, type PrinterProfile } from '../../drivers/printer/profiles.ts';
import { createPrinterSimulator, type PrinterSimulator } from '../../drivers/printer/simulator.ts';
import type { Sheet } from '../../drivers/printer/paper.ts';
import { claimUsbPrinter, parseUsbPlace } from '../../drivers/printer/usb-device.ts';
import { UsbPort } from '../../drivers/printer/usb-port.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { testPrinter } from './printer.contract.ts';
import { budgetSlip, qrisText, readQr } from './printer-slips.ts';
import { fakeUsb, type FakeUsb } from './usb-printer-fake.ts';

const never = new AbortController().signal;
const profile = printerProfiles['generic-58'];
const at = 'usb:1-1.2';
let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'kios-usb-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true });
});

function printerAt(
  usb: FakeUsb,
  jobTimeoutMs = 2000,
  model: PrinterProfile = profile,
): PortPrinter {
  return new PortPrinter({
    ...{ name: `printer ${at} /sys`, profile: model, clock: systemClock, jobTimeoutMs },
    connect: async (onBytes) => {
      const line = await claimUsbPrinter({ ports: '1-1.2' }, at, [usb.device]);
      return new UsbPort({ ...line, isThere: () => true }, at, systemClock, onBytes);
    },
  });
}

interface Bench {
  simulator: PrinterSimulator;
  usb: FakeUsb;
  sheets: Sheet[];
}

async function bench(options: Parameters<typeof fakeUsb>[1] = {}): Promise<Bench> {
  const sheets: Sheet[] = [];
  const simulator = await createPrinterSimulator({
    listen: { path: join(dir, 'head') },
    profile,
    onPaper: (sheet) => sheets.push(sheet),
  });
  const usb = await fakeUsb(simulator.at, options);
  onTestFinished(async () => {
    usb.end();
    await simulator.close();
  });
  return { simulator, usb, sheets };
}

testPrinter('USB transfers', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kios-usb-'));
  const path = join(folder, 'head');
  const simulator = await createPrinterSimulator({
    ...{ listen: { path }, profile, onPaper: () => undefined },
  });
  const usb = await fakeUsb(simulator.at);
  return {
    make: () => printerAt(usb),
    proves: true,
    dispose: async () => {
      usb.end();
      await simulator.close();
      await rm(folder, { recursive: true });
    },
  };
});

test('the interface and setting that answers is claimed, and the kernel gets its driver back at the close', async () => {
  const { usb, sheets } = await bench();
  const printer = printerAt(usb);
  await printer.open(never);
  expect(usb.calls).toEqual(['open', 'detach 1', 'claim 1', 'alternate 1 1']);
  expect(await printer.print(budgetSlip, never)).toEqual({ result: 'printed' });
  expect(sheets.map(readQr)).toEqual([qrisText]);
  await printer.close();
  expect(usb.calls.slice(4)).toEqual(['release 1', 'attach 1', 'close']);
  expect(Math.max(...usb.packets)).toBe(64);
});

test('a printer on which the kernel had no driver gets none', async () => {
  const { usb } = await bench({ bound: false });
  const printer = printerAt(usb);
  await printer.open(never);
  await printer.close();
  expect(usb.calls).not.toContain('attach 1');
});

describe('a job that breaks', () => {
  test('at a printer that takes nothing any more is unknown; the transfer is cut by a reset, and nothing of it is repeated', async () => {
    const { usb, sheets } = await bench();
    const printer = printerAt(usb, 300);
    await printer.open(never);
    expect(await printer.paper?.(never)).toBe('ok');
    const asked = usb.packets.length;
    usb.onPacket = () => {
      if (usb.packets.length >= asked + 8) usb.nak(true);
    };
    expect(await printer.print(budgetSlip, never)).toEqual({ result: 'unknown' });
    expect(await printer.closed).toMatchObject({ kind: 'timeout' });
    expect(usb.calls.slice(4)).toEqual(['reset', 'release 1', 'attach 1', 'close']);
    expect(usb.packets).toHaveLength(asked + 8);
    expect(sheets).toHaveLength(0);
  });

  test('for want of a proof has the printer flush its buffer', async () => {
    const { usb, simulator } = await bench();
    const printer = printerAt(usb, 300);
    await printer.open(never);
    simulator.set({ paperBytes: 300 });
    expect(await printer.print(budgetSlip, never)).toEqual({ result: 'unknown' });
    await printer.close();
    expect(usb.calls).toContain('control 2'); // USB printer class 1.1 §4.2.3, SOFT_RESET.
  });

  test('by an unplug is unknown, in mid-write and while idle; the next connection prints', async () => {
    const { usb, simulator } = await bench();
    const printer = printerAt(usb);
    await printer.open(never);
    usb.onPacket = () => {
      if (usb.packets.length > 8) usb.unplug();
    };
    expect(await printer.print(budgetSlip, never)).toEqual({ result: 'unknown' });
    expect(await printer.closed).toMatchObject({ kind: 'disconnected' });

    const replugged = await fakeUsb(simulator.at, { address: 5 });
    onTestFinished(() => {
      replugged.end();
    });
    const again = printerAt(replugged);
    await again.open(never);
    expect(await again.print(budgetSlip, never)).toEqual({ result: 'printed' });
    replugged.unplug();
    expect(await again.closed).toMatchObject({ kind: 'disconnected' });
  });
});

test('a printer that does not even take the request to empty itself does not open', async () => {
  const { usb } = await bench();
  usb.nak(true);
  const printer = printerAt(usb, 2000, { ...profile, clearsBuffer: true });
  await expect(printer.open(never)).rejects.toMatchObject({ kind: 'timeout' });
  expect(usb.calls.slice(4)).toEqual(['reset', 'release 1', 'attach 1', 'close']);
});

test('a printer that only takes is looked for while it is idle', async () => {
  const { usb } = await bench({ answers: false });
  let there = true;
  const line = await claimUsbPrinter({ ports: '1-1.2' }, at, [usb.device]);
  expect(line.inEndpoint).toBeUndefined();
  const port = new UsbPort({ ...line, isThere: () => there }, at, systemClock, () => undefined);
  await port.write(Uint8Array.of(0x1b, 0x40));
  there = false;
  expect(await port.closed).toMatchObject({ kind: 'disconnected' });
  await expect(port.write(Uint8Array.of(0))).rejects.toMatchObject({ kind: 'canceled' });
});

describe('places', () => {
  test('are a port as in /sys/bus/usb/devices, or a link to a node', async () => {
    expect(parseUsbPlace('1-1.2')).toEqual({ ports: '1-1.2' });
    expect(parseUsbPlace('/dev/kios/usb-printer-x')).toEqual({ node: '/dev/kios/usb-printer-x' });
    for (const no of ['', '1', '1-', 'lp0', '1-1..2']) expect(parseUsbPlace(no)).toBeUndefined();
    const { usb } = await bench();
    await expect(claimUsbPrinter({ ports: '1-1.3' }, at, [usb.device])).rejects.toThrow(/plugged/);
    await symlink('/nowhere', join(dir, 'link'));
    const broken = claimUsbPrinter({ node: join(dir, 'link') }, at, [usb.device]);
    await expect(broken).rejects.toMatchObject({ kind: 'not-found' });
  });

  test('what the package tells by words is told with what mends it', async () => {
    const { usb } = await bench();
    const refuse = (message: string): void => {
      usb.device.claimInterface = async () => Promise.reject(new Error(message));
    };
    refuse('claimInterface error: interface is busy (errno 16)');
    const claim = async (): Promise<unknown> =>
      claimUsbPrinter({ ports: '1-1.2' }, at, [usb.device]);
    await expect(claim()).rejects.toMatchObject({ kind: 'busy' });
    refuse('open error: Permission denied (errno 13)');
    await expect(claim()).rejects.toThrow(/no permission/);
  });

  test('on a machine without that printer, opening says so', async () => {
    const printer = createPrinter({ at: 'usb:99-9', profile, clock: systemClock });
    await expect(printer.open(never)).rejects.toMatchObject({ kind: 'not-found' });
    expect(() => createPrinter({ at: 'usb:lp0', profile, clock: systemClock })).toThrow(/usb:1-1/);
  });
});
