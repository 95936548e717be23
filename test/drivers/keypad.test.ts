// Keypads over their transports: the contract on the simulator and on a named device, and coming back under supervision.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Health, Key, Keypad } from '../../drivers/device.ts';
import { createKeypad } from '../../drivers/keypad/keypad.ts';
import { parseInputAddress } from '../../drivers/keypad/line.ts';
import {
  createKeypadSimulator,
  type KeypadPlace,
  type KeypadSimulator,
} from '../../drivers/keypad/simulator.ts';
import { stuckMs } from '../../drivers/keypad/fingers.ts';
import { readHidrawDescriptor } from '../../drivers/keypad/hidraw.ts';
import { posDescriptor } from '../../drivers/scanner/pos-scanner.ts';
import { supervise } from '../../drivers/supervise.ts';
import { createVirtualPort } from '../../drivers/virtual-port.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { VirtualClock } from '../lib/virtual-clock.ts';
import { descriptors, hex } from './hid-captures.ts';
import { testKeypad, type KeypadUnderTest } from './keypad.contract.ts';

let folder: string;
const never = new AbortController().signal;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kios-keypad-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** 256 keys, one bit each, behind report id 3. */
const bitmapPad: Omit<KeypadPlace, 'path' | 'tcp'> = {
  descriptor: hex('05 01 09 06 a1 01 85 03 05 07 19 00 29 ff 15 00 25 01 75 01 96 00 01 81 02 c0'),
  reportsOf: (usage) => {
    const down = new Uint8Array(33);
    down[0] = 3;
    const up = Uint8Array.from(down);
    down[1 + (usage >> 3)] = 1 << (usage & 7);
    return [down, up];
  },
};

async function simulated(place: KeypadPlace): Promise<KeypadUnderTest> {
  const simulator = await createKeypadSimulator(place);
  return {
    make: (onKey) => createKeypad({ at: simulator.at, onKey, clock: systemClock }),
    hand: simulator,
    end: () => simulator.unplug(),
  };
}

testKeypad('the simulator at a unix socket', () => simulated({ path: join(folder, 'pad') }));
testKeypad('the simulator at a TCP port', () => simulated({ tcp: true }));
testKeypad('the simulator of a pad with a bitmap of keys behind a report id', () =>
  simulated({ tcp: true, ...bitmapPad }),
);

const real = process.env['KIOS_TEST_KEYPAD'];
if (real !== undefined) {
  testKeypad(real, async () =>
    Promise.resolve({ make: (onKey) => createKeypad({ at: real, onKey, clock: systemClock }) }),
  );
} else {
  test('a real keypad: run KIOS_TEST_KEYPAD=hid:/dev/kios/hid-… npm run test:seams -- keypad', (context) => {
    context.skip('no keypad named');
  });
}

describe('addresses', () => {
  test.each([
    ['terminal', { kind: 'terminal' }],
    ['hid:/dev/kios/hid-a:1.0', { kind: 'hid', path: '/dev/kios/hid-a:1.0' }],
    ['reports:unix:/run/pad', { kind: 'reports', port: { kind: 'unix', path: '/run/pad' } }],
    ['unix:/run/pad', { kind: 'characters', port: { kind: 'unix', path: '/run/pad' } }],
  ])('%s', (text, address) => {
    expect(parseInputAddress(text)).toEqual(address);
  });

  test.each(['', 'hid:hidraw0', 'reports:terminal', 'reports:', '/dev/hidraw0', 'usb:1'])(
    '"%s" is refused with what to write',
    (at) => {
      expect(() => createKeypad({ at, onKey: () => undefined, clock: systemClock })).toThrow(
        /write hid:\/dev\/kios\/hid-…, serial:/,
      );
    },
  );
});

test('a matrix board sends characters', async () => {
  const board = createServer().listen(0, '127.0.0.1');
  await once(board, 'listening');
  onTestFinished(() => void board.close());
  const keys: Key[] = [];
  const keypad = createKeypad({
    at: `tcp:127.0.0.1:${(board.address() as AddressInfo).port}`,
    clock: systemClock,
    onKey: (key) => keys.push(key),
  });
  const connected = once(board, 'connection');
  await keypad.open(never);
  const [socket] = (await connected) as [Socket];
  socket.end('15A\r\n*#CD\b');
  await keypad.closed;
  const expected = ['1', '5', '00', 'enter', 'clear', 'enter', 'cancel', 'language', 'backspace'];
  expect(keys).toEqual(expected);
});

test('a matrix board that sends no keys is told: its baud rate may be another', async () => {
  const board = await createVirtualPort({ port: 0 });
  onTestFinished(() => board.unplug());
  const keys: Key[] = [];
  const keypad = createKeypad({
    at: board.at,
    clock: systemClock,
    onKey: (key) => keys.push(key),
  });
  await keypad.open(never);
  await board.whenOpened();
  board.send(Uint8Array.of(0xfe, 0x80, 0x00));
  await expect.poll(() => keypad.health().detail).toContain('is baudRate as the board has it?');
  board.send(Buffer.from('7'));
  await expect.poll(() => keypad.health()).toEqual({ state: 'up' });
  await keypad.close();
  expect(keys).toEqual(['7']);
});

