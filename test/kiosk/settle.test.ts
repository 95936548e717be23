// The first two seconds of a run: parts come up one by one, and a screen that named each that is still missing would change
// with every one of them and tell nobody anything.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Scene } from '../../drivers/display/scene.ts';
import { kioskConfig } from '../../src/kiosk/config.ts';
import { hold, type Holding } from '../../src/kiosk/holding.ts';
import {
  draw,
  noteHealth,
  openRun,
  settle,
  unreadable,
  type Run,
} from '../../src/kiosk/selling.ts';
import { parts, type Part } from '../../src/kiosk/state.ts';
import { say } from '../../src/kiosk/words.ts';
import { silentLog } from '../../src/lib/log.ts';
import { KiosError } from '../../src/protocol/errors.ts';
import { VirtualClock } from '../lib/virtual-clock.ts';
import { Machine } from './machine.ts';
import { identityFor } from './signer.ts';

const settleMs = 2_000;
let folder: string;
let clock: VirtualClock;
let holding: Holding;
let run: Run;
let machine: Machine;
let shown: Scene[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kios-settle-'));
  clock = new VirtualClock();
  const devices = { keypad: { at: 'terminal' }, display: { at: 'terminal' } };
  const config = kioskConfig.parse({ stateDir: folder, language: 'en', ...devices });
  const options = { config, clock, log: silentLog, random: () => 0, version: '0.1.0' };
  const identity = identityFor('https://relay.example');
  holding = await hold(options, identity, { bootId: 'boot-1', serial: undefined });
  machine = new Machine();
  for (const part of parts) lose(part);
  shown = [];
  const screen: Run['screen'] = {
    show: (scene) => shown.push(scene),
    use: () => undefined,
    idle: () => Promise.resolve(),
  };
  const kiosk: NonNullable<Run['kiosk']> = {
    state: () => machine.state,
    journalOwesMs: () => undefined,
    post: (event) => Promise.resolve(void machine.take(event)),
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
  };
  run = { ...openRun(options, holding), rules: machine.rules, screen, kiosk };
  settle(run);
});
afterEach(() => {
  run.stopping.abort();
  holding.release();
  rmSync(folder, { recursive: true });
});

function lose(part: Part): void {
  machine.take({ kind: 'part', part, health: { ok: false, code: 'relay-unreachable' } });
}
function bring(...found: readonly Part[]): void {
  for (const part of found) {
    machine.take({ kind: 'part', part, health: { ok: true } });
    draw(run, machine.state);
  }
}
/** All that this kiosk needs; the last is the relay's word that it knows of nothing new. */
function bringAll(): void {
  bring(...parts);
  expect(shown).toEqual([]);
  machine.sameLedger();
  draw(run, machine.state);
}
const headings = (): string[] => shown.map(({ heading }) => heading);
const welcome = say('id', 'welcome');
const outOfService = say('id', 'outOfService');

test('what is missing is held back for two seconds, and named then', async () => {
  draw(run, machine.state);
  bring('journal', 'display');
  await clock.advance(settleMs - 1);
  expect(shown).toEqual([]);
  await clock.advance(1);
  expect(headings()).toEqual([outOfService]);
});

test('when all that is needed is there, the greeting does not wait, and is not drawn once more', async () => {
  bringAll();
  expect(headings()).toEqual([welcome]);
  await clock.advance(settleMs);
  expect(shown).toHaveLength(1);
});

test('a part that is lost after that is named at once', async () => {
  bringAll();
  await clock.advance(1);
  lose('dispenser');
  draw(run, machine.state);
  expect(headings()).toEqual([welcome, outOfService]);
});

test('a customer who is being served sees it at once, whatever is missing', () => {
  bringAll();
  machine.showQr();
  shown.length = 0;
  settle(run);
  lose('dispenser');
  draw(run, machine.state);
  expect(shown.map(({ amount }) => amount)).toEqual(['Rp 15.000']);
});

test('a run that ends meanwhile draws nothing any more', async () => {
  run.stopping.abort();
  await clock.advance(settleMs);
  expect(shown).toEqual([]);
});

test('a journal that could not be read stays out of order, whatever is said of its disk later', () => {
  bringAll();
  unreadable(run, new KiosError('journal-damaged', 'entry 7 was altered'));
  noteHealth(run, 'journal', { ok: true });
  expect(machine.state.parts.journal).toEqual({ ok: false, code: 'journal-damaged' });
});
