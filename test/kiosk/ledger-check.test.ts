// A relay that was restored from a backup, as the machine meets it (PROTOCOL.md §8).
import { describe, expect, test } from 'vitest';
import type { NewEvent } from '../../src/kiosk/kiosk.ts';
import { startCursor } from '../../src/protocol/sale.ts';
import { Machine, ledgerId, saleA, tell } from './machine.ts';

const posts = { kind: 'recover', post: 'all', since: startCursor } as const;
const asks = { kind: 'recover', post: 'nothing', since: startCursor } as const;
const checks = { kind: 'catch-up', since: startCursor } as const;
const differs = { kind: 'ledger-differs', asked: ledgerId } as const;
const sale = { kind: 'told', via: 'http' } as const;

/** The relay has said that its ledger is another. */
function lost(): Machine {
  const kiosk = new Machine();
  expect(kiosk.take(differs)).toEqual([posts]);
  return kiosk;
}

function blockedBy(kiosk: Machine): readonly string[] {
  kiosk.keys('5', '000', 'enter');
  const { codes } = kiosk.phase('blocked');
  kiosk.keys('cancel');
  return codes;
}

describe('before the first charge of a run', () => {
  test('the relay is asked which ledger it has, and nothing is sold until it has said so', () => {
    const kiosk = new Machine();
    kiosk.take({ kind: 'restarted', bootId: 'boot-1' });
    for (const part of ['journal', 'display', 'dispenser'] as const) {
      kiosk.take({ kind: 'part', part, health: { ok: true } });
    }
    expect(kiosk.take({ kind: 'part', part: 'relay', health: { ok: true } })).toEqual([checks]);
    expect(blockedBy(kiosk)).toEqual(['relay-unreachable']);
    kiosk.sameLedger();
    kiosk.keys('5', '000', 'enter');
    expect(kiosk.at).toBe('charging');
  });

  test('a charge that was under way is not repeated before that either', () => {
    const kiosk = new Machine();
    kiosk.keys('5', '000', 'enter');
    kiosk.take({ kind: 'restarted', bootId: 'boot-1' });
    kiosk.take({ kind: 'part', part: 'relay', health: { ok: true } });
    expect(kiosk.wakeAfter(0).map(({ kind }) => kind)).toEqual(['catch-up']);
    kiosk.sameLedger();
    expect(kiosk.wakeAfter(0)).toMatchObject([{ kind: 'charge', saleId: saleA }]);
  });

  test.each(['relay', 'broker'] as const)('it is asked again when the %s was away', (part) => {
    const kiosk = new Machine();
    kiosk.take({ kind: 'part', part, health: { ok: false, code: 'relay-unreachable' } });
    expect(kiosk.take({ kind: 'part', part, health: { ok: true } })).toEqual([checks]);
    expect(blockedBy(kiosk)).toEqual(['relay-unreachable']);
  });

  test('it is asked now and then, and sells meanwhile: behind a broker of its own it may be restored unheard', () => {
    const kiosk = new Machine();
    kiosk.take({ kind: 'part', part: 'broker', health: { ok: false, code: 'broker-unreachable' } });
    kiosk.take({ kind: 'part', part: 'broker', health: { ok: true } });
    kiosk.sameLedger();
    expect(kiosk.wakeAfter(60 * 60_000 - 1)).toEqual([]);
    expect(kiosk.wakeAfter(1)).toEqual([checks]);
    expect(kiosk.wakeAfter(60 * 60_000)).toEqual([checks]);
    kiosk.keys('5', '000', 'enter');
    expect(kiosk.at).toBe('charging');
    expect(kiosk.take(differs)).toContainEqual(posts);
  });

  test('nobody is asked while the relay is away', () => {
    const kiosk = new Machine();
    kiosk.take({ kind: 'part', part: 'broker', health: { ok: false, code: 'broker-unreachable' } });
    kiosk.take({ kind: 'part', part: 'broker', health: { ok: true } });
    kiosk.sameLedger();
    kiosk.take({ kind: 'part', part: 'relay', health: { ok: false, code: 'relay-unreachable' } });
    expect(kiosk.wakeAfter(2 * 60 * 60_000)).toEqual([]);
  });

  test('a question without an answer is asked again', () => {
    const kiosk = new Machine();
    kiosk.take({ kind: 'part', part: 'broker', health: { ok: false, code: 'broker-unreachable' } });
    kiosk.take({ kind: 'part', part: 'broker', health: { ok: true } });
    expect(kiosk.wakeAfter(9_999)).toEqual([]);
    expect(kiosk.wakeAfter(1)).toEqual([checks]);
  });
});

