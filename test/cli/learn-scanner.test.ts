// `kios learn scanner` as a process, with a scanner that is a real socket: what it writes, what it leaves alone, what it refuses.
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import {
  createScannerSimulator,
  type ScannerSimulator,
  type ScannerSimulatorOptions,
} from '../../drivers/scanner/simulator.ts';
import { scannerPlaces } from '../../src/cli/scanner-places.ts';
import { kioskConfig } from '../../src/kiosk/config.ts';
import { lockFolder } from '../../src/kiosk/lock.ts';
import { parseConfig } from '../../src/lib/config-file.ts';

const kios = fileURLToPath(new URL('../../src/cli/kios.ts', import.meta.url));
const articles = ['8992761136116', '6291041500213', '96385074'];
const before = `# The shop at the corner.
stateDir: /var/lib/kios
qrOn: display
scanner:
  at: serial:/dev/kios/serial-old?baudRate=9600 # by the door
  prefix: Q
  suffix: "\\t"
  rereadMs: 500
display: { at: 'fb:/dev/fb0' }
`;
let folder: string;
let config: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kios-learn-'));
  config = join(folder, 'kiosk.yaml');
  await writeFile(config, before, { mode: 0o640 });
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function simulator(options: ScannerSimulatorOptions): Promise<ScannerSimulator> {
  const made = await createScannerSimulator(options);
  onTestFinished(() => made.unplug());
  return made;
}

