// Keypads over their transports: the contract on the simulator and on a named device, and coming back under supervision.
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Health, Key } from '../../drivers/device.ts';
import { createKeypad } from '../../drivers/keypad/keypad.ts';
import { parseInputAddress } from '../../drivers/keypad/line.ts';
import { createKeypadSimulator } from '../../drivers/keypad/simulator.ts';
import { supervise } from '../../drivers/supervise.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { testKeypad, type KeypadUnderTest } from './keypad.contract.ts';

let folder: string;
const never = new AbortController().signal;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kios-keypad-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function simulated(place: { path: string } | { tcp: true }): Promise<KeypadUnderTest> {
  const simulator = await createKeypadSimulator(place);
  return {
    make: (onKey) => createKeypad({ at: simulator.at, onKey }),
    hand: simulator,
    end: () => simulator.unplug(),
  };
}

testKeypad('the simulator at a unix socket', () => simulated({ path: join(folder, 'pad') }));
testKeypad('the simulator at a TCP port', () => simulated({ tcp: true }));

const real = process.env['KIOS_TEST_KEYPAD'];
if (real !== undefined) {
  testKeypad(real, async () =>
    Promise.resolve({ make: (onKey) => createKeypad({ at: real, onKey }) }),
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
      expect(() => createKeypad({ at, onKey: () => undefined })).toThrow(
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

describe('hidraw', () => {
  const open = (path: string): Promise<void> =>
    createKeypad({ at: `hid:${path}`, onKey: () => undefined }).open(never);

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
      message: expect.stringContaining('no HID device opens there') as string,
    });
  });

  test('a node without permission names the udev rules and the group', async (context) => {
    if (process.getuid?.() === 0) context.skip('root may open everything; run as another user');
    await writeFile(join(folder, 'closed'), '', { mode: 0o000 });
    await expect(open(join(folder, 'closed'))).rejects.toMatchObject({
      kind: 'busy',
      message: expect.stringContaining('group kios') as string,
    });
  });
});

test('a keypad that is unplugged and plugged in five times works again each time', async () => {
  const simulator = await createKeypadSimulator({ path: join(folder, 'replug') });
  const keys: Key[] = [];
  const states: Health['state'][] = [];
  let changed = Promise.withResolvers<undefined>();
  const watch = supervise({
    make: () => createKeypad({ at: simulator.at, onKey: (key) => keys.push(key) }),
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
