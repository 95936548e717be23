// The port for /dev/usb/lp*, on ptys: character devices that push back with EAGAIN and answer on the same descriptor.
// What only usblp does (a transfer that has begun counts as written) needs the rig's kernel.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync, readSync, constants } from 'node:fs';
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FilePort } from '../../drivers/file-port.ts';
import { openLpPort } from '../../drivers/printer/lp-port.ts';
import { createPrinter } from '../../drivers/printer/printer.ts';
import { printerProfiles } from '../../drivers/printer/profiles.ts';
import { createPrinterSimulator } from '../../drivers/printer/simulator.ts';
import type { Sheet } from '../../drivers/printer/paper.ts';
import { systemClock, wait } from '../../src/lib/clock.ts';
import { testPrinter, type PrinterBench } from './printer.contract.ts';
import { budgetSlip, qrisText, readQr } from './printer-slips.ts';

const never = new AbortController().signal;
let dir = '';
let socat: ChildProcess | undefined;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'kios-lp-'));
});
afterEach(async () => {
  await unplug();
  await rm(dir, { recursive: true });
});

/** Starts socat between a pty at `dir/lp0` and the other address. */
async function pty(other: string): Promise<string> {
  const lp = join(dir, 'lp0');
  socat = spawn('socat', [`PTY,link=${lp},rawer`, other]);
  await appears(lp);
  return lp;
}

async function appears(path: string): Promise<void> {
  const there = async (): Promise<boolean> =>
    access(path).then(
      () => true,
      () => false,
    );
  await expect.poll(there, { timeout: 5000 }).toBe(true);
}

async function unplug(): Promise<void> {
  const child = socat;
  socat = undefined;
  if (child === undefined) return;
  child.kill();
  await once(child, 'exit');
}

/** The contract on a pty with the paper emulator behind it. */
async function onPty(at: (path: string) => string): Promise<PrinterBench> {
  const folder = await mkdtemp(join(tmpdir(), 'kios-pty-'));
  const profile = printerProfiles['generic-58'];
  const simulator = await createPrinterSimulator({
    ...{ listen: { path: join(folder, 'printer') }, profile, onPaper: () => undefined },
  });
  const cable = spawn('socat', [`PTY,link=${folder}/line,rawer`, `UNIX-CONNECT:${folder}/printer`]);
  await appears(join(folder, 'line'));
  return {
    make: () => createPrinter({ at: at(join(folder, 'line')), profile, clock: systemClock }),
    proves: true,
    dispose: async () => {
      if (cable.exitCode === null && cable.kill()) await once(cable, 'exit');
      await simulator.close();
      await rm(folder, { recursive: true });
    },
  };
}
testPrinter('lp on a pty', async () => onPty((path) => `lp:${path}`));
testPrinter('serial line with XON and XOFF on a pty', async () =>
  onPty((path) => `serial:${path}?baudRate=115200&xonxoff=1`),
);

test('a slip goes through it, and the status comes back', async () => {
  const sheets: Sheet[] = [];
  const profile = printerProfiles['generic-58'];
  const simulator = await createPrinterSimulator({
    listen: { path: join(dir, 'printer') },
    profile,
    onPaper: (sheet) => sheets.push(sheet),
  });
  const lp = await pty(`UNIX-CONNECT:${dir}/printer`);
  const printer = createPrinter({ at: `lp:${lp}`, profile, clock: systemClock });
  try {
    await printer.open(never);
    expect(await printer.paper?.(never)).toBe('ok');
    expect(await printer.print(budgetSlip, never)).toEqual({ result: 'printed' });
    expect(sheets.map(readQr)).toEqual([qrisText]);
    simulator.set({ paper: 'out' });
    expect(await printer.print(budgetSlip, never)).toMatchObject({
      error: { reason: 'paper-out' },
    });
    await unplug();
    expect(await printer.closed).toMatchObject({ kind: 'disconnected' });
  } finally {
    await printer.close();
    await simulator.close();
  }
});

test('a printer that takes nothing holds the write, and closing gives it up without waiting', async () => {
  const lp = await pty(`PTY,link=${dir}/other,rawer`);
  const port = openLpPort(lp, systemClock, () => undefined, never);
  let settled = false;
  const writing = port.write(new Uint8Array(500_000)).finally(() => {
    settled = true;
  });
  writing.catch(() => undefined);
  await wait(systemClock, 100);
  expect(settled).toBe(false);
  await port.close();
  await expect(writing).rejects.toMatchObject({ kind: 'canceled' });
  expect(await port.closed).toBeUndefined();
});

test('a transfer that has begun is not written until the kernel takes a zero-byte write', async () => {
  let pending = false;
  const again = (): never => {
    throw Object.assign(new Error('again'), { code: 'EAGAIN' });
  };
  // As usblp does with a printer that answers NAK: the first write is taken, and then nothing is.
  const file = {
    write: (_bytes: Uint8Array, _at: number, length: number) => {
      if (pending) return again();
      pending = length > 0;
      return length;
    },
    read: again,
    close: () => undefined,
  };
  const port = new FilePort(file, '/dev/usb/lp0', systemClock, () => undefined);
  let written = false;
  const writing = port.write(new Uint8Array(445)).then(() => {
    written = true;
  });
  await wait(systemClock, 50);
  expect(written).toBe(false);
  pending = false;
  await writing;
  expect(written).toBe(true);
  await port.close();
});

test('partial writes join to the same bytes', async () => {
  const lp = await pty(`PTY,link=${dir}/other,rawer`);
  const port = openLpPort(lp, systemClock, () => undefined, never);
  const bytes = Uint8Array.from({ length: 60_000 }, (_, i) => (i * 7) & 0xff);
  const got: Buffer[] = [];
  await expect
    .poll(() =>
      access(join(dir, 'other')).then(
        () => true,
        () => false,
      ),
    )
    .toBe(true);
  const reader = openSync(join(dir, 'other'), constants.O_RDWR | constants.O_NONBLOCK);
  let done = false;
  const writing = port.write(bytes).then(() => {
    done = true;
  });
  const length = (): number => got.reduce((sum, piece) => sum + piece.length, 0);
  await expect
    .poll(
      () => {
        const buffer = Buffer.alloc(4096);
        try {
          got.push(buffer.subarray(0, readSync(reader, buffer, 0, 4096, null)));
        } catch (error) {
          if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
        }
        return done && length() === bytes.length;
      },
      { interval: 1, timeout: 20_000 },
    )
    .toBe(true);
  await writing;
  expect(Buffer.concat(got).equals(bytes)).toBe(true);
  closeSync(reader);
  await port.close();
});

test('what is not there, is a plain file or was called off is told', async () => {
  const open = (path: string, signal = never): unknown =>
    openLpPort(path, systemClock, () => undefined, signal);
  await writeFile(join(dir, 'plain'), '');
  expect(() => open(join(dir, 'lp9'))).toThrow(/plugged in/);
  expect(() => open(join(dir, 'plain'))).toThrow(/file:/);
  expect(() => open(join(dir, 'lp9'), AbortSignal.abort())).toThrow(/called off/);
});
