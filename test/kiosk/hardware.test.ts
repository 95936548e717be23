// What the machine says of its own health, out of a folder tree that stands for sysfs, and what is made of it.
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hardwareCodes, hardwareHealth } from '../../src/kiosk/hardware-health.ts';
import { watchHardware } from '../../src/kiosk/hardware-watch.ts';
import { readHardware, type Hardware } from '../../src/kiosk/hardware.ts';
import { supportText } from '../../src/kiosk/support-text.ts';
import { silentLog } from '../../src/lib/log.ts';
import { VirtualClock } from '../lib/virtual-clock.ts';

let sys: string;
let stateDir: string;

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'kios-hardware-'));
  sys = join(stateDir, 'sys');
});
afterEach(() => {
  rmSync(stateDir, { recursive: true });
});

function put(path: string, text: string): void {
  const file = join(sys, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${text}\n`);
}

/** A card of 16 GB whose second partition holds the state folder. */
function putCard(name = 'mmcblk0', partition = 'mmcblk0p2'): void {
  const { dev } = statSync(stateDir);
  const disk = `devices/platform/soc/mmc_host/mmc0/mmc0:0001/block/${name}`;
  put(`${disk}/size`, '31250000');
  put(`${disk}/stat`, '   10  2  300  4  50  6  2000000  8  0  10  11');
  put(`${disk}/${partition}/partition`, '2');
  const links = join(sys, 'dev/block');
  mkdirSync(links, { recursive: true });
  const number = `${(dev >>> 8) & 0xfff}:${(dev & 0xff) | ((dev >>> 12) & 0xfff00)}`;
  symlinkSync(join(sys, disk, partition), join(links, number));
  put(`fs/ext4/${partition}/errors_count`, '0');
  put(`fs/ext4/${partition}/lifetime_write_kbytes`, '4000000');
}

const read = (): Promise<Hardware> => readHardware({ sys, stateDir });

describe('a reading', () => {
  test('of a machine that tells nothing holds nothing but the free disk', async () => {
    const { freeBytes, ...rest } = await read();
    expect(rest).toEqual({});
    expect(freeBytes).toBeGreaterThan(0);
  });

  test('has the hottest zone in whole degrees; a sensor that does not answer hides no other', async () => {
    put('class/thermal/thermal_zone0/temp', '48312');
    put('class/thermal/thermal_zone1/temp', '61700');
    mkdirSync(join(sys, 'class/thermal/thermal_zone2/temp'), { recursive: true });
    put('class/thermal/cooling_device0/temp', '99000');
    expect((await read()).temperatureC).toBe(62);
  });

  test('asks the voltage sensor by its name, and the firmware only where there is none', async () => {
    put('devices/platform/soc/soc:firmware/get_throttled', '50005');
    expect((await read()).undervoltage).toBe(true);
    put('class/hwmon/hwmon0/name', 'cpu_thermal');
    put('class/hwmon/hwmon1/name', 'rpi_volt');
    put('class/hwmon/hwmon1/in0_lcrit_alarm', '0');
    expect((await read()).undervoltage).toBe(false);
    put('class/hwmon/hwmon1/in0_lcrit_alarm', '1');
    expect((await read()).undervoltage).toBe(true);
  });

  test.each([
    ['0', false],
    ['1', true],
    ['10000', true],
    ['e000e', false],
  ])('firmware word %s: undervoltage %s', async (word, expected) => {
    put('devices/platform/soc/soc:firmware/get_throttled', word);
    expect((await read()).undervoltage).toBe(expected);
  });

  test('adds up the errors of every ext4 file system', async () => {
    put('fs/ext4/features/lazy_itable_init', 'supported');
    put('fs/ext4/mmcblk0p2/errors_count', '2');
    put('fs/ext4/mmcblk0p3/errors_count', '1');
    expect((await read()).fileSystemErrors).toBe(3);
  });

  test('finds the card of the state folder by its device number', async () => {
    putCard();
    expect((await read()).card).toEqual({
      name: 'mmcblk0',
      sizeBytes: 16_000_000_000,
      writtenBytes: 1_024_000_000,
      lifetimeWrittenBytes: 4_096_000_000,
    });
  });

  test('takes the worse half of what an eMMC says of its life', async () => {
    putCard();
    put('devices/platform/soc/mmc_host/mmc0/mmc0:0001/block/mmcblk0/device/life_time', '0x02 0x0a');
    expect((await read()).card?.lifeUsedPercent).toBe(100);
  });

  test('a file that is no number is no reading', async () => {
    put('class/thermal/thermal_zone0/temp', 'hot');
    put('fs/ext4/mmcblk0p2/errors_count', '');
    expect(await read()).toMatchObject({ freeBytes: expect.any(Number) as number });
    expect((await read()).temperatureC).toBeUndefined();
    expect((await read()).fileSystemErrors).toBeUndefined();
  });
});

describe('what it means', () => {
  const card = { name: 'mmcblk0', sizeBytes: 1000, writtenBytes: 0 };
  test.each<[string, Hardware, number | undefined, string[]]>([
    ['nothing known', {}, undefined, []],
    ['all well', { temperatureC: 79, undervoltage: false, card }, 0, []],
    ['a weak supply', { undervoltage: true }, undefined, ['power-low']],
    ['80 °C', { temperatureC: 80 }, undefined, ['machine-hot']],
    ['199 times', { card: { ...card, lifetimeWrittenBytes: 199_999 } }, undefined, []],
    ['200 times', { card: { ...card, lifetimeWrittenBytes: 200_000 } }, undefined, ['card-worn']],
    ['since the start alone', { card: { ...card, writtenBytes: 200_000 } }, 0, ['card-worn']],
    ['an eMMC at 100 %', { card: { ...card, lifeUsedPercent: 100 } }, undefined, ['card-worn']],
    [
      'an eMMC that counts for itself',
      { card: { ...card, lifeUsedPercent: 90, writtenBytes: 999_999_999 } },
      undefined,
      [],
    ],
    ['errors on a worn card', { card, fileSystemErrors: 1 }, undefined, ['card-errors']],
    ['no errors', { fileSystemErrors: 0 }, undefined, []],
    ['a clock that is off', {}, -90_000, ['clock-skew']],
  ])('%s', (_name, hardware, offsetMs, codes) => {
    expect(hardwareCodes(hardwareHealth(hardware, offsetMs))).toEqual(codes);
  });

  test('what was looked at and is well is said to be well', () => {
    expect(hardwareHealth({ undervoltage: false, temperatureC: 40 }, 0)).toEqual({
      ...{ power: { ok: true }, heat: { ok: true }, clock: { ok: true } },
    });
  });
});

test('the watch tells each change once, and a dip of the supply for an hour', async () => {
  const clock = new VirtualClock();
  const stopping = new AbortController();
  const told: (readonly string[])[] = [];
  let undervoltage = false;
  const watching = watchHardware({
    ...{ clock, log: silentLog, signal: stopping.signal },
    read: () => Promise.resolve({ undervoltage }),
    clockOffsetMs: () => undefined,
    onRead: () => undefined,
    onChange: (health) => told.push(hardwareCodes(health)),
  });
  await clock.advance(60_000);
  expect(told).toEqual([[]]);
  undervoltage = true;
  await clock.advance(60_000);
  undervoltage = false;
  await clock.advance(3_500_000);
  expect(told).toEqual([[], ['power-low']]);
  await clock.advance(200_000);
  expect(told).toEqual([[], ['power-low'], []]);
  stopping.abort();
  await watching;
});

test('the lines for a phone are few, short and say nothing of a customer', () => {
  const text = supportText({
    ...{ kioskId: 'ksk01', version: '1.2.3', codes: ['printer-paper-out', 'power-low'] },
    ...{ heardAgoMs: 12_300, clockOffsetMs: -61_000 },
    hardware: { temperatureC: 54, freeBytes: 812.9 * 1024 * 1024 },
  });
  expect(text.split('\n')).toEqual([
    'KIOS ksk01 1.2.3',
    'relay: 12 s ago',
    'clock: -61 s',
    'disk: 812 MiB free',
    'heat: 54 C',
    'faults: printer-paper-out power-low',
  ]);
  const codes = Array.from({ length: 40 }, () => 'printer-paper-out' as const);
  expect(supportText({ kioskId: 'ksk01', version: '1', codes })).toHaveLength(300);
});
