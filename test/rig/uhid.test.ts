// The keypad's contract over a real hidraw node of the kernel, with a keypad made of uhid. Skipped, with the reason,
// where the kernel has no uhid or it is not ours; the events that it is made of are checked everywhere.
import { existsSync } from 'node:fs';
import { mkdtemp, rm, symlink, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  bootDescriptor,
  pressReports,
  reportLength,
} from '../../drivers/keypad/hid-boot-keyboard.ts';
import { createKeypad } from '../../drivers/keypad/keypad.ts';
import { usageOfKey } from '../../drivers/keypad/keys.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { testKeypad, type KeypadUnderTest } from '../drivers/keypad.contract.ts';
import { usable } from './kernel-devices.ts';
import { createEvent, createVirtualHid, inputEvent, type VirtualHid } from './uhid.ts';

describe('the events of linux/uhid.h', () => {
  const identity = { name: 'pad', unique: 'U-1', vendor: 0x1209, product: 0x0001 };

  test('create is as long as its struct and has each field in its place', () => {
    const event = createEvent(identity, bootDescriptor);
    expect(event).toHaveLength(4376);
    expect(event.readUInt32LE(0)).toBe(11);
    expect(event.subarray(196, 200).toString()).toBe('U-1\0');
    expect(event.readUInt16LE(260)).toBe(bootDescriptor.length);
    expect(event.readUInt32LE(264)).toBe(0x1209);
    expect(event.subarray(280, 286).toString('hex')).toBe('05010906a101');
  });

  test('input carries one report', () => {
    const event = inputEvent(Uint8Array.of(0, 0, 0x58, 0, 0, 0, 0, 0));
    expect(event.readUInt32LE(0)).toBe(12);
    expect(event.readUInt16LE(4)).toBe(reportLength);
    expect(event[8]).toBe(0x58);
  });
});

if (usable('/dev/uhid')) {
  testKeypad('a keypad behind hidraw (uhid)', overUhid);
} else {
  const why = existsSync('/dev/uhid') ? 'run as root' : 'this kernel has none: modprobe uhid';
  test.skip(`a keypad behind hidraw: /dev/uhid can not be used here (${why})`, () => undefined);
}

let plugged = 0;

/** Its link stays while its node changes, as udev's does. */
async function overUhid(): Promise<KeypadUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), 'kios-rig-'));
  const link = join(folder, 'hid-pad');
  let pad: VirtualHid | undefined;
  let typed = Promise.resolve();
  const plug = async (): Promise<void> => {
    const unique = `kios-rig-${process.pid}-${++plugged}`;
    const identity = { name: 'kios rig', unique, vendor: 0x1209, product: 1 };
    const next = await createVirtualHid(identity, bootDescriptor);
    pad = next;
    await expect.poll(() => next.node(), { timeout: 5000 }).toBeDefined();
    await symlink(next.node() ?? '', link);
  };
  const unplug = async (): Promise<void> => {
    const last = pad;
    pad = undefined;
    if (last === undefined) return;
    await typed;
    await unlink(link);
    await last.destroy();
  };
  await plug();
  return {
    make: (onKey) => createKeypad({ at: `hid:${link}`, onKey, clock: systemClock }),
    hand: {
      press: (key) => {
        const reports = pressReports({ usage: usageOfKey[key], modifiers: 0 });
        const to = pad;
        typed = typed.then(async () => {
          for (const report of reports) await to?.input(report);
        });
      },
      whenOpened: async () => Promise.resolve(),
      unplug,
      plug,
    },
    end: async () => {
      await unplug();
      await rm(folder, { recursive: true });
    },
  };
}
