// The journal while nobody buys: old entries go, and a page that went bad is found before somebody needs it.
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { JournalFault } from '../../src/kiosk/journal-chain.ts';
import { newState } from '../../src/kiosk/new-state.ts';
import type { State } from '../../src/kiosk/state.ts';
import { watchJournal } from '../../src/kiosk/watches.ts';
import { silentLog as log } from '../../src/lib/log.ts';
import { KiosError } from '../../src/protocol/errors.ts';
import { VirtualClock } from '../lib/virtual-clock.ts';

const hourMs = 3_600_000;
const idle = newState('', 'ledger');
const busy: State = { ...idle, phase: { at: 'basket', items: [], untilMs: 1 } };

let clock: VirtualClock;
let stopping: AbortController;
let ended: Promise<void>;
let state: State;
/** Entries that are too many; five are let go of at once. */
let tooMany: number;
let broken: JournalFault | KiosError | undefined;
let unwritable: KiosError | undefined;
let prunes: number;
let faults: KiosError[];

beforeEach(() => {
  clock = new VirtualClock();
  stopping = new AbortController();
  state = idle;
  tooMany = 0;
  broken = undefined;
  unwritable = undefined;
  prunes = 0;
  faults = [];
  const prune = (): number => {
    prunes++;
    if (unwritable !== undefined) throw unwritable;
    const gone = Math.min(tooMany, 5);
    tooMany -= gone;
    return gone;
  };
  const reread = (): JournalFault | undefined => {
    if (broken instanceof KiosError) throw broken;
    return broken;
  };
  ended = watchJournal({
    ...{ journal: { prune, reread }, kiosk: { state: () => state }, clock, log },
    unreadable: (error) => void faults.push(error),
    signal: stopping.signal,
  });
});
afterEach(async () => {
  stopping.abort();
  await ended;
});

test('is tidied once an hour', async () => {
  await clock.advance(hourMs - 1);
  expect(prunes).toBe(0);
  await clock.advance(1 + hourMs);
  expect(prunes).toBe(2);
});

test('is not touched while somebody buys, and then as soon as nobody does', async () => {
  state = busy;
  await clock.advance(hourMs + 60_000);
  expect(prunes).toBe(0);
  state = idle;
  await clock.advance(10_000);
  expect(prunes).toBe(1);
  await clock.advance(hourMs - 1);
  expect(prunes).toBe(1);
});

test('lets go of as much as there is too much, in small steps', async () => {
  tooMany = 12;
  await clock.advance(hourMs + 30_000);
  expect(tooMany).toBe(0);
  expect(prunes).toBe(4);
});

test.each<[string, JournalFault | KiosError, string]>([
  ['does not fit its chain', { entry: 7, why: 'was altered' }, 'journal-damaged'],
  ['cannot be read', new KiosError('disk-read-only', 'gone'), 'disk-read-only'],
])('a part that %s is told, and the watch goes on', async (_what, fault, code) => {
  broken = fault;
  await clock.advance(hourMs);
  expect(faults).toMatchObject([{ code }]);
  await clock.advance(hourMs);
  expect(faults).toHaveLength(2);
});

test('one that cannot be tidied is told once an hour', async () => {
  unwritable = new KiosError('disk-full', 'full');
  await clock.advance(2 * hourMs);
  expect(faults).toMatchObject([{ code: 'disk-full' }, { code: 'disk-full' }]);
});
