// What the machine says of its own health, out of sysfs: supply, heat, card, file systems. It opens no device and writes
// nothing; what a machine does not tell is left out.
import { readdir, readFile, realpath, stat, statfs } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Where the kernel shows it; other folders for tests. */
export interface HardwarePlaces {
  sys: string;
  /** Its card is the one that is looked at. */
  stateDir: string;
}

export interface Hardware {
  /** The hottest zone, in degrees Celsius. */
  temperatureC?: number;
  /** The supply is, or a moment ago was, too weak for the board. */
  undervoltage?: boolean;
  /** Errors that ext4 has noted in its superblocks, of all its file systems, since the last fsck. */
  fileSystemErrors?: number;
  card?: Card;
  /** Of the disk with the journal. */
  freeBytes?: number;
}

export interface Card {
  /** As the kernel has it: `mmcblk0`. */
  name: string;
  sizeBytes: number;
  /** Since the machine's start. */
  writtenBytes: number;
  /** Since its ext4 file systems were made. */
  lifetimeWrittenBytes?: number;
  /** The life that an eMMC says it has used, at most so many percent; cards say nothing. */
  lifeUsedPercent?: number;
}

/** More zones, sensors or file systems than any kiosk has. */
const maxOfAKind = 64;
/** sysfs(5): no attribute is larger than a page. */
const maxTextLength = 4096;
const sectorBytes = 512;

export async function readHardware({ sys, stateDir }: HardwarePlaces): Promise<Hardware> {
  const [temperatureC, undervoltage, fileSystemErrors, card, freeBytes] = await Promise.all([
    hottest(sys),
    isSupplyLow(sys),
    ext4Errors(sys),
    cardOf(sys, stateDir),
    free(stateDir),
  ]);
  return {
    ...(temperatureC === undefined ? {} : { temperatureC }),
    ...(undervoltage === undefined ? {} : { undervoltage }),
    ...(fileSystemErrors === undefined ? {} : { fileSystemErrors }),
    ...(card === undefined ? {} : { card }),
    ...(freeBytes === undefined ? {} : { freeBytes }),
  };
}

async function hottest(sys: string): Promise<number | undefined> {
  const zones = await namesIn(join(sys, 'class/thermal'), /^thermal_zone\d+$/);
  const texts = await Promise.all(zones.map((zone) => numberIn(join(zone, 'temp'))));
  const known = texts.filter((milli) => milli !== undefined);
  return known.length === 0 ? undefined : Math.round(Math.max(...known) / 1000);
}

async function isSupplyLow(sys: string): Promise<boolean | undefined> {
  for (const sensor of await namesIn(join(sys, 'class/hwmon'), /^hwmon\d+$/)) {
    if ((await textOf(join(sensor, 'name'))) !== 'rpi_volt') continue;
    const alarm = await numberIn(join(sensor, 'in0_lcrit_alarm'));
    if (alarm !== undefined) return alarm !== 0;
  }
  // Older kernels. Not asked where the sensor is: newer ones log a warning for it.
  const throttled = await textOf(join(sys, 'devices/platform/soc/soc:firmware/get_throttled'));
  if (throttled === undefined || !/^(0x)?[0-9a-f]{1,8}$/i.test(throttled)) return undefined;
  // Raspberry Pi firmware, get_throttled: bit 0 undervoltage now, bit 16 since the start.
  return (Number.parseInt(throttled, 16) & 0x1_00_01) !== 0;
}

async function ext4Errors(sys: string): Promise<number | undefined> {
  const systems = await namesIn(join(sys, 'fs/ext4'), /^(?!features$)/);
  const counts = await Promise.all(systems.map((one) => numberIn(join(one, 'errors_count'))));
  const known = counts.filter((count) => count !== undefined);
  return known.length === 0 ? undefined : known.reduce((sum, count) => sum + count, 0);
}

async function cardOf(sys: string, stateDir: string): Promise<Card | undefined> {
  const disk = await diskOf(sys, stateDir);
  if (disk === undefined) return undefined;
  const name = basename(disk);
  const sectors = await numberIn(join(disk, 'size'));
  // Documentation/block/stat.rst: the seventh field is the sectors written, of 512 bytes whatever the disk has.
  const written = Number((await textOf(join(disk, 'stat')))?.split(/\s+/)[6] ?? Number.NaN);
  if (sectors === undefined || sectors === 0 || !Number.isFinite(written)) return undefined;
  const lifetimeWrittenBytes = await lifetimeWrites(sys, name);
  const lifeUsedPercent = await usedLife(disk);
  return {
    ...{ name, sizeBytes: sectors * sectorBytes, writtenBytes: written * sectorBytes },
    ...(lifetimeWrittenBytes === undefined ? {} : { lifetimeWrittenBytes }),
    ...(lifeUsedPercent === undefined ? {} : { lifeUsedPercent }),
  };
}

/** The folder of the whole disk on which a folder lies; undefined: it lies on none (memory, an overlay). */
async function diskOf(sys: string, folder: string): Promise<string | undefined> {
  try {
    const { dev } = await stat(folder);
    // makedev(3), as glibc packs it; Linux gives out no numbers above twelve and twenty bits.
    const [major, minor] = [(dev >>> 8) & 0xfff, (dev & 0xff) | ((dev >>> 12) & 0xfff00)];
    const found = await realpath(join(sys, `dev/block/${major}:${minor}`));
    const isPartition = (await textOf(join(found, 'partition'))) !== undefined;
    return isPartition ? dirname(found) : found;
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

/** Of all ext4 file systems of one disk. */
async function lifetimeWrites(sys: string, disk: string): Promise<number | undefined> {
  const systems = await namesIn(join(sys, 'fs/ext4'), /^(?!features$)/);
  const own = systems.filter((path) => basename(path).startsWith(disk));
  const kilobytes = await Promise.all(
    own.map((path) => numberIn(join(path, 'lifetime_write_kbytes'))),
  );
  const known = kilobytes.filter((count) => count !== undefined);
  return known.length === 0 ? undefined : known.reduce((sum, count) => sum + count, 0) * 1024;
}

/** JEDEC JESD84-B51 §7.4.57: 0x01 is up to 10 % used, 0x0A up to 100 %, 0x0B more; the worse of its two kinds of memory. */
async function usedLife(disk: string): Promise<number | undefined> {
  const text = await textOf(join(disk, 'device/life_time'));
  const tenths = text?.split(/\s+/).map((word) => Number(word)) ?? [];
  const most = Math.max(0, ...tenths.filter((tenth) => tenth >= 1 && tenth <= 11));
  return most === 0 ? undefined : most * 10;
}

async function free(folder: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

/** Paths of the entries whose names fit, in the kernel's order. */
async function namesIn(folder: string, fits: RegExp): Promise<readonly string[]> {
  try {
    const names = await readdir(folder);
    const fitting = names.filter((name) => fits.test(name)).slice(0, maxOfAKind);
    return fitting.map((name) => join(folder, name));
  } catch (error) {
    if (isAbsence(error)) return [];
    throw error;
  }
}

async function numberIn(path: string): Promise<number | undefined> {
  const text = await textOf(path);
  return text !== undefined && /^-?\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Undefined: there is none, or the kernel does not answer: a sensor may say EINVAL or EIO. */
async function textOf(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).slice(0, maxTextLength).trim();
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

function isAbsence(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string';
}
