// The loop: effects wait for the disk, keys and screens do not, a failed disk stops everything, a boot folds the journal.
import { once } from 'node:events';
import { expect, test } from 'vitest';
import {
  createKiosk,
  ignoreHalt,
  type Kiosk,
  type KioskOptions,
  type NewEvent,
} from '../../src/kiosk/kiosk.ts';
import type { Entry, Journal } from '../../src/kiosk/journal.ts';
import { parts, type Effect, type State } from '../../src/kiosk/state.ts';
import { silentLog } from '../../src/lib/log.ts';
import { startCursor } from '../../src/protocol/sale.ts';
import { VirtualClock } from '../lib/virtual-clock.ts';
import { ledgerId, rules, saleA, tell } from './machine.ts';

/** A disk that the test holds: an append ends when the test says so. */
class HeldDisk implements Journal {
  readonly entries: Entry[] = [];
  readonly waiting: { entries: readonly Entry[]; done: PromiseWithResolvers<undefined> }[] = [];
  held = false;

  async append(entries: readonly Entry[]): Promise<void> {
    const done = Promise.withResolvers<undefined>();
    this.waiting.push({ entries, done });
    if (!this.held) this.release();
    await done.promise;
  }
  release(): void {
    for (const { entries, done } of this.waiting.splice(0)) {
      this.entries.push(...entries);
      done.resolve(undefined);
    }
  }
  fail(): void {
    for (const { done } of this.waiting.splice(0)) done.reject(new Error('disk full'));
  }
  tail(): { state: unknown; events: readonly unknown[] } {
    const last = this.entries.findLastIndex((entry) => entry.kind === 'state');
    return {
      state: this.entries[last]?.body,
      events: this.entries.slice(last + 1).map((entry) => structuredClone(entry.body)),
    };
  }
  verify(): number | undefined {
    return undefined;
  }
  read(): readonly [] {
    return [];
  }
  proved(): readonly [] {
    return [];
  }
  claimed(): readonly [] {
    return [];
  }
  close(): void {
    this.waiting.length = 0;
  }
}

interface Bench {
  kiosk: Kiosk;
  disk: HeldDisk;
  clock: VirtualClock;
  effects: Effect[];
  drawn: State[];
  /** Effects and pictures, one after the other. */
  order: string[];
  halts: unknown[];
}

async function bench(disk = new HeldDisk(), some = rules): Promise<Bench> {
  const clock = new VirtualClock();
  const effects: Effect[] = [];
  const drawn: State[] = [];
  const order: string[] = [];
  const halts: unknown[] = [];
  const options: KioskOptions = {
    rules: some,
    journal: disk,
    clock,
    log: silentLog,
    cursor: startCursor,
    ledgerId,
    language: 'id',
    perform: (effect) => {
      effects.push(effect);
      order.push(effect.kind);
    },
    draw: (state) => {
      drawn.push(state);
      order.push(`the picture of ${state.phase.at}`);
    },
    halted: (error) => void halts.push(error),
  };
  const kiosk = createKiosk(options);
  await kiosk.start('boot-1');
  const heard = parts.map(async (part) => kiosk.post({ kind: 'part', part, health: { ok: true } }));
  await clock.advance(1000);
  await Promise.all(heard);
  await kiosk.post({ kind: 'caught-up', told: [], ledgerId, more: false });
  effects.splice(0, effects.length, ...effects.filter(({ kind }) => kind !== 'catch-up'));
  return { kiosk, disk, clock, effects, drawn, order, halts };
}

const enter = { kind: 'key', key: 'enter', freshId: saleA } as const;
const five = { kind: 'key', key: '5', freshId: saleA } as const;

test('the intent to charge is on the disk before the charge is sent (rule 1)', async () => {
  const { kiosk, disk, effects } = await bench();
  disk.held = true;
  void kiosk.post(five);
  const stored = kiosk.post(enter);
  expect(kiosk.state().phase.at).toBe('charging');
  expect(effects).toEqual([]);
  disk.release();
  await stored;
  expect(effects).toEqual([{ kind: 'charge', saleId: saleA, amountIdr: 5, items: [] }]);
});

test('keys are echoed while the disk is busy', async () => {
  const { kiosk, disk, drawn } = await bench();
  disk.held = true;
  void kiosk.post(five);
  void kiosk.post(five);
  expect(drawn.at(-1)?.phase).toMatchObject({ at: 'entering', digits: '55' });
  disk.release();
});

test('events that came during one write share the next', async () => {
  const { kiosk, disk } = await bench();
  const before = disk.entries.length;
  disk.held = true;
  void kiosk.post(five);
  void kiosk.post(enter);
  void kiosk.post({ kind: 'key', key: 'cancel', freshId: saleA });
  expect(disk.waiting.length).toBe(1);
  disk.held = false;
  disk.release();
  await kiosk.post(tell('cancelled', { amountIdr: 5 }));
  const events = disk.entries.slice(before).filter((entry) => entry.kind === 'event');
  expect(events).toHaveLength(4);
});

test('goods come before the picture that says so', async () => {
  const { kiosk, order } = await bench();
  void kiosk.post(five);
  await kiosk.post(enter);
  await kiosk.post(tell('pending', { amountIdr: 5 }));
  order.length = 0;
  await kiosk.post(tell('paid', { amountIdr: 5 }));
  expect(order).toEqual(['dispense', 'the picture of dispensing']);
});