describe('another ledger', () => {
  test('is taken only after the relay has taken the journal', () => {
    const kiosk = lost();
    expect(kiosk.state.ledgerId).toBe(ledgerId);
    expect(blockedBy(kiosk)).toEqual(['recovering']);
    const after = kiosk.take({
      ...{ kind: 'recovered', post: 'all', ledgerId: 'ledger-2', recovering: false },
    });
    expect(after).toEqual([checks]);
    expect(kiosk.state.ledgerId).toBe('ledger-2');
    kiosk.keys('5', '000', 'enter');
    expect(kiosk.at).toBe('charging');
  });

  test('while the relay asks Midtrans nothing is sold, and it is asked whether it has finished', () => {
    const kiosk = lost();
    kiosk.take({ kind: 'recovered', post: 'all', ledgerId: 'ledger-2', recovering: true });
    expect(blockedBy(kiosk)).toEqual(['recovering']);
    expect(kiosk.wakeAfter(5_000)).toEqual([asks]);
    kiosk.take({ kind: 'recovered', post: 'nothing', ledgerId: 'ledger-2', recovering: true });
    expect(kiosk.wakeAfter(5_000)).toEqual([asks]);
    kiosk.take({ kind: 'recovered', post: 'nothing', ledgerId: 'ledger-2', recovering: false });
    kiosk.keys('5', '000', 'enter');
    expect(kiosk.at).toBe('charging');
  });

  test('that comes while nothing was posted is posted the journal first', () => {
    const kiosk = lost();
    kiosk.take({ kind: 'recovered', post: 'all', ledgerId: 'ledger-2', recovering: true });
    const asked = kiosk.take({
      ...{ kind: 'recovered', post: 'nothing', ledgerId: 'ledger-3', recovering: false },
    });
    expect(asked).toEqual([posts]);
    expect(kiosk.state.ledgerId).toBe('ledger-2');
  });

  test('is never taken from an answer to no post', () => {
    const idle = new Machine();
    idle.take({ kind: 'recovered', post: 'all', ledgerId: 'evil', recovering: false });
    const posting = lost();
    posting.take({ kind: 'recovered', post: 'nothing', ledgerId: 'evil', recovering: false });
    posting.take({ kind: 'recovered', post: 'nothing', ledgerId, recovering: false });
    expect(posting.state.ledger.at).toBe('posting');
    expect([idle.state.ledgerId, posting.state.ledgerId]).toEqual([ledgerId, ledgerId]);
  });

  test('a post that fails is tried again, ever more slowly', () => {
    const kiosk = lost();
    for (const afterMs of [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]) {
      kiosk.take({ kind: 'recover-failed', code: 'relay-unreachable' });
      expect(kiosk.wakeAfter(afterMs - 1)).toEqual([]);
      expect(kiosk.wakeAfter(1)).toEqual([posts]);
    }
  });

  test('a relay that goes on contradicting is not posted the journal without end', () => {
    const kiosk = lost();
    kiosk.take({ kind: 'recovered', post: 'all', ledgerId: 'ledger-2', recovering: false });
    expect(kiosk.take({ kind: 'ledger-differs', asked: 'ledger-2' })).toEqual([]);
    kiosk.keys('5', '000', 'enter');
    expect(kiosk.at).toBe('blocked');
    expect(kiosk.wakeAfter(59_999).filter(({ kind }) => kind === 'recover')).toEqual([]);
    expect(kiosk.wakeAfter(1)).toEqual([checks]);
    expect(kiosk.take({ kind: 'ledger-differs', asked: 'ledger-2' })).toEqual([posts]);
  });

  test('an answer about the old ledger that comes late says nothing of the new one', () => {
    const kiosk = lost();
    kiosk.take({ kind: 'recovered', post: 'all', ledgerId: 'ledger-2', recovering: false });
    expect(kiosk.take(differs)).toEqual([]);
    kiosk.keys('5', '000', 'enter');
    expect(kiosk.at).toBe('charging');
  });
});

