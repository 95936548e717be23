// The nine rules of a sale (DESIGN.md §6), each by its number and sentence, on the machine and its loop. The relay's side of
// rule 9 is test/relay/rule9.test.ts; rule 1 on a real disk, test/e2e/restart.test.ts.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createKiosk } from '../../src/kiosk/kiosk.ts';
import type { Journal } from '../../src/kiosk/journal.ts';
import { patience, parts, type Effect } from '../../src/kiosk/state.ts';
import { lostCode } from '../../src/kiosk/new-state.ts';
import { nextWake } from '../../src/kiosk/sale.ts';
import { withVoid } from '../../src/kiosk/voids.ts';
import { silentLog } from '../../src/lib/log.ts';
import { startCursor } from '../../src/protocol/sale.ts';
import { VirtualClock } from '../lib/virtual-clock.ts';
import { Machine, ledgerId, rules, saleA, saleB, tell } from './machine.ts';

/** A disk that holds every write until it is told to let go. */
function heldJournal(): { journal: Journal; written: string[]; letGo: () => void } {
  const written: string[] = [];
  let waiting: (() => void)[] = [];
  const none = (): readonly [] => [];
  return {
    written,
    letGo: () => {
      for (const done of waiting.splice(0)) done();
      waiting = [];
    },
    journal: {
      append: (entries) =>
        new Promise((resolve) => {
          waiting.push(() => {
            for (const { kind, body } of entries) {
              if (kind === 'state') written.push((body as { phase: { at: string } }).phase.at);
            }
            resolve();
          });
        }),
      ...{ tail: () => ({ state: undefined, events: [] }), verify: () => undefined },
      ...{ read: none, proved: none, claimed: none, close: () => undefined },
    },
  };
}

test('rule 1: intent is on disk before it is in the world (charge, cancel, dispense)', async () => {
  const disk = heldJournal();
  const done: Effect['kind'][] = [];
  const kiosk = createKiosk({
    ...{ rules, journal: disk.journal, clock: new VirtualClock(), log: silentLog },
    ...{ cursor: startCursor, ledgerId, language: 'id' },
    perform: (effect) => void done.push(effect.kind),
    ...{ draw: () => undefined, halted: () => undefined },
  });
  const settle = async (posted: Promise<void>): Promise<void> => {
    // What came during a write is in the next one.
    for (let turn = 0; turn < 100; turn++) {
      disk.letGo();
      await Promise.resolve();
    }
    await posted;
  };
  await settle(kiosk.start('boot-1'));
  for (const part of parts) void kiosk.post({ kind: 'part', part, health: { ok: true } });
  await settle(kiosk.post({ kind: 'caught-up', told: [], ledgerId, more: false }));
  done.length = 0;
  const intents = [
    ['charge', 'charging', { kind: 'key', key: 'enter', freshId: saleA }],
    ['stop', 'stopping', { kind: 'key', key: 'cancel', freshId: saleB }],
    ['dispense', 'dispensing', tell('paid', { amountIdr: 5 })],
  ] as const;
  void kiosk.post({ kind: 'key', key: '5', freshId: saleA });
  for (const [intent, at, event] of intents) {
    const posted = kiosk.post(event);
    expect(kiosk.state().phase.at).toBe(at);
    await Promise.resolve();
    expect(done).not.toContain(intent);
    await settle(posted);
    expect(disk.written.at(-1)).toBe(at);
    expect(done.at(-1)).toBe(intent);
  }
});

describe('rule 2: at most one dispense per sale, ever', () => {
  test('after a restart in dispensing the machine never starts again by itself: it asks the device', () => {
    const kiosk = new Machine().showQr();
    kiosk.take(tell('paid'));
    for (const boot of ['boot-1', 'boot-1', 'boot-2']) {
      expect(kiosk.boot(boot)).toEqual([{ kind: 'recall-dispenser', saleId: saleA }]);
      kiosk.take(tell('paid', { settledAgoMs: 0 }));
    }
    expect(kiosk.count('dispense')).toBe(1);
  });

  test('a device that cannot say means unknown: a claim, and the operator is told', () => {
    const kiosk = new Machine().showQr();
    kiosk.take(tell('paid'));
    kiosk.boot('boot-2');
    const asked = kiosk.take({ kind: 'dispenser-recalled', saleId: saleA, result: 'unknown' });
    expect(asked[0]).toMatchObject({ kind: 'report', result: 'unknown' });
    expect(kiosk.phase('result').outcome).toBe('claim');
    expect(kiosk.state.parts.dispenser).toEqual({ ok: false, code: 'dispenser-unknown' });
  });
});

