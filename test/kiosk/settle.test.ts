// The first two seconds of a run: parts come up one by one, and a screen that named each that is still missing would change
// with every one of them and tell nobody anything.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { draw, noteHealth, settle, unreadable } from '../../src/kiosk/selling.ts';
import { parts, type Part } from '../../src/kiosk/state.ts';
import { say } from '../../src/kiosk/words.ts';
import { KiosError } from '../../src/protocol/errors.ts';
import { openStillRun, type StillRun } from './still-run.ts';

const settleMs = 2_000;
let still: StillRun;
let { run, machine, clock, shown } = {} as StillRun;

beforeEach(async () => {
  still = await openStillRun();
  ({ run, machine, clock, shown } = still);
  for (const part of parts) lose(part);
  settle(run);
});
afterEach(() => {
  still.close();
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
