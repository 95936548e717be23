// `kios card` (scripts/card) at a card image with a real table of partitions and a real filesystem: what it makes, and what it leaves
// alone. Image files are sparse: nothing here writes gigabytes.
import { execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { PartitionTable } from '../../src/field/card-plan.ts';
import { run, type Result } from './sandbox.ts';

// Not by scripts/card: that would install packages into this checkout.
const kios = join(import.meta.dirname, '../../src/cli/kios.ts');
const cardBytes = 16_000_000_000;
const rootStart = 532_480;
const rootSectors = 262_144;
let folder: string;
let image: string;

const has = (program: string): boolean => {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`]);
    return true;
  } catch {
    return false;
  }
};
const tools = ['sfdisk', 'mkfs.ext4', 'e2fsck', 'dumpe2fs'];
const missing = tools.filter((tool) => !has(tool));

const table = (): PartitionTable['partitions'] => {
  const said = execFileSync('sfdisk', ['--json', image], { encoding: 'utf8' });
  return (JSON.parse(said) as { partitiontable: PartitionTable }).partitiontable.partitions;
};
/** What e2fsprogs says of the filesystem at a sector. */
const filesystem = (sector: number): string =>
  execFileSync('dumpe2fs', ['-h', `${image}?offset=${sector * 512}`], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
const checked = (sector: number): Buffer =>
  execFileSync('e2fsck', ['-f', '-n', `${image}?offset=${sector * 512}`], { stdio: 'pipe' });
/** The part of the card that a flashed system lies on. */
const firstBytes = (count: number): string => {
  const file = openSync(image, 'r');
  const bytes = Buffer.alloc(count);
  readSync(file, bytes, 0, count, 0);
  closeSync(file);
  return createHash('sha256').update(bytes).digest('hex');
};
const card = async (...args: string[]): Promise<Result> =>
  run(process.execPath, [kios, 'card', ...args]);
/** Runs it and answers its question. */
const answering = async (answer: string): Promise<number | null> => {
  const child = spawn(process.execPath, [kios, 'card', image], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.stdin.end(`${answer}\n`);
  return new Promise((resolve) => {
    child.once('close', resolve);
  });
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kios-card-'));
  image = join(folder, 'card.img');
  writeFileSync(image, '');
  truncateSync(image, cardBytes);
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function flash(): void {
  const lines = `label: dos\nlabel-id: 0xd00dfeed\n8192,524288,c\n${rootStart},${rootSectors},83\n`;
  execFileSync('sfdisk', ['--quiet', image], { input: lines, stdio: ['pipe', 'ignore', 'pipe'] });
  const tree = join(folder, 'root');
  execFileSync('mkdir', ['-p', join(tree, 'etc')]);
  writeFileSync(join(tree, 'etc/hostname'), 'raspberrypi\n');
  const place = ['-E', `offset=${rootStart * 512}`, '-d', tree];
  execFileSync('mkfs.ext4', ['-q', '-F', '-L', 'rootfs', ...place, image, `${rootSectors / 2}k`]);
}

const lacking = missing.length === 0 ? '' : ` (skipped: this machine lacks ${missing.join(', ')})`;

describe.skipIf(missing.length > 0)(`a card${lacking}`, () => {
  test('the root ends within 6 GB, with its files; the rest is kios-data', async () => {
    flash();
    const result = await card(image, '--yes');
    expect(result.stderr).toBe('');
    expect(result.status).toBe(0);
    const [boot, root, data, ...more] = table();
    if (root === undefined || data === undefined) throw new Error('a partition is missing');
    expect(boot).toMatchObject({ start: 8192, size: 524288 });
    expect(more).toEqual([]);
    expect((root.start + root.size) * 512).toBeLessThanOrEqual(6e9);
    expect(data.start).toBe(root.start + root.size);
    checked(root.start);
    checked(data.start);
    expect(filesystem(data.start)).toMatch(/^Filesystem volume name: +kios-data$/m);
    const hostname = ['-R', 'cat /etc/hostname', `${image}?offset=${root.start * 512}`];
    expect(execFileSync('debugfs', hostname, { encoding: 'utf8', stdio: 'pipe' })).toBe(
      'raspberrypi\n',
    );
    const dump = execFileSync('sfdisk', ['--dump', image], { encoding: 'utf8' });
    expect(dump).toMatch(/^label-id: 0xd00dfeed$/m);
    expect(statSync(image).size).toBe(cardBytes);
  });

  test('a second run finds it prepared and writes nothing', async () => {
    flash();
    await card(image, '--yes');
    const before = firstBytes(8 * 1024 * 1024);
    const again = await card(image, '--yes');
    expect(again.stdout).toBe(`${image} is prepared already.\n`);
    expect(firstBytes(8 * 1024 * 1024)).toBe(before);
  });

  test('a dry run says it and writes nothing', async () => {
    flash();
    const before = firstBytes(300 * 1024 * 1024);
    const dry = await card(image, '--dry-run');
    expect(dry.stdout).toMatch(
      /16\.0 GB: its root becomes 5\.7 GB, and kios-data 10\.0 GB\.\nNothing/,
    );
    expect(firstBytes(300 * 1024 * 1024)).toBe(before);
    expect(table()).toHaveLength(2);
  });

  test('the name must be written again; another answer, or none, changes nothing', async () => {
    flash();
    const before = firstBytes(300 * 1024 * 1024);
    expect(await answering('/dev/sda')).toBe(1);
    expect((await card(image)).status).toBe(1);
    expect(firstBytes(300 * 1024 * 1024)).toBe(before);
    expect(await answering(image)).toBe(0);
    expect(table()).toHaveLength(3);
  });

  test('one that was cut off before the last step is finished by the next run', async () => {
    flash();
    await card(image, '--yes');
    execFileSync('sfdisk', ['--quiet', '--delete', image, '3'], { stdio: 'ignore' });
    expect((await card(image, '--yes')).status).toBe(0);
    const data = table()[2];
    expect(filesystem(data?.start ?? 0)).toContain('kios-data');
  });

  test('what is no card is refused in one sentence, and left alone', async () => {
    const refusal = async (target: string): Promise<string> => {
      const { status, stdout, stderr } = await card(target, '--yes');
      expect(status).toBe(1);
      expect(stdout).toBe('');
      expect(stderr.trim().split('\n')[0]).toMatch(/^kios: /);
      return stderr;
    };
    const text = join(folder, 'notes.txt');
    writeFileSync(text, 'no card\n'.repeat(1000));
    expect(await refusal(text)).toContain('does not contain a recognized partition table');
    expect(readFileSync(text, 'utf8')).toBe('no card\n'.repeat(1000));
    expect(await refusal(folder)).toContain('neither a device nor an image file');
    expect(await refusal(join(folder, 'nowhere.img'))).toContain('there is no');
    flash();
    truncateSync(image, 4_000_000_000);
    expect(await refusal(image)).toContain('needs a card of 7.0 GB or more');
  });
});
