// `kios devices` on machines that tests plant: what is there, which driver fits, what the configuration says, what is refused.
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createDispenser } from '../../drivers/dispenser/dispenser.ts';
import { createDisplay } from '../../drivers/display/display.ts';
import { createKeypad } from '../../drivers/keypad/keypad.ts';
import { createPrinter } from '../../drivers/printer/printer.ts';
import { printerProfiles } from '../../drivers/printer/profiles.ts';
import { createScanner } from '../../drivers/scanner/scanner.ts';
import type { Fit } from '../../src/cli/attached-fits.ts';
import type { AttachedLine, AttachedReport } from '../../src/cli/attached-report.ts';
import { mayOpen } from '../../src/cli/device-access.ts';
import { attachedNow, configText, isFaulty, refusedNow, words } from '../../src/cli/devices.ts';
import { withRights } from '../../src/cli/doctor-devices.ts';
import { skipped, well } from '../../src/cli/finding.ts';
import { widthOf } from '../../src/cli/panel-size.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { descriptors, hex } from '../drivers/hid-captures.ts';
import { run } from '../scripts/sandbox.ts';
import { edidOf, plantTree, type Tree } from './attached-tree.ts';

/** HID Point of Sale Usage Tables: decoded data and nothing else. */
const posDescriptor = hex('05 8c 09 02 a1 01 15 00 26 ff 00 75 08 95 38 09 fe 81 02 c0');

async function only(tree: Tree, config = ''): Promise<AttachedLine> {
  const { devices } = await attachedNow(tree, config);
  expect(devices).toHaveLength(1);
  const [device] = devices;
  if (device === undefined) throw new Error('there is none');
  return device;
}

const makes: Record<Fit['part'], (at: string) => unknown> = {
  keypad: (at) => createKeypad({ at, onKey: () => undefined, clock: systemClock }),
  scanner: (at) => createScanner({ at, onScan: () => undefined, clock: systemClock }),
  display: (at) => createDisplay({ at, clock: systemClock }),
  printer: (at) =>
    createPrinter({ at, profile: printerProfiles['generic-58'], clock: systemClock }),
  dispenser: (at) => createDispenser({ at, clock: systemClock }),
};

