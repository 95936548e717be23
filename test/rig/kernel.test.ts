// What the guest's own kernel makes of our devices: the drivers' contracts on its nodes, and no way from the keypad to a
// console. No kiosk runs here.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { modifier } from '../../drivers/keypad/hid-boot-keyboard.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, wait } from '../../src/lib/clock.ts';
import { deviceNames } from './device-names.ts';
import { until } from './house.ts';
import { kinds } from './kernel-devices.ts';
import { Guest } from './machine/guest.ts';
import { buildLimitMs, inGuests, stepLimitMs } from './releases.ts';
import { UsbKeypad } from './usb/usb-keypad.ts';
import { UsbPrinter } from './usb/usb-printer.ts';
import { UsbScanner } from './usb/usb-scanner.ts';

/** HID Usage Tables, page 0x07. */
const [h, enter, printScreen, deleteForward, one] = [0x0b, 0x28, 0x46, 0x4c, 0x1e];
/** Vitest and all that the drivers import, read over 9p and compiled by an emulated machine. */
const contractLimitMs = 600_000;
const settleMs = 1_000;

const report = z.object({
  numPassedTests: z.number(),
  testResults: z.array(
    z.object({
      assertionResults: z.array(
        z.object({
          fullName: z.string(),
          status: z.string(),
          failureMessages: z.array(z.string()),
        }),
      ),
    }),
  ),
});

