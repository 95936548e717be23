// Two clocks: deadlines run on the monotonic one; the wall clock, right, wrong or jumping, is a label and decides nothing.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Entry, Journal } from '../../src/kiosk/journal.ts';
import { createKiosk, type NewEvent } from '../../src/kiosk/kiosk.ts';
import { patience, parts, type Effect, type State } from '../../src/kiosk/state.ts';
import { silentLog } from '../../src/lib/log.ts';
import { startCursor } from '../../src/protocol/sale.ts';
import { VirtualClock } from '../lib/virtual-clock.ts';
import { Machine, ledgerId, qris, rules, saleA, tell } from './machine.ts';

const yearMs = 365 * 24 * 3_600_000;

/** Its wall clock may be set while its monotonic one runs on. */
class JumpingClock extends VirtualClock {
  offMs = 0;

  override nowMs(): number {
    return super.nowMs() + this.offMs;
  }
}

interface Run {
  states: State[];
  effects: Effect[];
  bodies: unknown[];
  labels: string[];
}

/** The real loop over these events, with the wall clock thrown about in between. */
async function run(
  series: readonly (readonly [NewEvent, number])[],
  jumps: readonly number[],
): Promise<Run> {
  const clock = new JumpingClock();
  const seen: Run = { states: [], effects: [], bodies: [], labels: [] };
  const none = (): readonly [] => [];
  const journal: Journal = {
    append: (entries: readonly Entry[]) => {
      seen.bodies.push(...entries.map(({ body }) => structuredClone(body)));
      seen.labels.push(...entries.map(({ at }) => at));
      return Promise.resolve();
    },
    ...{ tail: () => ({ state: undefined, events: [] }), verify: () => undefined },
    ...{ read: none, proved: none, claimed: none, close: () => undefined },
  };
  const kiosk = createKiosk({
    ...{ rules, journal, clock, log: silentLog, cursor: startCursor, ledgerId, language: 'id' },
    perform: (effect) => void seen.effects.push(effect),
    ...{ draw: () => undefined, halted: () => undefined },
  });
  await kiosk.start('boot-1');
  for (const part of parts) void kiosk.post({ kind: 'part', part, health: { ok: true } });
  await kiosk.post({ kind: 'caught-up', told: [], ledgerId, more: false });
  for (const [index, [event, waitMs]] of series.entries()) {
    clock.offMs += jumps[index] ?? 0;
    void kiosk.post(event);
    await clock.advance(waitMs);
    seen.states.push(kiosk.state());
  }
  await kiosk.stop();
  return seen;
}

const key = (of: '5' | '000' | 'enter' | 'cancel'): NewEvent => {
  return { kind: 'key', key: of, freshId: saleA };
};
const pending = tell('pending', { amountIdr: 5, qrString: qris(5) });
const happening: fc.Arbitrary<NewEvent> = fc.constantFrom<NewEvent>(
  ...(['5', '000', 'enter', 'cancel'] as const).map(key),
  pending,
  tell('paid', { amountIdr: 5 }),
  { ...tell('paid', { amountIdr: 5 }), via: 'mqtt' },
  tell('expired', { amountIdr: 5 }),
  { kind: 'dispensed', saleId: saleA, result: 'done' },
  { kind: 'restarted', bootId: 'boot-1' },
  { kind: 'restarted', bootId: 'boot-2' },
);
const series = fc.array(fc.tuple(happening, fc.constantFrom(0, 10, 2_500, 30_000, 200_000)), {
  minLength: 1,
  maxLength: 15,
});
const jump = fc.oneof(fc.constant(0), fc.integer({ min: -10 * yearMs, max: 10 * yearMs }));

test('the same events with any wall clock give the same states and effects; only labels differ', async () => {
  await fc.assert(
    fc.asyncProperty(series, fc.array(jump, { maxLength: 15 }), async (events, jumps) => {
      // A sale is under way when the clock begins to jump.
      const sale = [key('5'), key('enter'), pending];
      const all = [...sale.map((event) => [event, 10] as const), ...events];
      const steady = await run(all, []);
      const thrown = await run(all, jumps);
      expect(thrown.states).toEqual(steady.states);
      expect(thrown.effects).toEqual(steady.effects);
      expect(thrown.bodies).toEqual(steady.bodies);
    }),
    { numRuns: 150 },
  );
});

test('NTP arrives in mid-payment, ten years late: the QR lives exactly as long as the relay said', async () => {
  const sale = [key('5'), key('enter'), pending];
  const upMs = 180_000 - patience.hideEarlyMs;
  const before = sale.map((event) => [event, 10] as const);
  const look: NewEvent = { kind: 'part', part: 'scanner', health: { ok: true } };
  const seen = await run([...before, [look, upMs - 1_000], [look, 2_000]], [0, 0, 0, 10 * yearMs]);
  expect(seen.states.map(({ phase }) => phase.at).slice(-2)).toEqual(['paying', 'stopping']);
  expect(seen.labels[0]?.slice(0, 4)).toBe('2026');
  expect(seen.labels.at(-1)?.slice(0, 4)).toBe('2035');
});

test('a new boot’s monotonic clock begins anew: no deadline of the old one is believed', () => {
  const kiosk = new Machine();
  kiosk.nowMs = 5_000_000;
  kiosk.showQr();
  kiosk.nowMs = 100;
  kiosk.boot('boot-2');
  // By the old number the QR would live for another hour and a half.
  kiosk.take(tell('pending', { askedAtMs: 100, expiresInMs: 30_000 }));
  expect(kiosk.phase('paying').deadlineMs).toBe(100 + 30_000 - patience.hideEarlyMs);
});

test('the question after a payment is forgotten in a new boot, and stands in the same one', () => {
  for (const [boot, at] of [
    ['boot-1', 'asking'],
    ['boot-2', 'charging'],
  ] as const) {
    const kiosk = new Machine({ askAgainMs: 30_000 }).showQr();
    kiosk.take(tell('paid'));
    kiosk.take({ kind: 'dispensed', saleId: saleA, result: 'done' });
    kiosk.boot(boot);
    kiosk.keys('1', '5', '000', 'enter');
    expect(kiosk.at).toBe(at);
  }
});