describe('rule 3: goods only for paid, only while the customer of that sale is still being served', () => {
  test.each([
    'creating',
    'pending',
    'denied',
    'cancelled',
    'expired',
    'paid-late',
    'refunded',
  ] as const)('%s moves no motor', (verdict) => {
    const kiosk = new Machine().showQr();
    for (const via of ['http', 'mqtt'] as const) kiosk.take({ ...tell(verdict), via });
    expect(kiosk.count('dispense')).toBe(0);
  });

  test('a minute after the deadline, and two minutes into a new boot, nobody stands there any more', () => {
    const late = new Machine().showQr();
    late.keys('cancel');
    late.nowMs = late.phase('stopping').sale.deadlineMs ?? 0;
    late.nowMs += patience.hideEarlyMs + patience.servedAfterDeadlineMs + 1;
    late.take(tell('paid'));
    const cut = new Machine().showQr();
    cut.boot('boot-2');
    cut.take(tell('paid', { settledAgoMs: patience.servedAfterBootMs + 1 }));
    expect([late.count('dispense'), cut.count('dispense')]).toEqual([0, 0]);
    expect([late.phase('result').outcome, cut.phase('result').outcome]).toEqual(['claim', 'claim']);
  });
});

test('rule 4: a cancel that loses the race is a payment: paid → goods', () => {
  for (const first of ['customer', 'timeout'] as const) {
    const kiosk = new Machine().showQr();
    if (first === 'customer') kiosk.keys('cancel');
    else kiosk.wakeAfter(180_000);
    expect(kiosk.phase('stopping').reason).toBe(first);
    expect(kiosk.take(tell('paid'))).toMatchObject([{ kind: 'dispense' }]);
  }
});

describe('rule 5: at most one payable QR on show per kiosk', () => {
  test('no new sale starts while the old charge may be alive, whatever is pressed', () => {
    const kiosk = new Machine().showQr();
    kiosk.keys('cancel');
    for (let i = 0; i < 20; i++) {
      kiosk.keys('5', '000', 'enter', 'clear', 'enter');
      kiosk.scan('96385074');
      kiosk.wakeAfter(10_000);
      kiosk.take({
        ...{ kind: 'request-failed', request: 'stop', saleId: saleA },
        failure: { kind: 'lost', code: 'relay-unreachable' },
      });
    }
    expect(kiosk.count('charge')).toBe(1);
    expect(kiosk.at).toBe('stopping');
  });

  test('abandoned ends it only when the relay has taken it over', () => {
    const kiosk = new Machine().showQr();
    kiosk.keys('cancel');
    kiosk.nowMs += patience.stopMs;
    kiosk.take(tell('pending'));
    kiosk.keys('5', 'enter');
    expect(kiosk.at).toBe('abandoning');
    kiosk.take({ kind: 'reported', saleId: saleA });
    kiosk.codeRead();
    kiosk.take({ kind: 'key', key: '5', freshId: saleB });
    kiosk.take({ kind: 'key', key: 'enter', freshId: saleB });
    expect(kiosk.phase('charging').sale.saleId).toBe(saleB);
  });
});