describe('what gives it away', () => {
  test('a sale of another ledger: the relay is asked, because that word is not signed', () => {
    const kiosk = new Machine().showQr();
    const { told } = tell('pending', { ledgerId: 'ledger-2' });
    expect(kiosk.take({ ...sale, told })).toEqual([checks]);
    expect(kiosk.at).toBe('paying');
    expect(kiosk.take({ kind: 'caught-up', told: [], ledgerId: 'ledger-2', more: false })).toEqual([
      posts,
    ]);
  });

  test('a report for a sale that the relay does not know, once a minute', () => {
    const kiosk = new Machine().showQr();
    kiosk.take(tell('paid'));
    kiosk.take({ kind: 'dispensed', saleId: saleA, result: 'done' });
    const unknown: NewEvent = {
      kind: 'request-failed',
      request: 'report',
      saleId: saleA,
      failure: { kind: 'refused', code: 'sale-unknown', retryable: false },
    };
    expect(kiosk.take(unknown)).toEqual([posts]);
    kiosk.take({ kind: 'recovered', post: 'all', ledgerId, recovering: false });
    expect(kiosk.state.reports).toHaveLength(1);
    expect(kiosk.take(unknown)).toEqual([]);
    kiosk.nowMs += 60_000;
    expect(kiosk.take(unknown)).toEqual([posts]);
  });

  test('a QR on show whose sale the relay does not know stays, and goods come when it is paid', () => {
    const kiosk = new Machine().showQr();
    const asked = kiosk.take({
      ...{ kind: 'request-failed', request: 'look', saleId: saleA },
      failure: { kind: 'refused', code: 'sale-unknown', retryable: false },
    });
    expect(asked).toEqual([posts]);
    kiosk.take({ kind: 'recovered', post: 'all', ledgerId: 'ledger-2', recovering: true });
    kiosk.take(tell('paid', { ledgerId: 'ledger-2' }));
    expect(kiosk.count('dispense')).toBe(1);
  });

  test('a restart asks again instead of burying a sale that the relay has lost', () => {
    const kiosk = new Machine().showQr();
    kiosk.take({ kind: 'restarted', bootId: 'boot-1' });
    kiosk.take({
      ...{ kind: 'request-failed', request: 'look', saleId: saleA },
      failure: { kind: 'refused', code: 'sale-unknown', retryable: false },
    });
    expect(kiosk.at).toBe('checking');
    expect(kiosk.count('stop')).toBe(0);
  });

  test('`recovering` in answer to a charge: it goes on asking, and the screen has the code afterwards', () => {
    const kiosk = new Machine();
    kiosk.keys('5', '000', 'enter');
    kiosk.take({
      ...{ kind: 'request-failed', request: 'charge', saleId: saleA },
      failure: { kind: 'refused', code: 'recovering', retryable: true },
    });
    expect(kiosk.at).toBe('charging');
    kiosk.keys('cancel');
    kiosk.take({
      ...{ kind: 'request-failed', request: 'stop', saleId: saleA },
      failure: { kind: 'refused', code: 'recovering', retryable: true },
    });
    expect(kiosk.phase('stopping').because).toBe('recovering');
  });
});

describe('what the screen says meanwhile', () => {
  test('a relay that was given everything and still differs is recovering, for all of the minute', () => {
    const kiosk = lost();
    kiosk.take({ kind: 'recovered', post: 'all', ledgerId: 'ledger-2', recovering: false });
    kiosk.take({ kind: 'ledger-differs', asked: 'ledger-2' });
    for (let i = 0; i < 5; i++) {
      expect(blockedBy(kiosk)).toEqual(['recovering']);
      kiosk.take({
        kind: 'part',
        part: 'broker',
        health: { ok: false, code: 'broker-unreachable' },
      });
      kiosk.take({ kind: 'part', part: 'broker', health: { ok: true } });
      kiosk.wakeAfter(10_000);
    }
    kiosk.sameLedger();
    kiosk.keys('5', '000', 'enter');
    expect(kiosk.at).toBe('charging');
  });

  test('a relay that refuses to say is named by its own reason; one that cannot be asked is not there', () => {
    const kiosk = new Machine();
    kiosk.take({ kind: 'restarted', bootId: 'boot-1' });
    for (const part of kiosk.rules.required) {
      kiosk.take({ kind: 'part', part, health: { ok: true } });
    }
    expect(blockedBy(kiosk)).toEqual(['relay-unreachable']);
    const failure = { kind: 'refused', code: 'rate-limited', retryable: true } as const;
    kiosk.take({ kind: 'catch-up-failed', failure });
    expect(blockedBy(kiosk)).toEqual(['rate-limited']);
  });

  test('a catch-up that fails while the ledger is the same stops nobody from buying', () => {
    const kiosk = new Machine();
    for (const code of ['relay-unreachable', 'rate-limited', 'store-down'] as const) {
      kiosk.take({ kind: 'catch-up-failed', failure: { kind: 'lost', code } });
    }
    kiosk.keys('5', '000', 'enter');
    expect(kiosk.at).toBe('charging');
  });
});
