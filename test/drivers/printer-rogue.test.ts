// Printers that answer beside the question, too late or not at all, and lines that hold a job back: raw bytes at the far end.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, open, rm } from 'node:fs/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { Printer } from '../../drivers/device.ts';
import { createPrinter } from '../../drivers/printer/printer.ts';
import { printerProfiles } from '../../drivers/printer/profiles.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { budgetSlip } from './printer-slips.ts';

const never = new AbortController().signal;
const profile = printerProfiles['generic-58'];
const well = 0x12;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Question {
  /** DLE EOT n; undefined for GS r. */
  topic: number | undefined;
  answer: (...bytes: number[]) => void;
  socket: Socket;
}

/** A printer that is only this function; every question arrives whole, because the driver asks one at a time. */
async function printerThat(
  hears: (question: Question) => void,
  jobTimeoutMs = 1500,
): Promise<Printer> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    const answer = (...bytes: number[]): void => void socket.write(Uint8Array.from(bytes));
    socket.on('data', (bytes) => {
      for (let i = 0; i + 2 < bytes.length; i++) {
        if (bytes[i] === 0x10 && bytes[i + 1] === 0x04) {
          hears({ topic: bytes[i + 2], answer, socket });
        }
        if (bytes[i] === 0x1d && bytes[i + 1] === 0x72) {
          hears({ topic: undefined, answer, socket });
        }
      }
    });
    cleanups.push(() => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => server.close());
  const at = `tcp:127.0.0.1:${(server.address() as AddressInfo).port}`;
  const printer = createPrinter({ at, profile, clock: systemClock, jobTimeoutMs });
  cleanups.push(() => printer.close());
  await printer.open(never);
  return printer;
}

test('an automatic status is no proof of print: its tail looks like an answer to GS r', async () => {
  let fences = 0;
  const printer = await printerThat(({ topic, answer }) => {
    if (topic !== undefined) answer(well);
    else if (++fences === 1) answer(0x00);
    else answer(0x14, 0x00, 0x00, 0x0f);
  }, 700);
  expect(await printer.print(budgetSlip, never)).toEqual({ result: 'unknown' });
});

test('an automatic status between the questions changes no answer', async () => {
  const printer = await printerThat(({ topic, answer }) => {
    if (topic === undefined) answer(0x10, 0x00, 0x00, 0x0f, 0x00);
    else answer(0x10, 0x00, 0x00, 0x0f, well);
  });
  expect(await printer.print(budgetSlip, never)).toEqual({ result: 'printed' });
});

test('an answer that comes too late does not pass for the answer to another question', async () => {
  let asked = 0;
  const printer = await printerThat(({ topic, answer }) => {
    asked += 1;
    // Topic 1 says "drawer open", which as the answer to topic 2 would be an open cover. Only topic 4 says: no paper.
    const byte = topic === 4 ? well | 0x60 : topic === 1 ? well | 0x04 : well;
    systemClock.after(asked === 1 ? 900 : 300, () => {
      answer(byte);
    });
  });
  await expect(printer.paper?.(never)).rejects.toMatchObject({ kind: 'timeout' });
  expect(await printer.paper?.(never)).toBe('out');
});

test('what the network still holds of a voided job does not come out when the printer wakes up', async () => {
  const ended = Promise.withResolvers<Error | undefined>();
  let far: Socket | undefined;
  const printer = await printerThat(({ topic, answer, socket }) => {
    answer(topic === undefined ? 0x00 : well);
    if (topic !== undefined) return; // GS r before the slip is the last question that it hears.
    far = socket;
    socket.pause();
    socket.on('error', ended.resolve);
    socket.on('end', () => {
      ended.resolve(undefined);
    });
  }, 300);
  expect(await printer.print(budgetSlip, never)).toEqual({ result: 'unknown' });
  await printer.close();
  far?.resume();
  // A reset, by which a network stack throws away what it has not yet handed on. An orderly end would be delivered.
  expect(await ended.promise).toMatchObject({ code: 'ECONNRESET' });
});

test('what a serial line still holds of a voided job does not come out when the printer wakes up', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'kios-rogue-'));
  cleanups.push(() => rm(dir, { recursive: true }));
  const near = join(dir, 'near');
  const socat = spawn('socat', [`PTY,link=${near},rawer`, '-'], { stdio: 'pipe' });
  let got = Buffer.alloc(0);
  socat.stdout.on('data', (bytes: Buffer) => (got = Buffer.concat([got, bytes])));
  cleanups.push(async () => {
    socat.kill('SIGKILL');
    await once(socat, 'exit');
  });
  await expect.poll(() => there(near), { timeout: 5000 }).toBe(true);
  const keeper = await open(near, 'r+'); // A pty whose last reader leaves hangs up; a real line does not.
  cleanups.push(() => keeper.close());
  const blind = printerProfiles['basic-58'];
  const at = `serial:${near}?baudRate=115200`;
  const printer = createPrinter({ at, profile: blind, clock: systemClock, jobTimeoutMs: 300 });
  cleanups.push(() => printer.close());
  await printer.open(never);
  socat.kill('SIGSTOP');
  expect(await printer.print(endlessSlip, never)).toEqual({ result: 'unknown' });
  await printer.close();
  socat.kill('SIGCONT');
  await keeper.write('.'); // Comes after whatever the line still holds.
  await expect.poll(() => got.at(-1)).toBe('.'.charCodeAt(0));
  expect(got.length).toBeLessThanOrEqual(farEndBytes);
});

/** What the far end of a pty has taken already (n_tty's buffer): as good as in the printer. */
const farEndBytes = 4096;

/** More than any line holds by itself. */
const endlessSlip = {
  blocks: Array.from({ length: 3000 }, () => ({ kind: 'text' as const, text: 'one line more' })),
};

async function there(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
