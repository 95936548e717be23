// Printers at the end of real sockets, ptys and files: the contract, and what happens when things break.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { Printer } from '../../drivers/device.ts';
import { encodeDocument } from '../../drivers/printer/escpos.ts';
import { createPrinter } from '../../drivers/printer/printer.ts';
import { printerProfiles, type PrinterProfile } from '../../drivers/printer/profiles.ts';
import { createPrinterSimulator, type PrinterSimulator } from '../../drivers/printer/simulator.ts';
import type { Sheet } from '../../drivers/printer/paper.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { testPrinter } from './printer.contract.ts';
import { budgetSlip, qrisText, readQr, receipt } from './printer-slips.ts';

const never = new AbortController().signal;
const generic58 = printerProfiles['generic-58'];
const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function tempDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'kios-printer-'));
  cleanups.push(async () => rm(dir, { recursive: true }));
  return dir;
}

interface Bench {
  printer: Printer;
  simulator: PrinterSimulator;
  sheets: Sheet[];
  /** Calls once, when a job has begun to arrive and nothing of it has been worked off. */
  onJob: (call: () => void) => void;
}

/** The four status requests and the one in its turn before a job; whatever is more is the job. */
const askingBytes = 15;

async function bench(profile: PrinterProfile = generic58, jobTimeoutMs = 300): Promise<Bench> {
  const sheets: Sheet[] = [];
  let broken: (() => void) | undefined;
  const simulator = await createPrinterSimulator({
    listen: { port: 0 },
    profile,
    onPaper: (sheet) => sheets.push(sheet),
    onBytes: (received) => {
      if (received <= askingBytes) return;
      broken?.();
      broken = undefined;
    },
  });
  const printer = createPrinter({ at: simulator.at, profile, clock: systemClock, jobTimeoutMs });
  await printer.open(never);
  cleanups.push(
    () => simulator.close(),
    () => printer.close(),
  );
  const onJob = (call: () => void): void => {
    broken = call;
  };
  return { printer, simulator, sheets, onJob };
}

for (const profile of Object.values(printerProfiles)) {
  testPrinter(`simulator on a unix socket, ${profile.name}`, async () => {
    const dir = await mkdtemp(join(tmpdir(), 'kios-printer-'));
    const simulator = await createPrinterSimulator({
      listen: { path: join(dir, 'printer') },
      profile,
      onPaper: () => undefined,
    });
    return {
      make: () => createPrinter({ at: simulator.at, profile, clock: systemClock }),
      proves: profile.proof !== 'none',
      dispose: async () => {
        await simulator.close();
        await rm(dir, { recursive: true });
      },
    };
  });
}

testPrinter('simulator on TCP', async () => {
  const simulator = await createPrinterSimulator({
    ...{ listen: { port: 0 }, profile: generic58, onPaper: () => undefined },
  });
  return {
    make: () => createPrinter({ at: simulator.at, profile: generic58, clock: systemClock }),
    at: /^printer tcp:/,
    proves: true,
    dispose: () => simulator.close(),
  };
});

testPrinter('file', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'kios-printer-'));
  return {
    make: () => createPrinter({ at: `file:${dir}/paper`, profile: generic58, clock: systemClock }),
    proves: true,
    dispose: () => rm(dir, { recursive: true }),
  };
});

const real = process.env['KIOS_TEST_PRINTER'];
if (real === undefined) {
  test.skip('printer contract: real printer (name it: KIOS_TEST_PRINTER=lp:/dev/usb/lp0)', () =>
    undefined);
} else {
  const named = process.env['KIOS_TEST_PRINTER_PROFILE'] ?? 'generic-58';
  const profile = Object.values(printerProfiles).find((one) => one.name === named) ?? generic58;
  testPrinter(real, async () =>
    Promise.resolve({
      make: () => createPrinter({ at: real, profile, clock: systemClock }),
      proves: profile.proof !== 'none',
      dispose: async () => Promise.resolve(),
    }),
  );
}