/** Runs it; `answer` is called for each line that asks for a scan. */
async function learn(
  flags: readonly string[],
  answer: (count: number) => void = () => undefined,
): Promise<{ code: number | null; said: string; error: string }> {
  const child = spawn(process.execPath, [kios, 'learn', 'scanner', '--config', config, ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  let error = '';
  let answered = 0;
  child.stderr.on('data', (piece: Buffer) => (error += piece.toString()));
  child.stdout.on('data', (piece: Buffer) => {
    said += piece.toString();
    const asked = said.split('\n').filter((line) => /listening at| of 3 at/.test(line)).length;
    for (; answered < Math.min(asked, 3); answered++) answer(answered);
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, said, error };
}

const scanWith =
  (scanner: ScannerSimulator) =>
  (count: number): void => {
    scanner.scan({ text: articles[count] ?? '', aim: count === 2 ? 'E4' : 'E0' });
  };
const written = async (): Promise<ReturnType<typeof parseConfig<unknown>>> =>
  parseConfig(config, await readFile(config, 'utf8'), kioskConfig);

describe('kios learn scanner', () => {
  test('three scans of a serial scanner: its place, prefix and AIM are written, all else stays', async () => {
    const scanner = await simulator({ tcp: true, prefix: '\x02' });
    const { code, said, error } = await learn(['--at', scanner.at], scanWith(scanner));
    expect(error).toBe('');
    expect(code).toBe(0);
    expect(said).toContain(`3 of 3 at ${scanner.at}`);
    expect(said).toContain(`what came reads as ${articles.join(', ')}`);
    expect(await written()).toMatchObject({
      scanner: { at: scanner.at, prefix: '\x02', aim: true, rereadMs: 500 },
    });
    const after = await readFile(config, 'utf8');
    expect(after).toContain('# The shop at the corner.');
    expect(after).not.toContain('suffix');
    expect((await stat(config)).mode & 0o777).toBe(0o640);
  });

  test.each(['keys', 'hid-pos'] as const)('a scanner that speaks %s', async (speaks) => {
    const scanner = await simulator({ tcp: true, speaks });
    const { code } = await learn(['--at', scanner.at], scanWith(scanner));
    expect(code).toBe(0);
    expect(await written()).toMatchObject({ scanner: { at: scanner.at, prefix: '' } });
  });

  test('a dry run says what it would write, and writes nothing', async () => {
    const scanner = await simulator({ tcp: true, suffix: '\t' });
    const { code, said } = await learn(['--at', scanner.at, '--dry-run'], scanWith(scanner));
    expect(code).toBe(0);
    expect(said).toContain('suffix: "\\t"');
    expect(said).toContain('nothing was written');
    expect(await readFile(config, 'utf8')).toBe(before);
  });

  test('a scanner without a suffix is refused with what to do, and nothing is written', async () => {
    const scanner = await simulator({ tcp: true, suffix: '' });
    const { code, error } = await learn(['--at', scanner.at], scanWith(scanner));
    expect(code).toBe(1);
    expect(error).toMatch(/ends a code with nothing; scan "suffix CR".*\[protocol\]|What came/s);
    expect(error).toContain('"]E08992761136116"');
    expect(await readFile(config, 'utf8')).toBe(before);
  });

  test('a scan of something else is told with what came', async () => {
    const scanner = await simulator({ tcp: true });
    const { code, error } = await learn(['--at', scanner.at], () => {
      scanner.scan({ text: 'KLAIM12345678901' });
    });
    expect(code).toBe(1);
    expect(error).toContain('scan 1 has no EAN or UPC barcode');
    expect(error).toContain('KLAIM12345678901\\r');
  });

  test('a scanner that is pulled out, and one that is not there', async () => {
    const scanner = await simulator({ tcp: true });
    const pulled = await learn(['--at', scanner.at], () => void scanner.unplug());
    expect(pulled).toMatchObject({
      code: 1,
      error: expect.stringContaining('unplugged') as string,
    });
    const missing = await learn(['--at', `serial:${join(folder, 'nothing')}`]);
    expect(missing.code).toBe(1);
    expect(missing.said).toContain('nothing is there; is it plugged in');
    expect(missing.error).toContain('no scanner can be listened to; is it plugged in?');
  });

  test('a configuration that would not be one is told and left as it is', async () => {
    const scanner = await simulator({ tcp: true });
    const broken = before.replace('qrOn: display', 'qrOn: paper');
    await writeFile(config, broken);
    const { code, said, error } = await learn(['--at', scanner.at]);
    expect({ code, said }).toEqual({ code: 1, said: '' }); // Nobody has scanned for nothing.
    expect(error).toContain('qrOn is paper, but there is no printer');
    expect(await readFile(config, 'utf8')).toBe(broken);
  });
});

test('a kiosk that runs keeps its scanner', async () => {
  await writeFile(config, before.replace('/var/lib/kios', folder));
  const lock = lockFolder(folder);
  onTestFinished(() => {
    lock.release();
  });
  const { code, said, error } = await learn(['--at', 'serial:/dev/nothing']);
  expect({ code, said }).toEqual({ code: 1, said: '' });
  expect(error).toContain('systemctl stop kios');
});

test('places are the links of our udev rules, without those of other devices, each device once', async () => {
  const ours = join(folder, 'kios');
  const byPath = join(folder, 'by-path');
  for (const name of [ours, byPath]) await mkdir(name);
  for (const node of ['hidraw0', 'hidraw1', 'ttyACM0', 'ttyUSB0', 'lp0']) {
    await writeFile(join(folder, node), '');
  }
  const link = async (name: string, node: string): Promise<void> => {
    await symlink(join(folder, node), name);
  };
  await link(join(ours, 'hid-usb-0:1.1:1.0'), 'hidraw0');
  await link(join(ours, 'hid-usb-0:1.2:1.0'), 'hidraw1');
  await link(join(ours, 'serial-usb-0:1.3:1.0'), 'ttyACM0');
  await link(join(ours, 'printer-usb-0:1.4:1.0'), 'lp0');
  await link(join(byPath, 'usb-0:1.3:1.0'), 'ttyACM0');
  await link(join(byPath, 'usb-0:1.5:1.0-port0'), 'ttyUSB0');
  const yaml = `keypad: { at: 'hid:${join(ours, 'hid-usb-0:1.1:1.0')}' }
dispenser: { at: 'serial:${join(folder, 'ttyUSB0')}?baudRate=9600' }`;
  expect(scannerPlaces(yaml, [ours, byPath])).toEqual([
    `hid:${join(ours, 'hid-usb-0:1.2:1.0')}`,
    `serial:${join(ours, 'serial-usb-0:1.3:1.0')}?baudRate=9600`,
  ]);
  expect(scannerPlaces('not: [yaml', [join(folder, 'nowhere')])).toEqual([]);
});
