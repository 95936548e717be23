// A disk that fails under a kiosk: it says which way on its screen and to the relay, keeps what is there, and ends the sale
// in hand in goods or a claim.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, expect, test } from 'vitest';
import { runKios, type LogLine } from './program.ts';
import { World } from './world.ts';

/** Why no file system can be made here, or undefined. */
const noMount = process.getuid?.() === 0 ? undefined : 'needs root, for a small file system';
const mounted = test.skipIf(noMount !== undefined);
if (noMount !== undefined) test.skip(`a full or read-only disk: ${noMount}`);

/** Why no disk can be made here that fails in use, or undefined. */
const noDisk = noMount ?? missingForDisk();
const onDisk = test.skipIf(noDisk !== undefined);
if (noDisk !== undefined) test.skip(`a disk that turns read-only in use: ${noDisk}`);

function missingForDisk(): string | undefined {
  if (!existsSync('/dev/loop-control')) return 'this kernel has no loop devices';
  const lacks = ['mkfs.ext4', 'e2fsck'].find((tool) => spawnSync(tool, ['-V']).status !== 0);
  return lacks === undefined ? undefined : `${lacks} is not in PATH (package e2fsprogs, /usr/sbin)`;
}

/** More than a kiosk wants free, so that it sells while nothing else is there. */
const diskBytes = 48 * 1024 * 1024;

let world: World | undefined;

afterEach(async () => {
  await world?.end();
  world = undefined;
});

const stateOf = ({ folder }: World): string => join(folder, 'kiosk');
const journalOf = (one: World): string => join(stateOf(one), 'journal.sqlite');

