// Scanners over their transports: the contract on simulators, on a serial line (a pty pair), and on a named device.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, rm, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Health, Scan } from '../../drivers/device.ts';
import { encodeScan } from '../../drivers/scanner/codec.ts';
import { createScanner } from '../../drivers/scanner/scanner.ts';
import {
  createScannerSimulator,
  type ScannerSimulatorOptions,
} from '../../drivers/scanner/simulator.ts';
import { supervise } from '../../drivers/supervise.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { testScanner, type ScannerUnderTest } from './scanner.contract.ts';

let folder: string;
const never = new AbortController().signal;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kios-scanner-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function simulated(options: ScannerSimulatorOptions): Promise<ScannerUnderTest> {
  const simulator = await createScannerSimulator(options);
  const { prefix, suffix } = options;
  return {
    make: (onScan) =>
      createScanner({
        at: simulator.at,
        onScan,
        clock: systemClock,
        prefix,
        suffix,
      }),
    hand: simulator,
    end: () => simulator.unplug(),
  };
}

testScanner('the simulator at a unix socket', () => simulated({ path: join(folder, 'gun') }));
testScanner('the simulator at a TCP port, with STX, ETX and a prefix', () =>
  simulated({ tcp: true, prefix: '\x02Q', suffix: '\x03' }),
);
testScanner('the simulator as a keyboard', () => simulated({ tcp: true, speaks: 'keys' }));
testScanner('the simulator of HID-POS', () => simulated({ tcp: true, speaks: 'hid-pos' }));
testScanner('a serial line', onSerialLine);

const real = process.env['KIOS_TEST_SCANNER'];
if (real !== undefined) {
  testScanner(real, async () =>
    Promise.resolve({ make: (onScan) => createScanner({ at: real, onScan, clock: systemClock }) }),
  );
} else {
  test('a real scanner: run KIOS_TEST_SCANNER=serial:/dev/… npm run test:seams -- scanner', (context) => {
    context.skip('no scanner named');
  });
}

test.each(['terminal', 'serial:ttyS0', 'hid:', ''])('"%s" is no address of a scanner', (at) => {
  expect(() => createScanner({ at, clock: systemClock, onScan: () => undefined })).toThrow(
    /write .*serial:\/dev\/PATH/,
  );
});

test('readings without the prefix are told in the health until a good one comes', async () => {
  const simulator = await createScannerSimulator({ tcp: true });
  const read = Promise.withResolvers<Scan>();
  const scanner = createScanner({
    at: simulator.at,
    prefix: 'Q',
    clock: systemClock,
    onScan: read.resolve,
  });
  await scanner.open(never);
  await simulator.whenOpened();
  simulator.send(Buffer.from('1234\r'));
  await expect
    .poll(() => scanner.health())
    .toMatchObject({
      state: 'up',
      fault: 'protocol',
      detail: expect.stringContaining('has not the prefix') as string,
    });
  simulator.send(Buffer.from('Q55'));
  simulator.send(Buffer.from('66\r'));
  expect(await read.promise).toEqual({ text: '5566' });
  expect(scanner.health()).toEqual({ state: 'up' });
  await scanner.close();
  await simulator.unplug();
});

test('a suffix that never comes is told in the health', async () => {
  const simulator = await createScannerSimulator({ tcp: true });
  const scanner = createScanner({
    at: simulator.at,
    suffix: '\r',
    clock: systemClock,
    onScan: () => undefined,
  });
  await scanner.open(never);
  await simulator.whenOpened();
  simulator.send(Buffer.from('8991002101234\n'.repeat(100)));
  await expect
    .poll(() => scanner.health().detail)
    .toContain('or is too long, or has not its suffix');
  await scanner.close();
  await simulator.unplug();
});