describe('before the first byte', () => {
  test.each([
    [{ paper: 'out' }, 'paper-out', 'out'],
    [{ cover: 'open' }, 'cover-open', 'cover-open'],
  ] as const)('a printer with %o gets nothing of a slip', async (state, reason, paper) => {
    const { printer, simulator, sheets } = await bench();
    simulator.set(state);
    expect(await printer.paper?.(never)).toBe(paper);
    expect(await printer.print(budgetSlip, never)).toMatchObject({
      result: 'failed',
      error: { kind: 'hardware', reason, retryable: false },
    });
    expect(simulator.bytesReceived()).toBe(2 * 4 * 3); // Two times four requests of three bytes.
    expect(printer.health()).toMatchObject({ state: 'up', fault: 'hardware' });
    simulator.set({ paper: 'ok', cover: 'closed' });
    expect(sheets).toHaveLength(0);
    expect(await printer.print(budgetSlip, never)).toEqual({ result: 'printed' });
    expect(printer.health()).toEqual({ state: 'up' });
  });

  test('a jammed cutter is named', async () => {
    const { printer, simulator } = await bench();
    simulator.set({ cutterJammed: true });
    expect(await printer.print(budgetSlip, never)).toMatchObject({ error: { reason: 'cutter' } });
    await expect(printer.paper?.(never)).rejects.toMatchObject({ reason: 'cutter' });
  });

  test('low paper is told and does not stop a job', async () => {
    const { printer, simulator } = await bench();
    simulator.set({ paper: 'low' });
    expect(await printer.paper?.(never)).toBe('low');
    expect(printer.health().detail).toContain('its paper is low');
    expect(await printer.print(budgetSlip, never)).toEqual({ result: 'printed' });
  });

  test('a printer that does not answer gets no QR; a receipt it gets, and its fate is unknown', async () => {
    const { printer, simulator, sheets } = await bench(generic58, 3000);
    simulator.set({ silent: true });
    expect(await printer.print(budgetSlip, never)).toMatchObject({
      result: 'failed',
      error: { kind: 'timeout' },
    });
    expect(sheets).toHaveLength(0);
    expect(await printer.print(receipt, never)).toEqual({ result: 'unknown' });
    await expect.poll(() => sheets.length).toBe(1);
  });
});

describe('in the middle of a job', () => {
  test('paper that ends makes it unknown, and the connection ends with it', async () => {
    const { printer, simulator, sheets, onJob } = await bench();
    onJob(() => {
      simulator.set({ paper: 'out' });
    });
    expect(await printer.print(budgetSlip, never)).toEqual({ result: 'unknown' });
    expect(sheets).toHaveLength(0);
    expect(await printer.closed).toMatchObject({ kind: 'timeout' });
  });

  test('an unplug makes it unknown, and the next connection prints again', async () => {
    const { printer, simulator, sheets, onJob } = await bench();
    let unplugged: Promise<void> | undefined;
    onJob(() => {
      unplugged = simulator.unplug();
    });
    expect(await printer.print(budgetSlip, never)).toEqual({ result: 'unknown' });
    expect(await printer.closed).toMatchObject({ kind: 'disconnected' });
    expect(printer.health().state).toBe('down');
    await unplugged;
    await simulator.plug();
    const again = createPrinter({ at: simulator.at, profile: generic58, clock: systemClock });
    cleanups.push(() => again.close());
    await again.open(never);
    expect(await again.print(budgetSlip, never)).toEqual({ result: 'printed' });
    const last = sheets.at(-1);
    expect(last === undefined ? undefined : readQr(last)).toBe(qrisText);
  });

  test('a printer that takes nothing any more makes it unknown at the deadline', async () => {
    const { printer, simulator, sheets, onJob } = await bench();
    onJob(() => {
      simulator.set({ nak: true, silent: true });
    });
    expect(await printer.print(budgetSlip, never)).toEqual({ result: 'unknown' });
    expect(await printer.closed).toMatchObject({ kind: 'timeout' });
    expect(sheets).toHaveLength(0);
  });

  test('a printer that goes mute after the cut has not proved anything', async () => {
    const { printer, simulator, onJob } = await bench();
    onJob(() => {
      simulator.set({ silent: true });
    });
    expect(await printer.print(budgetSlip, never)).toEqual({ result: 'unknown' });
  });

  test('an abort makes it unknown and closes the line, so that no rest comes out', async () => {
    const { printer, simulator, onJob } = await bench(generic58, 5000);
    const abort = new AbortController();
    onJob(() => {
      simulator.set({ nak: true, silent: true });
      abort.abort();
    });
    expect(await printer.print(receipt, abort.signal)).toEqual({ result: 'unknown' });
    expect(await printer.closed).toMatchObject({ kind: 'canceled' });
  });

  test('a blind printer that got everything leaves it unknown and stays open', async () => {
    const { printer, sheets } = await bench(printerProfiles['basic-58']);
    expect(await printer.print(budgetSlip, never)).toEqual({ result: 'unknown' });
    await expect.poll(() => sheets.length).toBe(1);
    expect(printer.health()).toEqual({ state: 'up' });
  });

  test('another job is refused', async () => {
    const { printer, sheets } = await bench();
    const outcomes = await Promise.all([
      printer.print(receipt, never),
      printer.print(budgetSlip, never),
    ]);
    expect(outcomes).toMatchObject([
      { result: 'printed' },
      { result: 'failed', error: { kind: 'busy' } },
    ]);
    expect(sheets).toHaveLength(1);
  });
});