describe('what fits', () => {
  test('a pad is a keypad or a scanner that types, by the name of its port', async () => {
    const tree = await plantTree();
    const at = await tree.hid('SIGMACHIP USB Keyboard', descriptors.specification, '1.1');
    expect(await only(tree)).toMatchObject({
      name: 'SIGMACHIP USB Keyboard',
      fits: [
        { part: 'keypad', at: `hid:${at}` },
        { part: 'scanner', at: `hid:${at}` },
      ],
      faults: [],
    });
  });

  test('a HID-POS scanner is a scanner alone', async () => {
    const tree = await plantTree();
    const at = await tree.hid('Honeywell', posDescriptor, '1.2');
    expect((await only(tree)).fits).toEqual([{ part: 'scanner', at: `hid:${at}` }]);
  });

  test.each([
    ['media keys', descriptors.mediaKeys],
    ['modifiers alone', descriptors.corsairModifiers],
    ['no description', new Uint8Array()],
  ])('nothing fits an interface of %s, and it is said why', async (_name, descriptor) => {
    const tree = await plantTree();
    await tree.hid('Pad', descriptor, '1.1');
    const { fits, remark } = await only(tree);
    expect(fits).toEqual([]);
    expect(remark).toMatch(/another interface|plug it in again/);
  });

  test('a relay board is a dispenser', async () => {
    const tree = await plantTree();
    await tree.hid('www.dcttech.com USBRelay2', descriptors.mediaKeys, '1.1');
    expect((await only(tree)).fits).toMatchObject([{ part: 'dispenser' }]);
  });

  test('a serial adapter by its path; a socket of the kernel without a chip is none', async () => {
    const tree = await plantTree();
    await tree.write('sys/devices/usb1/1-2/product', 'USB Serial');
    await tree.write('sys/devices/usb1/1-2/1-2:1.0/ttyUSB0/x', '');
    await tree.link('sys/class/tty/ttyUSB0/device', '/sys/devices/usb1/1-2/1-2:1.0/ttyUSB0');
    await tree.write('dev/ttyUSB0', '');
    await tree.link('dev/serial/by-path/usb-2', '/dev/ttyUSB0');
    await tree.write('sys/class/tty/ttyS0/device/x', '');
    await tree.write('sys/class/tty/ttyS0/type', '0\n');
    // As every Linux has them, before all others in the order of names.
    for (let vt = 0; vt < 64; vt++) await tree.write(`sys/class/tty/tty${vt}/dev`, `4:${vt}\n`);
    const device = await only(tree);
    expect(device).toMatchObject({
      name: 'USB Serial',
      link: join(tree.dev, 'serial/by-path/usb-2'),
    });
    expect(device.fits.map(({ part }) => part)).toContain('scanner');
  });

  test('a printer stands once: as lp where the kernel has it, else by its port', async () => {
    const tree = await plantTree();
    const at = await tree.printer();
    expect(await only(tree)).toMatchObject({
      name: 'XP Receipt Printer',
      fits: [{ part: 'printer', at: `lp:${at}` }],
    });
    await rm(join(tree.sys, 'class/usbmisc'), { recursive: true });
    await rm(join(tree.sys, 'devices/usb1/1-1/1-1:1.0/driver'));
    await tree.write('sys/bus/usb/devices/1-1/busnum', '1');
    await tree.write('sys/bus/usb/devices/1-1/devnum', '7');
    await tree.write('dev/bus/usb/001/007', '');
    expect((await only(tree)).fits).toEqual([{ part: 'printer', at: 'usb:1-1' }]);
  });

  test('a screen with its size and what its panel says; one of 24 bits does not fit', async () => {
    const tree = await plantTree();
    await tree.screen(16);
    await tree.write('sys/class/drm/card0-HDMI-A-1/edid', edidOf(521));
    await tree.write('sys/class/drm/card0-HDMI-A-2/edid', '');
    const device = await only(tree);
    expect(device.is).toBe('screen 800×480, 16 bits a pixel, says 521 mm wide');
    expect(device.fits).toEqual([{ part: 'display', at: `fb:${join(tree.dev, 'fb0')}` }]);
    await tree.screen(24);
    expect((await only(tree)).fits).toEqual([]);
  });

  test.each([
    [16, undefined],
    [49, undefined],
    [50, 50],
    [1000, 1000],
    [1001, undefined],
  ])('a panel that says %i mm is taken as %s', (said, taken) => {
    expect(widthOf(edidOf(said))).toBe(taken);
  });

  test('a LED of ours is a dispenser once its trigger is on; others are nobody’s', async () => {
    const tree = await plantTree();
    await tree.write('sys/class/leds/input3::numlock/brightness', '0');
    await tree.write('sys/class/leds/kios-vend/brightness', '0');
    const before = await only(tree);
    expect(before.fits).toEqual([]);
    expect(before.remark).toContain('pattern');
    await tree.write('sys/class/leds/kios-vend/pattern', '');
    expect((await only(tree)).fits).toMatchObject([{ part: 'dispenser' }]);
  });

  test('a GPIO chip by its label, which only gpiodetect tells', async () => {
    const tree = await plantTree();
    await tree.write('dev/gpiochip0', '');
    const before = await only(tree);
    expect(before.fits).toEqual([]);
    expect(before.remark).toContain('gpiod');
    const says = '#!/bin/sh\necho "gpiochip0 [pinctrl-bcm2711] (58 lines)"\n';
    await tree.write('bin/gpiodetect', says, 0o755);
    expect(await only(tree, 'dispenser: { at: "gpio:pinctrl-bcm2711/4" }')).toMatchObject({
      name: 'pinctrl-bcm2711, 58 lines',
      configured: ['dispenser'],
    });
  });

  test('every address that is offered is one that the driver understands', async () => {
    const tree = await plantTree();
    await tree.hid('Pad', descriptors.specification, '1.1');
    await tree.hid('USBRelay1', descriptors.mediaKeys, '1.4');
    await tree.printer();
    await tree.screen(32);
    await tree.write('sys/class/leds/kios-vend/pattern', '');
    await tree.write('sys/class/tty/ttyACM0/device/x', '');
    await tree.write('dev/ttyACM0', '');
    await tree.write('dev/gpiochip0', '');
    await tree.write('bin/gpiodetect', '#!/bin/sh\necho "gpiochip0 [rp1] (5 lines)"\n', 0o755);
    const { devices } = await attachedNow(tree, '');
    const fits = devices.flatMap((device) => device.fits);
    expect(new Set(fits.map(({ part }) => part)).size).toBe(5);
    for (const { part, at } of fits) expect(() => makes[part](at)).not.toThrow();
  });
});