describe('what a device says of itself', () => {
  async function open(descriptor: Uint8Array): Promise<unknown> {
    const simulator = await createKeypadSimulator({ tcp: true, descriptor });
    onTestFinished(() => simulator.unplug());
    const keypad = createKeypad({
      at: simulator.at,
      onKey: () => undefined,
      clock: systemClock,
    });
    onTestFinished(() => keypad.close());
    const error = await keypad.open(never).catch((why: unknown) => why);
    // What was refused is let go of at once.
    if (error !== undefined) await expect.poll(() => simulator.press('1')).toBe(false);
    return error;
  }

  test.each([
    ['media keys, as the second interface of most pads', descriptors.mediaKeys],
    ['a HID-POS scanner', posDescriptor],
    ['modifiers alone', descriptors.corsairModifiers],
  ])('%s is no keypad, and the sentence says what to write', async (_name, descriptor) => {
    expect(await open(descriptor)).toMatchObject({
      kind: 'protocol',
      message: expect.stringMatching(/often at …:1\.0.* belongs under scanner/) as string,
    });
  });

  test('nonsense is taken for a boot keyboard', async () => {
    expect(await open(Uint8Array.of(1, 2, 3))).toBeUndefined();
  });

  test('one that says nothing can be called off, and one that sends no messages is told', async () => {
    const mute = await createVirtualPort({ port: 0 });
    onTestFinished(() => mute.unplug());
    const stop = new AbortController();
    const at = `reports:${mute.at}`;
    const keypad = createKeypad({ at, onKey: () => undefined, clock: systemClock });
    const opening = keypad.open(stop.signal).catch((error: unknown) => error);
    await mute.whenOpened();
    stop.abort();
    expect(await opening).toMatchObject({ kind: 'canceled' });
    await keypad.close();
    await mute.unplug();
    await mute.plug();
    const again = createKeypad({ at, onKey: () => undefined, clock: systemClock });
    const other = again.open(never).catch((error: unknown) => error);
    await mute.whenOpened();
    mute.send(Uint8Array.of(0xff, 0xff, 0xff));
    expect(await other).toMatchObject({ kind: 'protocol' });
    await again.close();
  });
});

describe('a hand on the pad', () => {
  const down = (usage: number): Uint8Array => Uint8Array.of(0, 0, usage, 0, 0, 0, 0, 0);
  const backspace = 0x2a;

  async function openPad(clock: VirtualClock): Promise<{
    keys: Key[];
    keypad: Keypad;
    simulator: KeypadSimulator;
    /** Waits until so many keys have come. */
    until: (count: number) => Promise<void>;
  }> {
    const simulator = await createKeypadSimulator({ tcp: true });
    const keys: Key[] = [];
    const keypad = createKeypad({ at: simulator.at, clock, onKey: (key) => keys.push(key) });
    onTestFinished(async () => {
      await keypad.close();
      await simulator.unplug();
    });
    await keypad.open(never);
    const until = async (count: number): Promise<void> => {
      await expect.poll(() => keys.length).toBe(count);
    };
    return { keys, keypad, simulator, until };
  }

  test('a held backspace erases on, and stops when the pad is pulled out under the finger', async () => {
    const clock = new VirtualClock();
    const { keys, keypad, simulator, until } = await openPad(clock);
    simulator.report(down(backspace));
    await until(1);
    await clock.advance(700);
    expect(keys).toEqual(['backspace', 'backspace', 'backspace', 'backspace']);
    await simulator.unplug();
    await keypad.closed;
    await clock.advance(10_000);
    expect(keys).toHaveLength(4);
  });

  test('a held digit comes once, however often the pad repeats it', async () => {
    const clock = new VirtualClock();
    const { keys, simulator, until } = await openPad(clock);
    for (let count = 0; count < 20; count++) simulator.report(down(0x59));
    simulator.report(down(0x5a));
    await until(2);
    await clock.advance(5_000);
    expect(keys).toEqual(['1', '2']);
  });

  test('a stuck key is told in the health and ignored, until it is free', async () => {
    const clock = new VirtualClock();
    const { keypad, simulator, until } = await openPad(clock);
    simulator.report(down(0x59));
    await until(1);
    expect(keypad.health()).toEqual({ state: 'up' });
    await clock.advance(stuckMs);
    expect(keypad.health()).toMatchObject({
      ...{ state: 'up', fault: 'protocol' },
      detail: expect.stringContaining('1 key is down for more than 30 s and ignored') as string,
    });
    simulator.report(Uint8Array.of(0, 0, 0x59, 0x5a, 0, 0, 0, 0));
    await until(2);
    simulator.report(down(0x5a));
    await expect.poll(() => keypad.health()).toEqual({ state: 'up' });
  });

  test('reports of another form than declared are told, and no key', async () => {
    const { keys, keypad, simulator, until } = await openPad(new VirtualClock());
    simulator.report(Uint8Array.of(0x59));
    await expect.poll(() => keypad.health().detail).toContain('sends other reports than it has');
    simulator.press('1');
    await until(1);
    expect(keypad.health()).toEqual({ state: 'up' });
    expect(keys).toEqual(['1']);
  });
});