test('of a babbling scanner five readings a second are passed on, and the health tells the rest', async () => {
  const simulator = await createScannerSimulator({ tcp: true });
  const scans: Scan[] = [];
  let nowMs = 0;
  const clock = { ...systemClock, monotonicMs: () => nowMs };
  const scanner = createScanner({ at: simulator.at, clock, onScan: (scan) => scans.push(scan) });
  await scanner.open(never);
  await simulator.whenOpened();
  for (let i = 0; i < 1000; i++) simulator.scan({ text: `noise-${i}` });
  await expect.poll(() => scanner.health().detail).toContain('995 readings were left out');
  expect(scans).toHaveLength(5);
  nowMs = 20_000;
  expect(scanner.health()).toEqual({ state: 'up' });
  simulator.scan({ text: 'kopi' });
  await expect.poll(() => scans.at(-1)).toEqual({ text: 'kopi' });
  await scanner.close();
  await simulator.unplug();
});

test('a serial scanner that is unplugged in the middle of a code comes back with the next one', async () => {
  const line = await onSerialLine();
  const scans: Scan[] = [];
  let changed = Promise.withResolvers<undefined>();
  const change = (): void => {
    changed.resolve(undefined);
    changed = Promise.withResolvers();
  };
  const watch = supervise({
    make: () =>
      line.make((scan) => {
        scans.push(scan);
        change();
      }),
    clock: systemClock,
    log: silentLog,
    random: () => 0,
    onChange: change,
  });
  const until = async (is: () => boolean): Promise<void> => {
    while (!is()) await changed.promise;
  };
  const state = (): Health['state'] => watch.health().state;
  for (let round = 1; round <= 3; round++) {
    await until(() => state() === 'up');
    line.hand.scan({ text: `code-${round}` });
    await until(() => scans.length === round);
    line.hand.send('half of a co');
    await line.hand.unplug();
    await until(() => state() === 'down');
    await line.hand.plug();
  }
  await watch.stop();
  await line.end();
  expect(scans.map((scan) => scan.text)).toEqual(['code-1', 'code-2', 'code-3']);
});

type SerialLine = ScannerUnderTest & {
  hand: NonNullable<ScannerUnderTest['hand']> & { send(text: string): void };
  end(): Promise<void>;
};

/** A scanner at one end of a pty pair, read through the real serialport library at the other. */
async function onSerialLine(): Promise<SerialLine> {
  const near = join(folder, 'ttyScanner');
  const far = join(folder, 'ttyGun');
  let socat: { process: ChildProcess; exited: Promise<unknown> } | undefined;
  let gun: FileHandle | undefined;
  let keeper: FileHandle | undefined;
  let writes = Promise.resolve();

  const plug = async (): Promise<void> => {
    const pty = (link: string): string => `PTY,raw,echo=0,link=${link}`;
    const next = spawn('socat', ['-d', '-d', pty(near), pty(far)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    socat = { process: next, exited: once(next, 'exit') };
    for await (const chunk of next.stderr.iterator({ destroyOnReturn: false })) {
      if (String(chunk).includes('starting data transfer loop')) break;
    }
    next.stderr.resume();
    gun = await open(far, 'r+');
    keeper = await open(near, 'r+'); // A pty hangs up when its last reader leaves; a serial port does not.
  };
  const unplug = async (): Promise<void> => {
    await writes;
    await gun?.close();
    await keeper?.close();
    const last = socat;
    socat = undefined;
    gun = undefined;
    keeper = undefined;
    last?.process.kill();
    await last?.exited;
  };
  const send = (bytes: Uint8Array): void => {
    const to = gun;
    writes = writes.then(async () => {
      await to?.write(bytes);
    });
  };

  await plug();
  return {
    make: (onScan) =>
      createScanner({ at: `serial:${near}?baudRate=115200`, onScan, clock: systemClock }),
    hand: {
      scan: (scan) => {
        send(encodeScan(scan, { suffix: '\r\n' }));
      },
      send: (text) => {
        send(Buffer.from(text));
      },
      whenOpened: async () => Promise.resolve(),
      unplug,
      plug,
    },
    end: unplug,
  };
}