describe('what the configuration says', () => {
  test('a device is known by any name of its node, and a faulty file is read as far as it goes', async () => {
    const tree = await plantTree();
    await tree.hid('Pad', descriptors.specification, '1.1');
    const config = `oops: 1\nkeypad: { at: "hid:${join(tree.dev, 'hidraw0')}" }\n`;
    const report = await attachedNow(tree, config);
    expect(report.devices).toMatchObject([{ configured: ['keypad'], faults: [] }]);
    expect(isFaulty(report)).toBe(false);
  });

  test('what is configured as another kind is told', async () => {
    const tree = await plantTree();
    const at = await tree.hid('Honeywell', posDescriptor, '1.2');
    const report = await attachedNow(tree, `keypad: { at: "hid:${at}" }`);
    expect(report.devices).toMatchObject([
      { faults: ['the configuration has it as keypad, and it fits no keypad'] },
    ]);
    expect(isFaulty(report)).toBe(true);
  });

  test('what is not there is told; what is on the network is not missing here', async () => {
    const tree = await plantTree();
    const report = await attachedNow(tree, 'printer: { at: "tcp:192.168.1.50:9100" }');
    expect(isFaulty(report)).toBe(false);
    expect(report.elsewhere).toEqual([
      { part: 'printer', at: 'tcp:192.168.1.50:9100', remark: 'not a device of this machine' },
    ]);
    const lost = await attachedNow(tree, 'dispenser: { at: "lcus:serial:/dev/ttyX" }');
    expect(isFaulty(lost)).toBe(true);
    expect(words(lost, 'kiosk.yaml').join('\n')).toContain('! nothing is there');
  });

  test('what is there, of a kind that is not listed, is not called missing', async () => {
    const tree = await plantTree();
    await tree.write('dev/rfcomm0', '');
    const at = `serial:${join(tree.dev, 'rfcomm0')}?baudRate=9600`;
    const report = await attachedNow(tree, `printer: { at: "${at}" }`);
    expect(isFaulty(report)).toBe(false);
    expect(words(report, 'kiosk.yaml')).toContain('  there, but of no kind that is listed');
  });

  test.each([
    ['printer', '/dev/null', /is no printer; write lp:/],
    ['keypad', '/dev/null', /is no address of a keypad or scanner; write hid:/],
    ['dispenser', 'led:kios-vend', /no folder of an LED; write led:\/sys\/class\/leds\/kios-vend/],
    ['display', 'fb0', /is no display; write fb:\/dev\/fb0/],
  ])(
    '%s at %s: an address that no driver understands is told with how it is written',
    async (part, at, sentence) => {
      const tree = await plantTree();
      const report = await attachedNow(tree, `${part}: { at: "${at}" }`);
      expect(report.elsewhere).toMatchObject([
        { fault: expect.stringMatching(sentence) as string },
      ]);
      expect(isFaulty(report)).toBe(true);
    },
  );
});