describe('rule 6: a QR that was printed outlives nothing', () => {
  const paper = { qrOn: 'paper', required: ['journal', 'relay', 'printer'] } as const;

  test('its slip is told how long it lives', () => {
    const kiosk = new Machine(paper);
    kiosk.keys('1', '5', '000', 'enter');
    expect(kiosk.take(tell('pending'))).toMatchObject([
      { kind: 'print', slip: 'qr', leftMs: 180_000 - patience.hideEarlyMs },
    ]);
  });

  test('a job that is not certain is stopped first; no new sale before that, and then a slip that says void', () => {
    const kiosk = new Machine(paper).showQr();
    const job = { kind: 'printed', slip: 'qr', saleId: saleA, result: 'unknown' } as const;
    expect(kiosk.take(job)).toMatchObject([{ kind: 'stop', reason: 'fault' }]);
    kiosk.keys('5', '000', 'enter');
    expect(kiosk.count('charge')).toBe(1);
    expect(kiosk.take(tell('cancelled'))).toMatchObject([
      { kind: 'print', slip: 'void', sale: { saleId: saleA } },
    ]);
  });

  describe('a slip that says void, and no paper for it', () => {
    const voids = (kiosk: Machine): number =>
      kiosk.effects.filter((one) => one.kind === 'print' && one.slip === 'void').length;
    const noPaper = { ok: false, code: 'printer-paper-out' } as const;
    const failed = { kind: 'printed', slip: 'void', saleId: saleA, result: 'failed' } as const;
    const owing = (): Machine => {
      const kiosk = new Machine(paper).showQr();
      kiosk.take({ kind: 'printed', slip: 'qr', saleId: saleA, result: 'unknown' });
      kiosk.take(tell('cancelled'));
      kiosk.take(failed);
      kiosk.take({ kind: 'part', part: 'printer', health: noPaper });
      expect(voids(kiosk)).toBe(1);
      return kiosk;
    };
    const paperBack = (kiosk: Machine): readonly Effect[] =>
      kiosk.take({ kind: 'part', part: 'printer', health: { ok: true } });

    test('comes once there is paper, once', () => {
      const kiosk = owing();
      expect(paperBack(kiosk)).toMatchObject([{ slip: 'void', sale: { saleId: saleA } }]);
      // Said twice before the slip is out.
      expect(paperBack(kiosk)).toEqual([]);
      kiosk.take({ ...failed, result: 'printed' });
      expect(paperBack(kiosk)).toEqual([]);
      expect(kiosk.state.voids).toBeUndefined();
    });

    test('comes after a restart, too, also where the run ended while it was printed', () => {
      const kiosk = owing();
      paperBack(kiosk);
      kiosk.take({ kind: 'restarted', bootId: 'boot-2' });
      expect(paperBack(kiosk)).toMatchObject([{ slip: 'void', sale: { saleId: saleA } }]);
    });

    test('is given up at a printer that is always well and prints nothing', () => {
      const kiosk = owing();
      for (let round = 0; round < 20; round++) {
        paperBack(kiosk);
        kiosk.take(failed);
      }
      expect(voids(kiosk)).toBe(10);
    });

    test('is owed for the newest three alone', () => {
      const kiosk = owing();
      const [first] = kiosk.state.voids ?? [];
      if (first === undefined) throw new Error('nothing is owed');
      const more = ['b', 'c'].map((saleId) => ({ ...first, sale: { ...first.sale, saleId } }));
      const state = { ...kiosk.state, voids: [first, ...more] };
      const sale = { ...first.sale, saleId: saleB };
      const stopping = { at: 'stopping', reason: 'fault', sale, tries: 0 } as const;
      const phase = { ...stopping, retryAtMs: 0, sinceMs: 0 };
      const [{ voids }] = withVoid([state, []], phase, sale);
      expect(voids?.map((one) => one.sale.saleId)).toEqual(['b', 'c', saleB]);
    });
  });

  test('and so does one whose charge cannot be ended, once it is handed over', () => {
    const kiosk = new Machine(paper).showQr();
    kiosk.take({ kind: 'printed', slip: 'qr', saleId: saleA, result: 'unknown' });
    kiosk.nowMs += patience.stopMs;
    expect(kiosk.take(tell('pending'))).toMatchObject([
      { kind: 'report', result: 'abandoned' },
      { kind: 'print', slip: 'void', sale: { saleId: saleA } },
    ]);
    // Once is enough.
    kiosk.take(tell('cancelled'));
    expect(kiosk.effects.filter((one) => one.kind === 'print' && one.slip === 'void')).toHaveLength(
      1,
    );
  });
});

test('rule 7: deadlines run on the monotonic clock from a duration that the relay gave', () => {
  const kiosk = new Machine();
  kiosk.nowMs = 50_000;
  kiosk.keys('1', '5', '000', 'enter');
  kiosk.nowMs = 54_000;
  kiosk.take(tell('pending', { askedAtMs: 50_000, expiresInMs: 60_000 }));
  const deadlineMs = 50_000 + 60_000 - patience.hideEarlyMs;
  expect(kiosk.phase('paying').deadlineMs).toBe(deadlineMs);
  kiosk.nowMs = deadlineMs - 1;
  kiosk.take({ kind: 'woke' });
  expect(kiosk.at).toBe('paying');
  expect(nextWake(kiosk.state)).toBe(deadlineMs);
  kiosk.wakeAfter(1);
  expect(kiosk.at).toBe('stopping');
});

