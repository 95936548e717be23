// Keypads and scanners that are unplugged at every moment: before they answer, in the middle of saying what they are, between
// and within reports, and while idle. Nothing half is taken, and the next connection is as new.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Device, Health } from '../../drivers/device.ts';
import { bootDescriptor, pressReports } from '../../drivers/keypad/hid-boot-keyboard.ts';
import { createKeypad } from '../../drivers/keypad/keypad.ts';
import { encodeMessage } from '../../drivers/keypad/report-frames.ts';
import { encodeScan } from '../../drivers/scanner/codec.ts';
import { posDescriptor, posReports } from '../../drivers/scanner/pos-scanner.ts';
import { createScanner } from '../../drivers/scanner/scanner.ts';
import { wedgeReports } from '../../drivers/scanner/wedge.ts';
import { supervise } from '../../drivers/supervise.ts';
import { createVirtualPort, type VirtualPort } from '../../drivers/virtual-port.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';

const never = new AbortController().signal;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kios-replug-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

interface Subject {
  /** What the device says of itself before anything else; a device without it is open at once. */
  description: Uint8Array;
  /** What it then says, which is the one thing `said`. */
  stream: Uint8Array;
  /** So many of its last bytes only let go of a key: it is said before them. */
  releaseBytes: number;
  said: string;
  make(at: string, hear: (said: string) => void): Device;
}

const messages = (...parts: Uint8Array[]): Uint8Array => Buffer.concat(parts.map(encodeMessage));
const scanOf =
  (prefix: string) =>
  (at: string, hear: (said: string) => void): Device =>
    createScanner({
      at: `${prefix}${at}`,
      clock: systemClock,
      onScan: ({ text, aim }) => {
        hear(`${aim ?? ''} ${text}`);
      },
    });
const code = { text: '8991002101234', aim: 'E0' };

const subjects: Readonly<Record<string, Subject>> = {
  'a keypad': {
    description: messages(bootDescriptor),
    stream: messages(...pressReports({ usage: 0x5d, modifiers: 0 })),
    releaseBytes: 10,
    said: '5',
    make: (at, hear) => createKeypad({ at: `reports:${at}`, onKey: hear, clock: systemClock }),
  },
  'a scanner that types': {
    description: messages(bootDescriptor),
    stream: messages(...wedgeReports(']E042\r')),
    releaseBytes: 10,
    said: 'E0 42',
    make: scanOf('reports:'),
  },
  'a HID-POS scanner': {
    description: messages(posDescriptor),
    stream: messages(...posReports(code)),
    releaseBytes: 0,
    said: 'E0 8991002101234',
    make: scanOf('reports:'),
  },
  'a serial scanner': {
    description: new Uint8Array(),
    stream: encodeScan(code),
    releaseBytes: 0,
    said: 'E0 8991002101234',
    make: scanOf(''),
  },
};

async function portOf(name: string): Promise<VirtualPort> {
  const port = await createVirtualPort({ path: join(folder, name.replaceAll(' ', '-')) });
  onTestFinished(() => port.unplug());
  return port;
}

describe.each(Object.entries(subjects))('%s', (name, subject) => {
  const { description, stream, releaseBytes, said } = subject;

  test('cut off at every byte of what it says of itself, it does not open, and says why', async () => {
    const port = await portOf(name);
    for (let at = 0; at < description.length; at++) {
      const heard: string[] = [];
      const device = subject.make(port.at, (one) => heard.push(one));
      const opening = device.open(never).catch((error: unknown) => error);
      expect(device.health().state).toBe('opening');
      await port.whenOpened();
      port.send(description.subarray(0, at));
      await port.unplug();
      expect(await opening).toMatchObject({ kind: 'disconnected' });
      expect(device.health()).toMatchObject({ state: 'down', fault: 'disconnected' });
      await device.close();
      expect(heard).toEqual([]);
      await port.plug();
    }
  });

  test('cut off at every byte of what it says, nothing half is taken, and the next connection is as new', async () => {
    const port = await portOf(name);
    const heard: string[] = [];
    for (let at = 0; at < stream.length; at++) {
      const device = subject.make(port.at, (one) => heard.push(one));
      const opening = device.open(never);
      await port.whenOpened();
      port.send(description);
      await opening;
      expect(device.health()).toEqual({ state: 'up' });
      port.send(stream.subarray(0, at));
      await port.unplug();
      expect(await device.closed).toMatchObject({ kind: 'disconnected' });
      expect(device.health()).toMatchObject({ state: 'down', fault: 'disconnected' });
      await device.close();
      await port.plug();
      const whole = releaseBytes > 0 && at >= stream.length - releaseBytes;
      expect(heard.splice(0)).toEqual(whole ? [said] : []);

      const first = Promise.withResolvers<string>();
      const next = subject.make(port.at, first.resolve);
      const again = next.open(never);
      await port.whenOpened();
      port.send(description);
      await again;
      port.send(stream);
      expect(await first.promise).toBe(said);
      await next.close();
      await port.unplug();
      await port.plug();
    }
  });

  test('under supervision it is back each time, also when it is pulled out while it opens', async () => {
    const port = await portOf(`${name} supervised`);
    const heard: string[] = [];
    const watch = supervise({
      make: () => subject.make(port.at, (one) => heard.push(one)),
      clock: systemClock,
      log: silentLog,
      random: () => 0,
      onChange: () => undefined,
    });
    onTestFinished(() => watch.stop());
    const until = async (state: Health['state']): Promise<void> => {
      await expect.poll(() => watch.health().state, { timeout: 5000 }).toBe(state);
    };
    for (const moment of ['while it opens', 'while idle', 'in mid-read'] as const) {
      await port.whenOpened();
      if (moment === 'while it opens') port.send(description.subarray(0, 1));
      else {
        port.send(description);
        await until('up');
        if (moment === 'in mid-read') port.send(stream.subarray(0, 5));
      }
      await port.unplug();
      await until('down');
      await port.plug();
      await port.whenOpened();
      port.send(description);
      await until('up');
      port.send(stream);
      await expect.poll(() => heard.splice(0)).toEqual([said]);
      await port.unplug();
      await until('down');
      await port.plug();
    }
  });
});