test('two equal pads at once: each types its own keys, and pulling one out leaves the other', async () => {
  const pads = await Promise.all(
    ['left', 'right'].map((name) => createKeypadSimulator({ path: join(folder, name) })),
  );
  const keys: string[] = [];
  const keypads = pads.map(({ at }, index) =>
    createKeypad({ at, clock: systemClock, onKey: (key) => keys.push(`${index}:${key}`) }),
  );
  onTestFinished(async () => {
    await Promise.all(
      [...keypads, ...pads].map((one) => ('close' in one ? one.close() : one.unplug())),
    );
  });
  await Promise.all(keypads.map((keypad) => keypad.open(never)));
  pads[0]?.press('1');
  await expect.poll(() => keys).toEqual(['0:1']);
  await pads[0]?.unplug();
  await keypads[0]?.closed;
  pads[1]?.press('2');
  await expect.poll(() => keys).toEqual(['0:1', '1:2']);
  expect(keypads.map((keypad) => keypad.health().state)).toEqual(['down', 'up']);
});

describe('hidraw', () => {
  test('the descriptor is read through the link to the node; without one there is none', async () => {
    const classFolder = join(folder, 'class');
    await mkdir(join(classFolder, 'hidraw3', 'device'), { recursive: true });
    await writeFile(
      join(classFolder, 'hidraw3', 'device', 'report_descriptor'),
      descriptors.corsairBitmap,
    );
    await writeFile(join(folder, 'hidraw3'), '');
    await symlink('hidraw3', join(folder, 'hid-usb-0:1.1:1.0'));
    const read = await readHidrawDescriptor(join(folder, 'hid-usb-0:1.1:1.0'), classFolder);
    expect(read && [...read]).toEqual([...descriptors.corsairBitmap]);
    expect(await readHidrawDescriptor(join(folder, 'hidraw4'), classFolder)).toBeUndefined();
  });

  const open = (path: string): Promise<void> =>
    createKeypad({ at: `hid:${path}`, onKey: () => undefined, clock: systemClock }).open(never);

  test('a node that is not there is not-found', async () => {
    await expect(open(join(folder, 'hidraw9'))).rejects.toMatchObject({
      kind: 'not-found',
      message: expect.stringContaining('is it plugged in') as string,
    });
  });

  test('a file that is no HID device is named as such', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(open(join(folder, 'file'))).rejects.toMatchObject({
      kind: 'not-found',
      message: expect.stringMatching(
        /no HID device opens there.*kios devices lists them/,
      ) as string,
    });
  });

  test('without permission the sentence names what gives it: rules and group', async () => {
    await chmod(folder, 0o755);
    await writeFile(join(folder, 'closed'), '', { mode: 0o600 });
    const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
    if (nobody.uid === undefined) await chmod(join(folder, 'closed'), 0o000);
    const path = join(folder, 'closed');
    const child = spawnSync(
      process.execPath,
      [
        new URL('input-permission.child.ts', import.meta.url).pathname,
        `hid:${path}`,
        `serial:${path}`,
      ],
      { ...nobody, encoding: 'utf8' },
    );
    expect(child.stderr).toBe('');
    expect(child.stdout.trim().split('\n')).toEqual([
      ...Array<unknown>(2).fill(expect.stringMatching(/^busy: .*udev rules.*group kios.*again/)),
      ...Array<unknown>(2).fill(expect.stringMatching(/^busy: .*no permission.*group.*dialout/)),
    ]);
  });
});

test('a keypad that is unplugged and plugged in five times works again each time', async () => {
  const simulator = await createKeypadSimulator({ path: join(folder, 'replug') });
  const keys: Key[] = [];
  const states: Health['state'][] = [];
  let changed = Promise.withResolvers<undefined>();
  const watch = supervise({
    make: () =>
      createKeypad({ at: simulator.at, onKey: (key) => keys.push(key), clock: systemClock }),
    clock: systemClock,
    log: silentLog,
    random: () => 0,
    onChange: (_device, { state }) => {
      states.push(state);
      changed.resolve(undefined);
      changed = Promise.withResolvers();
    },
  });
  const until = async (state: Health['state']): Promise<void> => {
    while (watch.health().state !== state) await changed.promise;
  };
  for (let round = 0; round < 5; round++) {
    await until('up');
    await simulator.whenOpened();
    simulator.press('7');
    await simulator.unplug();
    await until('down');
    await simulator.plug();
  }
  await watch.stop();
  await simulator.unplug();
  expect(keys).toEqual(['7', '7', '7', '7', '7']);
  expect(states.filter((state) => state === 'up').length).toBeGreaterThanOrEqual(5);
});

test('a key that is pressed while nobody has the keypad open is lost, and the simulator says so', async () => {
  const simulator = await createKeypadSimulator({ tcp: true });
  onTestFinished(() => simulator.unplug());
  expect(simulator.press('1')).toBe(false);
});