function smallDisk(folder: string): () => Promise<void> {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskBytes}`, 'tmpfs', folder]);
  return () => {
    execFileSync('umount', ['-l', folder]);
    return Promise.resolve();
  };
}

const imageOf = (folder: string): string => `${folder}.img`;

/** A card's own file system, which turns read-only at its first error, as an installed one does. */
function mountDisk(image: string, folder: string): void {
  execFileSync('mount', ['-o', 'loop,errors=remount-ro', image, folder]);
}

function ownDisk(folder: string): () => Promise<void> {
  writeFileSync(imageOf(folder), '');
  truncateSync(imageOf(folder), diskBytes + 16 * 1024 * 1024);
  execFileSync('mkfs.ext4', ['-q', '-F', '-m', '0', imageOf(folder)]);
  mountDisk(imageOf(folder), folder);
  return () => {
    execFileSync('umount', ['-l', folder]);
    return Promise.resolve();
  };
}

/** The kernel meets an error on that disk: from then on every write is refused, to open files, too. */
function breakDisk(folder: string): void {
  const device = execFileSync('findmnt', ['-n', '-o', 'SOURCE', folder]).toString().trim();
  writeFileSync(`/sys/fs/ext4/${basename(device)}/trigger_fs_error`, 'an error of the test');
}

/** As a boot does it: checked, and mounted anew; a copy, because another namespace may keep the old mount alive. */
function mendDisk(folder: string): void {
  execFileSync('umount', ['-l', folder]);
  const mended = `${folder}-mended.img`;
  copyFileSync(imageOf(folder), mended);
  // e2fsck(8): 1 is an error that was corrected.
  const { status, stderr } = spawnSync('e2fsck', ['-f', '-y', mended]);
  if (status !== 0 && status !== 1) throw new Error(`e2fsck: ${String(status)} ${String(stderr)}`);
  mountDisk(mended, folder);
}

/** Down to the last byte. */
function fill(folder: string): void {
  for (let bytes = 1024 * 1024; bytes >= 1; bytes = Math.floor(bytes / 2)) {
    for (;;) {
      try {
        appendFileSync(join(folder, 'filler'), Buffer.alloc(bytes));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        break;
      }
    }
  }
}

async function saysWhy({ kiosk }: World, code: string, since = 0): Promise<LogLine> {
  return kiosk.waitFor(
    `a screen that says ${code}`,
    ({ msg, selling, missing }) =>
      msg === 'kiosk.selling' && selling === false && String(missing).split(',').includes(code),
    since,
  );
}

/** What `kios relay kiosks` tells the operator. */
async function operatorReads(one: World, code: string): Promise<void> {
  const config = join(one.folder, 'relay.yaml');
  await one.poll(`${code} at the relay`, async () => {
    const { output } = await runKios('relay', 'kiosks', '--config', config, '--json');
    return output.includes(`"journal: ${code}"`) && output.includes('"selling":false');
  });
}

/** Starts the kiosk on a disk that does not serve: it stays up and sells nothing. */
async function startInVain(one: World, code: string): Promise<void> {
  await one.startKiosk('kiosk.out-of-service');
  await saysWhy(one, code);
  expect(one.keypad.press('5')).toBe(false);
}

mounted(
  'full with a QR up and paid: no goods without its record, the screen says full',
  async () => {
    world = await World.start({ stateFolder: smallDisk });
    world.press('1', '5', '000', 'enter');
    const qr = await world.qrOnScreen();
    const saleId = await world.saleId();
    fill(stateOf(world));
    await world.pay(qr);
    await saysWhy(world, 'disk-full');
    await operatorReads(world, 'disk-full');
    expect(world.pulses).toEqual([]);
    await world.kiosk.kill();
    await startInVain(world, 'disk-full');
    await operatorReads(world, 'disk-full');
    expect(world.pulses).toEqual([]);
    rmSync(join(stateOf(world), 'filler'));
    await world.kiosk.kill();
    await world.startKiosk();
    const { outcome } = await world.phase('result');
    expect(['done', 'claim']).toContain(outcome);
    expect(world.pulses).toEqual(outcome === 'done' ? [saleId] : []);
    const checked = await runKios('journal', '--state', stateOf(world), 'verify');
    expect(checked).toMatchObject({ code: 0 });
  },
);

mounted(
  'read-only: it starts, says so, writes nothing, and sells again when that is mended',
  async () => {
    world = await World.start({ stateFolder: smallDisk });
    await world.kiosk.kill();
    execFileSync('mount', ['-o', 'remount,ro', stateOf(world)]);
    const before = readFileSync(journalOf(world));
    await startInVain(world, 'disk-read-only');
    await operatorReads(world, 'disk-read-only');
    expect(readFileSync(journalOf(world)).equals(before)).toBe(true);
    await world.kiosk.kill();
    execFileSync('mount', ['-o', 'remount,rw', stateOf(world)]);
    await world.startKiosk();
    await world.ready();
  },
);

onDisk(
  'turns read-only with a QR up and paid: no goods without its record, the screen says so, and its sale ends well',
  async () => {
    world = await World.start({ stateFolder: ownDisk });
    world.press('1', '5', '000', 'enter');
    const qr = await world.qrOnScreen();
    const saleId = await world.saleId();
    breakDisk(stateOf(world));
    await world.pay(qr);
    await saysWhy(world, 'disk-read-only');
    await operatorReads(world, 'disk-read-only');
    expect(world.pulses).toEqual([]);
    await world.kiosk.kill();
    await startInVain(world, 'disk-read-only');
    expect(world.pulses).toEqual([]);
    await world.kiosk.kill();
    mendDisk(stateOf(world));
    await world.startKiosk();
    const { outcome } = await world.phase('result');
    expect(['done', 'claim']).toContain(outcome);
    expect(world.pulses).toEqual(outcome === 'done' ? [saleId] : []);
    const checked = await runKios('journal', '--state', stateOf(world), 'verify');
    expect(checked).toMatchObject({ code: 0 });
  },
);

onDisk(
  'turns read-only while nobody buys: the next customer is told, nothing is charged, nothing is lost',
  async () => {
    world = await World.start({ stateFolder: ownDisk });
    breakDisk(stateOf(world));
    world.press('5', '000', 'enter');
    await saysWhy(world, 'disk-read-only');
    await operatorReads(world, 'disk-read-only');
    expect(await world.transactions()).toHaveLength(0);
    await world.kiosk.kill();
    mendDisk(stateOf(world));
    await world.startKiosk();
    await world.ready();
    world.press('5', '000', 'enter');
    await world.pay(await world.qrOnScreen());
    await world.untilPulse();
  },
);

test('damaged: the kiosk says so, whatever the damage, and leaves the file as it is', async () => {
  const one = (world = await World.start());
  await one.kiosk.stop();
  const path = journalOf(one);
  const whole = readFileSync(path);
  const badPage = Buffer.from(whole).fill(0xa5, 4096, 8192);
  const damages = [badPage, whole.subarray(0, 8192), Buffer.alloc(0)];
  for (const damaged of damages) {
    writeFileSync(path, damaged);
    await startInVain(one, 'journal-damaged');
    await one.kiosk.stop();
    expect(readFileSync(path).equals(damaged)).toBe(true);
  }
});

test('locked by another program: the running kiosk stops selling and says so', async () => {
  world = await World.start();
  const other = new DatabaseSync(journalOf(world));
  other.exec('BEGIN IMMEDIATE');
  world.press('5', '000', 'enter');
  await saysWhy(world, 'journal-locked');
  await operatorReads(world, 'journal-locked');
  other.exec('ROLLBACK');
  other.close();
  expect(await world.transactions()).toHaveLength(0);
});

test('on another machine it sells nothing until it is enrolled again, and then goes on', async () => {
  const one = (world = await World.start({ kiosk: { serial: 'board-1' } }));
  await one.kiosk.stop();
  const before = readFileSync(journalOf(one));
  await one.changeKioskConfig((text) => text.replace('board-1', 'board-2'));
  await startInVain(one, 'other-machine');
  await operatorReads(one, 'other-machine');
  expect(readFileSync(journalOf(one)).equals(before)).toBe(true);
  await one.kiosk.stop();
  const relay = ['relay', '--config', join(one.folder, 'relay.yaml')];
  const made = await runKios(...relay, 'enrolment', '--kiosk', 'ksk01', '--json');
  const { code } = JSON.parse(made.output) as { code: string };
  const place = ['--relay', one.relayUrl, '--state', stateOf(one), '--serial', 'board-2'];
  expect(await runKios('enrol', ...place, '--code', code, '--force')).toMatchObject({ code: 0 });
  await one.startKiosk();
  await one.ready();
  one.press('5', '000', 'enter');
  await one.pay(await one.qrOnScreen());
  await one.untilPulse();
  await one.kiosk.stop();
  await one.changeKioskConfig((text) => text.replace('board-2', 'board-1'));
  await startInVain(one, 'other-machine');
});

test('without its data partition it says so, makes nothing in its place, and sells when it is back', async () => {
  const one = (world = await World.start());
  await one.kiosk.stop();
  const [stateDir, partition] = [stateOf(one), join(one.folder, 'partition')];
  renameSync(stateDir, partition);
  symlinkSync(join(one.folder, 'nowhere'), stateDir);
  await startInVain(one, 'data-missing');
  await one.nextFrame();
  await one.kiosk.stop();
  rmSync(stateDir);
  symlinkSync(partition, stateDir);
  await one.startKiosk();
  await one.ready();
});
