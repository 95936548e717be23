// A real daemon and a real relay: when it asks, when it ends itself for a configuration, what proves one, and what becomes of
// a machine whose own file is broken.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createScannerSimulator, type ScannerSimulator } from '../../drivers/scanner/simulator.ts';
import { kioskConfig, type KioskConfig } from '../../src/kiosk/config.ts';
import { enrol } from '../../src/kiosk/enrol.ts';
import { openJournal } from '../../src/kiosk/journal.ts';
import { startKiosk, type RunningKiosk } from '../../src/kiosk/run.ts';
import { systemClock, type Clock } from '../../src/lib/clock.ts';
import { ConfigError } from '../../src/lib/config-file.ts';
import { connectDatabase } from '../../src/relay/store/connect.ts';
import { joinStore } from '../../src/relay/store/open.ts';
import { seededRandom } from '../../src/twin/random.ts';
import { startSetting, type Setting } from '../relay/setting.ts';

/** Ten minutes of a trial, and five between two questions, are seconds here. */
const haste = 150;
const startMs = systemClock.monotonicMs();
const clock: Clock = {
  nowMs: () => systemClock.nowMs(),
  monotonicMs: () => startMs + (systemClock.monotonicMs() - startMs) * haste,
  after: (delayMs, call) => systemClock.after(delayMs / haste, call),
};

let relay: Setting;
let stateDir: string;
let scanner: ScannerSimulator;
let made = 0;
let kioskId: string;
let running: RunningKiosk | undefined;
let ended: boolean;
let lines: string[];
/** The machine's own file. */
let file: KioskConfig;
let fileIsBroken: boolean;

beforeAll(async () => {
  relay = await startSetting();
});
afterAll(async () => {
  await relay.stop();
});
beforeEach(async () => {
  stateDir = mkdtempSync(join(tmpdir(), 'kios-config-run-'));
  scanner = await createScannerSimulator({ path: join(stateDir, 'scanner') });
  // No display: its patience would pass too fast here.
  const printer = { at: `file:${join(stateDir, 'paper')}`, profile: 'basic-58' };
  file = kioskConfig.parse({
    ...{ stateDir, qrOn: 'paper', scanner: { at: scanner.at } },
    printer: { ...printer, acceptBlindPrinter: true },
  });
  [lines, fileIsBroken, running] = [[], false, undefined];
  kioskId = `ksk${String(++made).padStart(2, '0')}`;
  const code = await relay.code(kioskId);
  await enrol({ relayUrl: relay.relayUrl, code, stateDir, force: false });
});
afterEach(async () => {
  await running?.stop();
  await scanner.unplug();
  rmSync(stateDir, { recursive: true });
});

/** As systemd does it, also after the kiosk has ended by itself. */
async function start(): Promise<void> {
  await running?.stop();
  lines = [];
  ended = false;
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  running = await startKiosk({
    ...{ config: file, clock, log, random: seededRandom(3), version: '0.1.0' },
    rereadConfig: () => {
      if (fileIsBroken) throw new ConfigError('kiosk.yaml', ['line 1: colour: unknown key']);
      return file;
    },
  });
  void running.ended.then(() => (ended = true));
}

/** As `kios relay config push` stores it; no command tells of it here. */
async function push(settings: Record<string, unknown>): Promise<number> {
  const database = await connectDatabase(relay.config.store, systemClock, { use: 'join' });
  try {
    return await (await joinStore(database)).pushConfig([kioskId], JSON.stringify(settings));
  } finally {
    await database.close();
  }
}

async function until(isSo: () => boolean): Promise<void> {
  const said = (): string => lines.slice(-20).join('');
  await expect.poll(() => isSo() || said(), { timeout: 20_000 }).toBe(true);
}
const logs = (event: string): boolean => lines.some((line) => line.includes(`"msg":"${event}"`));
const rules = (): unknown => {
  const journal = openJournal(join(stateDir, 'journal.sqlite'));
  try {
    expect(journal.verify()).toBeUndefined();
    return journal.rules();
  } finally {
    journal.close();
  }
};

test('it asks by itself, ends for what it got, and ten minutes in which it could sell make that good', async () => {
  await start();
  await push({ askAgainS: 77 });
  await until(() => ended);
  await start();
  expect(logs('config.on-trial')).toBe(true);
  await until(() => logs('config.good'));
  expect(existsSync(join(stateDir, 'config-next.json'))).toBe(false);
  await running?.stop();
  running = undefined;
  expect(rules()).toMatchObject({ rules: { askAgainMs: 77_000 } });
  await start();
  expect(logs('config.in-use')).toBe(true);
});

test('a trial that ends in order begins anew; a level of the log comes from afar, too', async () => {
  await start();
  await push({ logLevel: 'warn' });
  await until(() => ended);
  await start();
  expect(logs('config.on-trial')).toBe(true);
  expect(logs('kiosk.ready')).toBe(false);
  await start();
  expect(logs('config.on-trial')).toBe(true);
});

test('a machine whose own file is broken is not ended for it, and is when the file is mended', async () => {
  await start();
  fileIsBroken = true;
  await push({ askAgainS: 79 });
  await until(() => logs('config.own-file-broken'));
  expect(ended).toBe(false);
  fileIsBroken = false;
  await until(() => ended);
});