inGuests('USB devices at a kernel of Debian', (image) => {
  let guest: Guest;
  const undo = new AsyncDisposableStack();
  const keypad = new UsbKeypad();
  const scanner = new UsbScanner();
  let printer: UsbPrinter;

  beforeAll(async () => {
    guest = undo.adopt(await Guest.start(await image()), (one) => one.end());
    const folder = undo.adopt(await mkdtemp(join(tmpdir(), 'kios-paper-')), (one) =>
      rm(one, { recursive: true }),
    );
    printer = undo.adopt(await UsbPrinter.create(join(folder, 'head')), (one) => one.end());
    await guest.sh(`set -e
      systemd-sysusers /mnt/host/systemd/kios.sysusers
      cp /mnt/host/systemd/99-kios.rules /etc/udev/rules.d/
      udevadm control --reload
      systemctl stop getty@tty1
      for console in /sys/class/vtconsole/vtcon*; do
        if grep -q 'frame buffer' $console/name; then echo 0 >$console/bind; fi
      done`);
    await keypad.device.plug(guest.usbSocket(1));
    await scanner.device.plug(guest.usbSocket(2));
    await printer.plug(guest.usbSocket(3));
    await deviceNames(guest);
  }, buildLimitMs);
  afterAll(async () => {
    await undo.disposeAsync();
  });

  test(
    'the contracts of keypad, scanner, panel and printer hold on hidraw, ttyACM, fb0 and lp',
    async () => {
      const named = Object.entries({
        [kinds.keypad.variable]: 'hid:$(echo /dev/kios/hid-*)',
        [kinds.scanner.variable]: 'serial:$(echo /dev/kios/serial-*)?baudRate=9600',
        [kinds.display.variable]: 'fb:/dev/fb0',
        [kinds.printer.variable]: 'lp:$(echo /dev/kios/printer-*)',
      }).map(([name, at]) => `export ${name}="${at}"`);
      const vitest = 'node node_modules/vitest/vitest.mjs run --config config/vitest.config.ts';
      // The checkout is read-only in there: nothing is bundled beside it, nothing cached.
      const bare = '--configLoader native --no-cache --pool threads --no-isolate';
      const what = '--project rig --reporter json --outputFile /run/report.json';
      const line = `${vitest} ${bare} ${what} test/rig/devices.test.ts`;
      const { out, err, code } = await guest.run(
        [...named, 'cd /mnt/host', line].join('\n'),
        contractLimitMs,
      );
      const { testResults, numPassedTests } = report.parse(
        JSON.parse((await guest.get('/run/report.json')).toString()),
      );
      const all = testResults.flatMap(({ assertionResults }) => assertionResults);
      expect(all.filter(({ status }) => status === 'failed')).toEqual([]);
      // An error outside of a test, such as one that nobody catches, would end the daemon.
      expect(code, out + err).toBe(0);
      expect(numPassedTests).toBeGreaterThan(15);
      for (const node of [
        '/dev/kios/hid',
        '/dev/kios/serial',
        'fb:/dev/fb0',
        '/dev/kios/printer',
      ]) {
        expect(all.some((one) => one.fullName.includes(node) && one.status === 'passed')).toBe(
          true,
        );
      }
    },
    contractLimitMs,
  );

  /** Bytes that reach each reader, and what the kernel's SysRq says, while a hand goes over the keys. */
  const typeOnEverything = async (): Promise<
    Record<'hidraw' | 'evdev' | 'tty1' | 'sysrq', number>
  > => {
    await guest.sh(`
      echo 1 >/proc/sys/kernel/sysrq
      dmesg --clear
      input=$(grep -l 'Numeric Keypad' /sys/class/input/event*/device/name | head -n 1)
      echo "$input" | cut -d / -f 5 >/run/event
      for source in hidraw:/dev/hidraw0 evdev:/dev/input/$(cat /run/event) tty1:/dev/tty1; do
        timeout 60 cat "\${source#*:}" >"/run/heard-\${source%%:*}" 2>/dev/null & echo $! >>/run/readers
      done
      sleep 3`);
    await until('a reader of the keypad', async () => Promise.resolve(keypad.device.polled));
    for (let round = 0; round < 4; round++) await keypad.chord(0, one + round);
    await keypad.chord(0, enter);
    await keypad.chord(modifier.alt & 0x0f, printScreen, h);
    await wait(systemClock, settleMs);
    const counted = await guest.sh(`
      kill $(cat /run/readers); rm /run/readers
      for name in hidraw evdev tty1; do stat --format=%s /run/heard-$name; done
      dmesg | grep --count --ignore-case sysrq || true`);
    const [hidraw = 0, evdev = 0, tty1 = 0, sysrq = 0] = counted.split('\n').map(Number);
    return { hidraw, evdev, tty1, sysrq };
  };

  const inhibited = "$(dirname $(grep -l 'Numeric Keypad' /sys/class/input/input*/name))/inhibited";

  test(
    'with our rule hidraw has every report, and no key reaches evdev, a console or SysRq',
    async () => {
      expect(await guest.sh(`cat ${inhibited}`)).toBe('1');
      const { hidraw, ...others } = await typeOnEverything();
      expect(hidraw).toBe(6 * 2 * 8);
      expect(others).toEqual({ evdev: 0, tty1: 0, sysrq: 0 });
      // Seven times within two seconds, by which systemd would reboot whatever else is forbidden.
      const ctrlAlt = (modifier.control | modifier.alt) & 0x0f;
      for (let times = 0; times < 8; times++) await keypad.chord(ctrlAlt, deleteForward);
      await wait(systemClock, settleMs);
      expect(await guest.sh('systemctl is-system-running || true')).not.toBe('stopping');
      expect(guest.events).not.toContain('RESET');
    },
    stepLimitMs,
  );

  test(
    'the same keys reach all of them without the rule: the test above could have failed',
    async () => {
      await guest.sh(`echo 0 >${inhibited}`);
      const heard = await typeOnEverything();
      expect(heard.hidraw).toBe(6 * 2 * 8);
      for (const bytes of [heard.evdev, heard.tty1, heard.sysrq]) expect(bytes).toBeGreaterThan(0);
      await guest.sh(`echo 1 >${inhibited}`);
    },
    stepLimitMs,
  );

  test(
    'the rule holds after a replug',
    async () => {
      await keypad.device.unplug();
      await until('no keypad', async () => (await guest.sh('ls /dev/hidraw* || true')) === '');
      await keypad.device.plug(guest.usbSocket(1));
      await until('the keypad', async () => (await guest.run('ls /dev/kios/hid-*')).code === 0);
      expect(await guest.sh(`udevadm settle; cat ${inhibited}`)).toBe('1');
    },
    stepLimitMs,
  );
});