describe('rule 8: nothing is sold that cannot be finished', () => {
  const required = [...parts];

  test.each(parts.filter((part) => part !== 'broker'))(
    'without the %s: named, and not charged',
    (part) => {
      const kiosk = new Machine({ required });
      kiosk.take({ kind: 'part', part, health: { ok: false, code: lostCode[part] } });
      kiosk.keys('5', '000', 'enter');
      expect(kiosk.phase('blocked').codes).toEqual([lostCode[part]]);
      expect(kiosk.count('charge')).toBe(0);
    },
  );

  test('not before the relay has said that its ledger is the same', () => {
    const kiosk = new Machine();
    kiosk.take({ kind: 'restarted', bootId: 'boot-1' });
    for (const part of parts) kiosk.take({ kind: 'part', part, health: { ok: true } });
    kiosk.keys('5', '000', 'enter');
    expect(kiosk.phase('blocked').codes).toEqual(['relay-unreachable']);
  });
});

/** What may become of one sale, as far as its kiosk knows. */
function endsOf(kiosk: Machine, reports: ReadonlyMap<string, string>, saleId: string): string[] {
  const { phase } = kiosk.state;
  const open = ['charging', 'checking', 'paying', 'stopping', 'abandoning', 'dispensing'];
  const inHand = 'sale' in phase && phase.sale.saleId === saleId && open.includes(phase.at);
  const said = reports.get(saleId);
  // Handed over for good, and its answer is awaited: one end, not two.
  const handedOver = phase.at === 'abandoning' && inHand;
  return [...(inHand && !handedOver ? ['in hand'] : []), ...(said === undefined ? [] : [said])];
}

test('rule 9, the kiosk’s side: every sale that was paid here is exactly one of in hand, done, claim', () => {
  const world = fc.constantFrom(
    ...(['paid', 'paid by mqtt', 'cancel', 'late', 'restart', 'power cut', 'done', 'jam'] as const),
    ...(['silent', 'recalled', 'refuse', 'handed over', 'pending'] as const),
  );
  fc.assert(
    fc.property(fc.array(world, { maxLength: 25 }), (happenings) => {
      const kiosk = new Machine().showQr();
      const reports = new Map<string, string>();
      let paid = false;
      let boot = 1;
      for (const happening of happenings) {
        const before = kiosk.effects.length;
        kiosk.nowMs += 7_000;
        switch (happening) {
          case 'paid':
            kiosk.take(tell('paid', { settledAgoMs: 1_000 }));
            break;
          case 'paid by mqtt':
            kiosk.take({ ...tell('paid'), via: 'mqtt' });
            break;
          case 'pending':
            kiosk.take(tell('pending', { askedAtMs: kiosk.nowMs }));
            break;
          case 'cancel':
            kiosk.keys('cancel');
            break;
          case 'late':
            kiosk.wakeAfter(200_000);
            break;
          case 'restart':
          case 'power cut':
            boot += happening === 'restart' ? 0 : 1;
            kiosk.boot(`boot-${boot}`);
            break;
          case 'done':
            kiosk.take({ kind: 'dispensed', saleId: saleA, result: 'done' });
            break;
          case 'jam':
            kiosk.take({ kind: 'dispensed', saleId: saleA, result: 'failed' });
            break;
          case 'recalled':
            kiosk.take({ kind: 'dispenser-recalled', saleId: saleA, result: 'never' });
            break;
          case 'silent':
            kiosk.wakeAfter(40_000);
            break;
          case 'refuse':
            kiosk.take({
              ...{ kind: 'request-failed', request: 'stop', saleId: saleA },
              failure: { kind: 'refused', code: 'bad-request', retryable: false },
            });
            break;
          case 'handed over':
            kiosk.take({ kind: 'reported', saleId: saleA });
            break;
        }
        const { phase } = kiosk.state;
        if ('sale' in phase && phase.sale.verdict === 'paid') paid = true;
        for (const effect of kiosk.effects.slice(before)) {
          if (effect.kind !== 'report') continue;
          // The first result of a sale is its last: it is only ever repeated.
          expect(reports.get(effect.saleId) ?? effect.result).toBe(effect.result);
          reports.set(effect.saleId, effect.result);
        }
        if (paid) expect(endsOf(kiosk, reports, saleA)).toHaveLength(1);
      }
      expect(kiosk.count('dispense')).toBeLessThanOrEqual(1);
    }),
    { numRuns: 2_000 },
  );
});