test('a job that an earlier connection left half-way does not spoil the next slip', async () => {
  const lines = budgetSlip.blocks.flatMap((block) =>
    block.kind === 'text' ? [block.text.replace('\u00a0', ' ')] : [],
  );
  for (const profile of [generic58, printerProfiles['basic-58']]) {
    const { printer, simulator, sheets } = await bench(profile);
    const half = encodeDocument(budgetSlip, profile).subarray(0, profile.nativeQr ? 200 : 500);
    await new Promise<void>((resolve) => {
      const socket = createConnection(Number(simulator.at.split(':')[2]), '127.0.0.1', () => {
        socket.end(half, resolve);
      });
    });
    await expect.poll(() => simulator.bytesReceived()).toBe(half.length);
    await printer.print(budgetSlip, never);
    await expect.poll(() => sheets.length).toBe(1);
    const text = (sheets[0]?.text ?? []).filter((line) => line !== '');
    expect(text.slice(-lines.length)).toEqual(lines);
    // Half a picture stands above the whole one; a QR that the printer draws itself leaves nothing behind.
    if (profile.nativeQr) expect(sheets.map(readQr)).toEqual([qrisText]);
  }
});

describe('file', () => {
  test('appends the bytes of each job', async () => {
    const path = join(await tempDir(), 'paper.bin');
    await writeFile(path, 'before');
    const printer = createPrinter({ at: `file:${path}`, profile: generic58, clock: systemClock });
    cleanups.push(() => printer.close());
    await printer.open(never);
    await printer.print(receipt, never);
    const bytes = await readFile(path);
    expect(bytes.subarray(6)).toEqual(Buffer.from(encodeDocument(receipt, generic58)));
  });

  test('a device is no file, and a missing folder is told', async () => {
    const open = async (at: string): Promise<void> =>
      createPrinter({ at, profile: generic58, clock: systemClock }).open(never);
    await expect(open('file:/dev/null')).rejects.toThrow(/lp:\/dev\/null/);
    await expect(open('file:/nowhere/paper')).rejects.toMatchObject({ kind: 'not-found' });
  });
});

test('an address that is none is told with the forms that are', () => {
  for (const at of ['', 'lp:usb', 'file:paper', 'tcp:', 'usb:1']) {
    expect(() => createPrinter({ at, profile: generic58, clock: systemClock })).toThrow(/write /);
  }
  for (const at of ['/dev/usb/lp0', '192.168.1.50']) {
    expect(() => createPrinter({ at, profile: generic58, clock: systemClock })).toThrow(
      /is no printer; write lp:.* usb:.* serial:.* tcp:.* unix:.* file:/,
    );
  }
});
