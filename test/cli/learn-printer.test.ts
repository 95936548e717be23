// `kios learn printer` as a process, with printers that answer more or less: what it finds out, prints and writes.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { printerProfiles } from '../../drivers/printer/profiles.ts';
import {
  createPrinterSimulator,
  type PrinterSimulator,
  type PrinterState,
  type Sheet,
} from '../../drivers/printer/simulator.ts';
import { kioskConfig } from '../../src/kiosk/config.ts';
import { lockFolder } from '../../src/kiosk/lock.ts';
import { parseConfig } from '../../src/lib/config-file.ts';
import { readQr } from '../drivers/printer-slips.ts';

const kios = fileURLToPath(new URL('../../src/cli/kios.ts', import.meta.url));
const before = `# The shop at the corner.
stateDir: /var/lib/kios
qrOn: display
display: { at: 'fb:/dev/fb0' }
keypad: { at: 'hid:/dev/kios/hid-x' }
printer:
  at: lp:/dev/usb/lp0 # by the door
  receipts: false
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

async function simulator(
  state: Partial<PrinterState>,
  model: 'generic-58' | 'basic-58' = 'generic-58',
): Promise<{ printer: PrinterSimulator; sheets: Sheet[] }> {
  const sheets: Sheet[] = [];
  const printer = await createPrinterSimulator({
    listen: { port: 0 },
    profile: printerProfiles[model],
    onPaper: (sheet) => sheets.push(sheet),
  });
  onTestFinished(() => printer.close());
  printer.set(state);
  return { printer, sheets };
}

const learn = async (...flags: readonly string[]): ReturnType<typeof answering> =>
  answering('', ...flags);

/** Runs it with this answer to whatever it asks. */
async function answering(
  answer: string,
  ...flags: readonly string[]
): Promise<{ code: number | null; said: string; error: string }> {
  const child = spawn(process.execPath, [kios, 'learn', 'printer', '--config', config, ...flags], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => undefined); // It asks nothing, and has ended.
  child.stdin.end(answer);
  let [said, error] = ['', ''];
  child.stdout.on('data', (piece: Buffer) => (said += piece.toString()));
  child.stderr.on('data', (piece: Buffer) => (error += piece.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, said, error };
}

const written = async (): Promise<unknown> =>
  parseConfig(config, await readFile(config, 'utf8'), kioskConfig).printer;

describe('kios learn printer', () => {
  test.each([
    [['dle-eot', 'gs-r', 'asb', 'clear'], 'dle-eot', 'gs-r', true],
    [['dle-eot', 'asb'], 'dle-eot', 'asb', false],
    [['asb'], 'asb', 'asb', false],
    [['gs-r'], 'gs-r', 'gs-r', false],
    [['dle-eot'], 'dle-eot', 'none', false],
    [[], 'none', 'none', false],
  ] as const)(
    'a printer that knows %j is status %s, proof %s',
    async (knows, status, proof, clearsBuffer) => {
      const { printer, sheets } = await simulator({ knows });
      const isMute = status === 'none';
      const { code, said, error } = await learn('--at', printer.at, ...(isMute ? ['--blind'] : []));
      expect({ code, error }).toEqual({ code: 0, error: '' });
      expect(said.includes('only with acceptBlindPrinter')).toBe(proof === 'none');
      expect(await written()).toMatchObject({
        ...{ at: printer.at, profile: 'generic-58', receipts: false },
        ...{ status, proof, clearsBuffer },
      });
      await expect.poll(() => sheets.length).toBe(1);
      expect(sheets.map(readQr)).toEqual([expect.stringContaining('BUKAN PEMBAYARAN')]);
      expect(await readFile(config, 'utf8')).toContain('# The shop at the corner.');
    },
  );

  test('the profile is what the person says, and what the configuration says without that', async () => {
    const { printer, sheets } = await simulator({}, 'basic-58');
    expect(await learn('--at', printer.at, '--profile', 'basic-58')).toMatchObject({ code: 0 });
    expect(sheets.at(-1)?.text).toContain('basic-58');
    expect(await learn()).toMatchObject({ code: 0 });
    expect(await written()).toMatchObject({ at: printer.at, profile: 'basic-58', proof: 'gs-r' });
  });

  test('a dry run prints and writes nothing', async () => {
    const { printer, sheets } = await simulator({});
    const { code, said } = await learn('--at', printer.at, '--dry-run');
    expect(code).toBe(0);
    expect(said).toContain('nothing was written');
    expect(sheets).toHaveLength(1);
    expect(await readFile(config, 'utf8')).toBe(before);
  });

  test('a file is no printer to learn from', async () => {
    const { code, error } = await learn('--at', 'file:/tmp/paper.bin');
    expect(code).toBe(1);
    expect(error).toContain('a file answers nothing, there is nothing to learn');
    expect(await readFile(config, 'utf8')).toBe(before);
  });

  test('a printer that cannot print now is named, and nothing is written', async () => {
    const { printer } = await simulator({ cover: 'open' });
    const { code, error } = await learn('--at', printer.at);
    expect(code).toBe(1);
    expect(error).toContain('its cover is open; mend that first');
    expect(await readFile(config, 'utf8')).toBe(before);
  });

  test('a kiosk that prints its QRs is not given a blind printer', async () => {
    await writeFile(config, before.replace('qrOn: display', 'qrOn: paper'));
    const { printer } = await simulator({ silent: true });
    const { code, error } = await learn('--at', printer.at);
    expect(code).toBe(1);
    expect(error).toContain('acceptBlindPrinter');
    expect(await readFile(config, 'utf8')).toContain('lp:/dev/usb/lp0');
  });

  test('a printer that says nothing is written only when somebody has seen its page', async () => {
    const { printer, sheets } = await simulator({ silent: true });
    for (const answer of ['', 'no', 'y']) {
      const { code, error } = await answering(answer, '--at', printer.at);
      expect(code).toBe(1);
      expect(error).toContain('nothing was written. Is it switched on');
      expect(await readFile(config, 'utf8')).toBe(before);
    }
    expect(await answering('yes', '--at', printer.at)).toMatchObject({ code: 0 });
    expect(await written()).toMatchObject({ at: printer.at, status: 'none', proof: 'none' });
    await expect.poll(() => sheets.length).toBe(4);
  });

  test('a configuration with faults is refused before a page is spent', async () => {
    await writeFile(config, before.replace('qrOn: display', 'qrOn: nowhere'));
    const { printer, sheets } = await simulator({});
    const { code, said, error } = await learn('--at', printer.at);
    expect({ code, said }).toEqual({ code: 1, said: '' });
    expect(error).toContain('qrOn');
    expect(sheets).toHaveLength(0);
  });

  test('a kiosk that runs keeps its printer', async () => {
    await writeFile(config, before.replace('/var/lib/kios', folder));
    lockFolder(folder).release();
    const lock = lockFolder(folder);
    onTestFinished(() => {
      lock.release();
    });
    const { printer, sheets } = await simulator({});
    const { code, error } = await learn('--at', printer.at);
    expect(code).toBe(1);
    expect(error).toContain('systemctl stop kios');
    expect(sheets).toHaveLength(0);
  });

  test('where nothing answers it says where', async () => {
    const { code, error } = await learn('--at', 'lp:/dev/usb/lp99');
    expect(code).toBe(1);
    expect(error).toContain('/dev/usb/lp99: nothing is there');
  });
});