describe('a configuration that cannot be read', () => {
  const devices = async (config: string): Promise<[status: number, first: string]> => {
    const kios = join(import.meta.dirname, '../../src/cli/kios.ts');
    const { status, stdout } = await run(process.execPath, [kios, 'devices', '--config', config]);
    return [status, stdout.replace(/\n {2}/g, ' ').split('\n')[0] ?? ''];
  };

  test('none where it is looked for by itself is no fault: the machine is new', async () => {
    const tree = await plantTree();
    const read = configText(join(tree.etc, 'kiosk.yaml'), false);
    expect(read).toMatchObject({ isUnusable: false });
    expect(read.fault).toMatch(/the file cannot be read: there\s+is no such file/);
  });

  test('none of that name is told, and ends with 1: whoever names one means one', async () => {
    const tree = await plantTree();
    const [status, first] = await devices(join(tree.etc, 'kiosk.yaml'));
    expect(first).toContain('the file cannot be read: there is no');
    expect(status).toBe(1);
  });

  test('one that is no YAML is told by its first line that is wrong', async () => {
    const tree = await plantTree();
    const config = join(tree.etc, 'kiosk.yaml');
    await writeFile(config, 'language: id\nkeypad: { at: terminal\n');
    const [status, first] = await devices(config);
    expect(first).toMatch(/^! .*kiosk\.yaml:.*line \d: not YAML/);
    expect(status).toBe(1);
  });

  test('one that is there and cannot be read', async () => {
    const tree = await plantTree();
    const [status, first] = await devices(tree.etc);
    expect(first).toMatch(/^! .*cannot be read: EISDIR/);
    expect(status).toBe(1);
  });
});

describe('who may open it', () => {
  test('a node that the kiosk may not open is told with what mends it, and counts when it is configured', async () => {
    const tree = await plantTree('stranger');
    const at = await tree.hid('Pad', descriptors.specification, '1.1', 0o600);
    const told = (report: AttachedReport): readonly string[] =>
      report.devices.flatMap(({ faults }) => faults);
    const free = await attachedNow(tree, '');
    expect(told(free)).toEqual([expect.stringContaining('99-kios.rules')]);
    expect(isFaulty(free)).toBe(false);
    expect(isFaulty(await attachedNow(tree, `keypad: { at: "hid:${at}" }`))).toBe(true);
  });

  test('the doctor, who is root, opens a device and tells all the same that the kiosk may not', async () => {
    const tree = await plantTree('stranger');
    const at = await tree.hid('Pad', descriptors.specification, '1.1', 0o600);
    const refused = await refusedNow(tree, `keypad: { at: "hid:${at}" }`);
    const opened = [
      well('keypad', 'is open'),
      skipped('printer', 'there is none'),
      well('disk', ''),
    ];
    const [pad, ...others] = withRights(opened, refused);
    expect(pad).toMatchObject({ check: 'keypad', verdict: 'fault', code: 'keypad-lost' });
    expect(pad?.detail).toContain('99-kios.rules');
    expect(others).toEqual(opened.slice(1));
    const free = await tree.hid('Pad', descriptors.specification, '1.2', 0o666);
    expect(await refusedNow(tree, `keypad: { at: "hid:${free}" }`)).toEqual(new Map());
  });

  test.each([
    ['root', 0, 0o000, true],
    ['its owner', 7, 0o600, true],
    ['its owner without the right', 7, 0o066, false],
    ['a member of its group', 9, 0o060, true],
    ['a member without the right to write', 9, 0o640, false],
    ['a stranger', 8, 0o660, false],
    ['a stranger to what is everybody’s', 8, 0o666, true],
  ])('%s', (_who, uid, mode, may) => {
    const account = { name: 'x', uid, gids: new Set(uid === 9 ? [70] : [1]) };
    expect(mayOpen({ mode, uid: 7, gid: 70 }, account)).toBe(may);
  });
});

test('the words keep within 80 columns, but for addresses, which are never broken', async () => {
  const tree = await plantTree('stranger');
  await tree.hid('A keyboard of a rather long name '.repeat(4), descriptors.specification, '1.1');
  await tree.screen(16);
  await tree.printer();
  const lines = words(await attachedNow(tree, 'keypad: { at: "hid:/dev/none" }'), 'kiosk.yaml');
  const long = lines.filter((line) => line.length > 80);
  expect(long.every((line) => /^ {2,4}\S+$/.test(line))).toBe(true);
  expect(lines).toContain('  fits keypad, at:');
});