test('a disk that fails releases no effect, stops the kiosk and says so once', async () => {
  const { kiosk, disk, effects, halts } = await bench();
  disk.held = true;
  const first = kiosk.post(five);
  const second = kiosk.post(enter);
  // The first two are under way; this one waits for the next write.
  const third = kiosk.post({ kind: 'key', key: 'cancel', freshId: saleA });
  const ends = Promise.allSettled([first, second, third]);
  disk.fail();
  for (const end of await ends) expect(end.status).toBe('rejected');
  await expect(kiosk.post(five)).rejects.toThrow('disk full');
  expect(effects).toEqual([]);
  expect(halts.length).toBe(1);
});

test('the next process folds the journal and asks the world before it goes on', async () => {
  const { kiosk, disk } = await bench();
  void kiosk.post(five);
  await kiosk.post(enter);
  await kiosk.post(tell('pending', { amountIdr: 5 }));
  const again = await bench(disk);
  expect(again.effects[0]?.kind).toBe('stop');
  expect(again.kiosk.state().phase).toMatchObject({ sale: { saleId: saleA, amountIdr: 5 } });
});

test('what was decided is written down: a later run with other prices does not decide it again', async () => {
  const { kiosk, disk } = await bench();
  void kiosk.post({ kind: 'scan', scan: { text: '96385074' } });
  await kiosk.post(enter);
  const dearer = new Map([['96385074', { id: 'teh', name: 'Teh', priceIdr: 9_000 }]]);
  const again = await bench(disk, { ...rules, catalogue: dearer });
  expect(again.kiosk.state().phase).toMatchObject({ sale: { amountIdr: 5_000 } });
  const without = await bench(disk, { ...rules, catalogue: new Map() });
  expect(without.kiosk.state().phase).toMatchObject({ sale: { saleId: saleA, amountIdr: 5_000 } });
});

test.each([
  ['a price that fits', { idrPerPulse: 1 }],
  ['no price any more', {}],
])('an Enter that was refused is not decided again by a later run: %s', async (_name, more) => {
  const { kiosk, disk, clock } = await bench(new HeldDisk(), { ...rules, idrPerPulse: 3 });
  void kiosk.post(five);
  await clock.advance(2000);
  void kiosk.post(enter);
  await clock.advance(2000);
  expect(kiosk.state().phase).toMatchObject({ at: 'entering', digits: '5' });
  expect(disk.tail().events).toContainEqual(expect.objectContaining(enter));
  const again = await bench(disk, { ...rules, ...more });
  expect(again.effects).toEqual([]);
  expect(again.kiosk.state().phase.at).toBe('idle');
});

test('what came of a set-up sheet is folded by no release that knows none: the state stands after it', async () => {
  const { kiosk, disk } = await bench();
  void kiosk.post({ kind: 'sheet', result: 'taken' });
  await kiosk.stop();
  expect(disk.entries.map(({ body }) => (body as { kind?: string }).kind)).toContain('sheet');
  expect(disk.tail().events).toEqual([]);
});

test('a boot reads a bounded number of events', async () => {
  const { kiosk, disk } = await bench();
  for (let i = 0; i < 1200; i++) void kiosk.post({ kind: 'key', key: 'language', freshId: saleA });
  await kiosk.stop();
  const last = disk.entries.findLastIndex((entry) => entry.kind === 'state');
  expect(disk.entries.length - last).toBeLessThanOrEqual(1001);
});

test('the machine is woken when it asked to be', async () => {
  const { kiosk, clock } = await bench();
  void kiosk.post(enter);
  expect(kiosk.state().phase.at).toBe('blocked');
  await clock.advance(4000);
  expect(kiosk.state().phase.at).toBe('idle');
});

test('a wrong claim code is written at once, not held back for company', async () => {
  const { kiosk, disk } = await bench();
  await kiosk.post({ kind: 'scan', scan: { text: 'KLAIM12345678901' } });
  const before = disk.entries.length;
  await kiosk.post({ kind: 'claim-sought', code: '12345678901', freshId: saleA });
  expect(disk.entries.slice(before).map(({ kind }) => kind)).toEqual(['event', 'state']);
  expect(kiosk.state().claims.wrong).toBe(1);
});

test.each<[string, NewEvent]>([
  ['a wrong code of a technician', { kind: 'scan', scan: { text: 'TEKNISI111111' } }],
  ['that a slip is on paper', { kind: 'printed', slip: 'claim', saleId: saleA, result: 'printed' }],
])('%s is written at once: a pulled plug would undo it', async (_what, event) => {
  const technicianCode = '222222';
  const { kiosk, disk } = await bench(new HeldDisk(), { ...rules, technicianCode });
  const before = disk.entries.length;
  await kiosk.post(event);
  expect(disk.entries[before]).toMatchObject({ kind: 'event', body: event });
});

test('the journal owes an answer from the moment it was asked until it gives one', async () => {
  const { kiosk, disk, clock } = await bench();
  expect(kiosk.journalOwesMs()).toBeUndefined();
  disk.held = true;
  const stored = kiosk.post({ kind: 'restarted', bootId: 'boot-2' });
  await clock.advance(700);
  expect(kiosk.journalOwesMs()).toBe(700);
  disk.held = false;
  disk.release();
  await stored;
  expect(kiosk.journalOwesMs()).toBeUndefined();
});

test('a bug in a decision ends the process, also where nobody listens to its post', async () => {
  // Rules that no schema lets through, and no type: whatever reads them throws.
  const { kiosk } = await bench(new HeldDisk(), { ...rules, limits: undefined as never });
  // The runner's own listeners would take it for a fault of this test.
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  const crash = once(process, 'uncaughtException');
  try {
    ignoreHalt(kiosk.post({ kind: 'key', key: '1', freshId: saleA }));
    ignoreHalt(kiosk.post({ kind: 'key', key: 'enter', freshId: saleA }));
    expect((await crash)[0]).toBeInstanceOf(TypeError);
  } finally {
    for (const other of others) process.on('uncaughtException', other);
  }
});
