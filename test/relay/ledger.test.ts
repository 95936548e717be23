// The ledger as a table: verdict × event → verdict, what is done at Midtrans next, and which claim opens.
import { describe, expect, test } from 'vitest';
import { isOpen, mayFollow, verdicts, type Verdict } from '../../src/protocol/verdict.ts';
import { decide, type LedgerEvent } from '../../src/relay/ledger.ts';
import { type Decision } from '../../src/relay/ledger-rules.ts';
import { type StatusOutcome } from '../../src/relay/midtrans/gateway.ts';
import { type SaleRow } from '../../src/relay/sale-row.ts';
import { at, fresh, merchantId, put, rowOf, saleId, status, summary, told } from './ledger-rows.ts';

const answers: Record<string, StatusOutcome> = {
  pending: status('pending'),
  settled: status('settled'),
  refunded: status('refunded', { refundedIdr: 15_000, refundConfirmed: true }),
  partly: status('refunded', { refundedIdr: 5_000 }),
  denied: status('denied'),
  cancelled: status('cancelled'),
  expired: status('expired'),
  absent: { kind: 'absent' },
  unknown: { kind: 'unknown', answered: false, detail: '' },
  rejected: { kind: 'rejected', code: '401', detail: '' },
};

describe('what get-status does to each verdict', () => {
  // verdict: answer → verdict, next call, claim (+ opened [with another amount], = what is left of it, - closed)
  const table = `
    creating pending   -> creating cancel
    creating settled   -> paid none
    creating refunded  -> paid-late status
    creating partly    -> paid-late none +late 10000
    creating denied    -> denied none
    creating cancelled -> cancelled none
    creating expired   -> expired none
    pending pending    -> pending none
    pending settled    -> paid none
    pending refunded   -> paid-late status
    pending partly     -> paid-late none +late 10000
    pending denied     -> denied none
    pending cancelled  -> cancelled none
    pending expired    -> expired none
    paid pending       -> paid none
    paid settled       -> paid none
    paid refunded      -> refunded none -refunded
    paid partly        -> paid none =10000
    paid denied        -> paid none
    paid cancelled     -> paid none
    paid expired       -> paid none
    denied pending     -> denied cancel
    denied settled     -> paid-late none +late
    denied refunded    -> paid-late status
    denied partly      -> paid-late none +late 10000
    denied denied      -> denied none
    denied cancelled   -> denied none
    denied expired     -> denied none
    cancelled pending  -> cancelled cancel
    cancelled settled  -> paid-late none +late
    cancelled refunded -> paid-late status
    cancelled partly   -> paid-late none +late 10000
    cancelled denied   -> cancelled none
    cancelled cancelled -> cancelled none
    cancelled expired  -> cancelled none
    expired pending    -> expired cancel
    expired settled    -> paid-late none +late
    expired refunded   -> paid-late status
    expired partly     -> paid-late none +late 10000
    expired denied     -> expired none
    expired cancelled  -> expired none
    expired expired    -> expired none
    paid-late pending  -> paid-late none
    paid-late settled  -> paid-late none
    paid-late refunded -> refunded none -refunded
    paid-late partly   -> paid-late none =10000
    paid-late denied   -> paid-late none
    paid-late cancelled -> paid-late none
    paid-late expired  -> paid-late none
    refunded pending   -> refunded none
    refunded settled   -> refunded none
    refunded denied    -> refunded none
    refunded cancelled -> refunded none
    refunded expired   -> refunded none
    refunded partly    -> refunded none
    refunded refunded  -> refunded none -refunded`;
  const rows = table
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/ +-> /));

  test.each(rows)('%s -> %s', (given = '', expected = '') => {
    const [verdict, answer = ''] = given.split(/ +/);
    const outcome = answers[answer];
    if (outcome === undefined) throw new Error(answer);
    const decision = told(rowOf(verdict as Verdict), outcome);
    expect(summary(decision)).toBe(expected);
    expect(decision.moved).toBe(decision.row.verdict !== verdict);
  });

  test('the table holds every verdict with every state', () => {
    const states = Object.keys(answers).filter((name) => answers[name]?.kind === 'found');
    expect(rows).toHaveLength(verdicts.length * states.length);
  });

  test.each(verdicts)('%s: no answer, 401 and 404 of a known charge change nothing', (verdict) => {
    for (const name of ['absent', 'unknown', 'rejected']) {
      expect(summary(told(rowOf(verdict), answers[name] ?? status('other')))).toBe(
        `${verdict} none`,
      );
    }
  });
});

test('the verdict moves by the table of the protocol alone, whatever comes', () => {
  const events: LedgerEvent[] = [
    put,
    { type: 'attempt' },
    { type: 'cancel', saleId, kioskId: 'ksk01', amountIdr: 15_000, reason: 'customer' },
    { type: 'stop-answered', outcome: { kind: 'stopped', as: 'cancelled', chargeId: 'charge-1' } },
    { type: 'noticed' },
    { type: 'fulfilment', result: 'done', detail: null },
    { type: 'fulfilment', result: 'abandoned', detail: null },
    { type: 'life-ended' },
    { type: 'due' },
    { type: 'charge-answered', outcome: { kind: 'conflict' }, merchantId },
    ...Object.values(answers).map((outcome): LedgerEvent => ({
      type: 'status-answered',
      asked: 'charge-1',
      outcome,
      merchantId,
    })),
  ];
  for (const verdict of verdicts) {
    for (const event of events) {
      const { row, moved } = decide(rowOf(verdict), event, at + 1000);
      expect(moved).toBe(row.verdict !== verdict);
      if (moved) expect(mayFollow(verdict, row.verdict)).toBe(true);
    }
  }
});

describe('charging', () => {
  const accepted = (more = {}): LedgerEvent => ({
    type: 'charge-answered',
    merchantId,
    outcome: {
      kind: 'accepted',
      charge: { saleId, chargeId: 'charge-1', amountIdr: 15_000, currency: 'IDR', merchantId },
    },
    qr: { ok: true, qrString: 'QR' },
    ...more,
  });

  test('the row exists, with the attempt, before anything is sent', () => {
    const decision = decide(undefined, put, at);
    expect(decision).toMatchObject({ next: 'charge', row: { sentAtMs: at, chargeKey: 'key-1' } });
  });
  test('an answer with a good QR is pending', () => {
    const decision = decide(fresh(), accepted(), at + 500);
    expect(decision).toMatchObject({ next: 'none', row: { verdict: 'pending', qrString: 'QR' } });
  });
  test.each(['qr-crc', 'qr-amount', 'qr-merchant', 'qr-missing'] as const)(
    'a QR that is wrong (%s) is never shown: the charge is stopped',
    (fault) => {
      const decision = decide(fresh(), accepted({ qr: { ok: false, fault } }), at + 500);
      expect(summary(decision)).toBe('creating cancel');
      expect(decision.row).toMatchObject({ qrString: null, stop: 'qr', reason: fault });
    },
  );
  test('an answer after stop is stopped again', () => {
    const cancel = { saleId, kioskId: 'ksk01', amountIdr: 15_000, reason: 'customer' } as const;
    const stopped = decide(fresh(), { type: 'cancel', ...cancel }, at + 100);
    expect(summary(stopped)).toBe('creating cancel');
    expect(summary(decide(stopped.row, accepted(), at + 500))).toBe('creating cancel');
    expect(decide(stopped.row, { type: 'attempt' }, at + 500).next).toBe('none');
  });
  test('cancelled is not said while a slow charge may still land (M)', () => {
    const row = { ...fresh(), stop: 'customer' as const, stoppedAtMs: at };
    for (const answer of [
      { type: 'stop-answered', outcome: { kind: 'stopped', as: 'cancelled', chargeId: 'x' } },
      { type: 'stop-answered', outcome: { kind: 'absent' } },
      { type: 'status-answered', asked: saleId, outcome: status('cancelled'), merchantId },
    ] as LedgerEvent[]) {
      expect(decide(row, answer, at + 59_000).row.verdict).toBe('creating');
    }
    expect(told(row, status('cancelled'), at + 60_000).row.verdict).toBe('cancelled');
  });
  test('404 means "never had it" only when given twice, five seconds apart', () => {
    const row = { ...fresh(), sentAtMs: null, stop: 'customer' as const, stoppedAtMs: at };
    const once = told(row, { kind: 'absent' }, at).row;
    expect(once.verdict).toBe('creating');
    expect(told(once, { kind: 'absent' }, at + 4_999).row.verdict).toBe('creating');
    expect(told(once, { kind: 'absent' }, at + 5_000).row.verdict).toBe('cancelled');
  });
  test('a refusal is a denial, unless an earlier attempt may have landed', () => {
    const outcome = { kind: 'refused', code: '402', reason: 'channel-inactive' } as const;
    const refused: LedgerEvent = { type: 'charge-answered', outcome, merchantId };
    const denied = decide(fresh(), refused, at);
    expect(denied).toMatchObject({ row: { verdict: 'denied', reason: 'channel-inactive' } });
    expect(denied.alert).toBe('charge-refused');
    expect(summary(decide({ ...fresh(), doubtAtMs: at }, refused, at))).toBe('creating status');
  });
  test.each([
    { kind: 'unknown', answered: false, detail: '' },
    { kind: 'unknown', answered: true, detail: '' },
    { kind: 'try-again', detail: '' },
  ] as const)('%o never denies', (outcome) => {
    const decision = decide(fresh(), { type: 'charge-answered', outcome, merchantId }, at);
    expect(summary(decision)).toBe('creating charge');
  });
  test('406 asks; what is pending without its QR is stopped, not shown', () => {
    const conflict = decide(
      fresh(),
      { type: 'charge-answered', outcome: { kind: 'conflict' }, merchantId },
      at,
    );
    expect(summary(conflict)).toBe('creating status');
    const adopted = told(conflict.row, status('pending'));
    expect(summary(adopted)).toBe('creating cancel');
    expect(adopted.row).toMatchObject({ reason: 'qr-missing', chargeId: 'charge-1' });
  });
});

describe('stopping', () => {
  test('a cancel that loses the race is a payment', () => {
    const row = rowOf('pending', { stop: 'customer', stoppedAtMs: at });
    const refused = decide(row, { type: 'stop-answered', outcome: { kind: 'conflict' } }, at + 1);
    expect(summary(refused)).toBe('pending status');
    expect(summary(told(refused.row, status('settled')))).toBe('paid none');
  });
  test('the deadline expires; a signed settlement that is not confirmed yet holds it back', () => {
    const row = rowOf('pending');
    expect(summary(decide(row, { type: 'due' }, at + 180_000))).toBe('pending expire');
    expect(summary(decide(row, { type: 'due' }, at + 179_999))).toBe('pending status');
    const noticed = decide(row, { type: 'noticed' }, at + 179_000).row;
    expect(summary(decide(noticed, { type: 'due' }, at + 180_000))).toBe('pending status');
    expect(summary(decide(noticed, { type: 'due' }, at + 179_000 + 600_000))).toBe(
      'pending expire',
    );
  });
  test('the first reason wins', () => {
    const first = decide(rowOf('pending'), { type: 'due' }, at + 180_000).row;
    const cancel = { saleId, kioskId: 'ksk01', amountIdr: 15_000, reason: 'customer' } as const;
    expect(decide(first, { type: 'cancel', ...cancel }, at + 180_001).row.stop).toBe('timeout');
  });
  test('a tombstone asks and never cancels; a PUT after it charges nothing', () => {
    const cancel = { saleId, kioskId: 'ksk01', amountIdr: 15_000, reason: 'fault' } as const;
    const tomb = decide(undefined, { type: 'cancel', ...cancel }, at);
    expect(summary(tomb)).toBe('creating status');
    expect(decide(tomb.row, put, at + 1).next).toBe('none');
  });
});

describe('fulfilment', () => {
  const report = (row: SaleRow, result: 'done' | 'failed' | 'unknown' | 'abandoned'): Decision =>
    decide(row, { type: 'fulfilment', result, detail: null }, at + 1000);

  test('the first report wins, unreported may be replaced', () => {
    const done = report(rowOf('paid'), 'done').row;
    expect(report(done, 'done').refusal).toBeUndefined();
    expect(report(done, 'failed').refusal).toBe('fulfilment-mismatch');
    const unreported = decide(rowOf('paid'), { type: 'life-ended' }, at);
    expect(summary(unreported)).toBe('paid none +unreported');
    expect(summary(report(unreported.row, 'done'))).toBe('paid none -honoured');
  });
  test.each(['failed', 'unknown', 'abandoned'] as const)('%s of paid money is a claim', (word) => {
    expect(summary(report(rowOf('paid'), word))).toBe(`paid none +${word}`);
  });
  test('a claim is for what was not paid back yet, and none opens for nothing', () => {
    for (const word of ['failed', 'unknown', 'abandoned'] as const) {
      const partly = rowOf('paid', { refundedIdr: 5_000 });
      expect(summary(report(partly, word))).toBe(`paid none +${word} 10000`);
      const wholly = rowOf('refunded', { refundedIdr: 15_000 });
      expect(summary(report(wholly, word))).toBe('refunded none');
    }
    const life = decide(rowOf('paid', { refundedIdr: 5_000 }), { type: 'life-ended' }, at);
    expect(summary(life)).toBe('paid none +unreported 10000');
  });
  test.each(['failed', 'unknown'] as const)('done after %s is for the operator', (word) => {
    const stored = report(rowOf('paid'), word).row;
    expect(report(stored, 'done')).toMatchObject({
      refusal: 'fulfilment-mismatch',
      alert: 'fulfilment-disputed',
    });
    expect(report(report(rowOf('paid'), 'done').row, word)).toMatchObject({
      row: { fulfilment: 'done', fulfilmentDisputed: word },
      refusal: 'fulfilment-mismatch',
      alert: 'fulfilment-disputed',
    });
  });
  test('what is signed replaces what is not, and is told where it says otherwise of the goods', () => {
    const unsigned = (result: 'done' | 'failed' | 'unknown', row = rowOf('paid')): Decision =>
      decide(row, { type: 'fulfilment', result, detail: null, unsigned: true }, at);
    expect(report(unsigned('failed').row, 'done')).toMatchObject({
      row: { fulfilment: 'done', fulfilmentUnsigned: 0, fulfilmentDisputed: 'failed' },
      alert: 'fulfilment-disputed',
      claim: { do: 'close', as: 'honoured' },
    });
    const agreed = report(unsigned('unknown').row, 'failed');
    expect(agreed.row).toMatchObject({ fulfilment: 'failed', fulfilmentDisputed: null });
    expect(agreed.alert).toBeUndefined();
    // Whoever has the token and not the key calls nobody.
    const forged = unsigned('failed', report(rowOf('paid'), 'done').row);
    expect(forged).toMatchObject({ refusal: 'fulfilment-mismatch', row: { fulfilment: 'done' } });
    expect([forged.alert, forged.row.fulfilmentDisputed]).toEqual([undefined, null]);
  });
  test('an unsigned word before the money moves no money and keeps no goods back', () => {
    const say = (result: 'done' | 'failed' | 'unknown' | 'abandoned'): Decision =>
      decide(rowOf('pending'), { type: 'fulfilment', result, detail: null, unsigned: true }, at);
    for (const result of ['done', 'failed', 'unknown'] as const) {
      expect(say(result)).toMatchObject({ next: 'none', row: { fulfilment: null, stop: null } });
      expect(told(say(result).row, status('settled')).row).toMatchObject({
        ...{ verdict: 'paid', fulfilment: null },
      });
    }
    // No more than anybody's cancel: should the money come all the same, the kiosk decides.
    expect(say('abandoned')).toMatchObject({ next: 'cancel', row: { fulfilment: null } });
  });
  test('an unsigned done of money in hand leaves it in hand, for the kiosk or the day’s claim', () => {
    const event = { type: 'fulfilment', result: 'done', detail: null, unsigned: true } as const;
    const { row } = decide(rowOf('paid'), event, at);
    expect([row.fulfilment, row.fulfilmentUnsigned]).toEqual([null, 0]);
    expect(summary(decide(row, { type: 'life-ended' }, at))).toBe('paid none +unreported');
  });
  test('done of late money is no dispense of ours: nothing is closed, a person looks', () => {
    const late = told(rowOf('expired'), status('settled')).row;
    expect(report(late, 'done')).toMatchObject({
      row: { verdict: 'paid-late', fulfilment: 'done' },
      claim: { do: 'dispute' },
      alert: 'fulfilment-disputed',
    });
  });
  test('done of a sale that nothing came for is told', () => {
    for (const verdict of ['pending', 'cancelled', 'expired'] as const) {
      expect(report(rowOf(verdict), 'done').alert).toBe('goods-without-money');
      expect(report(rowOf(verdict), 'failed').alert).toBeUndefined();
    }
  });
  test('money after done is paid, without a claim (M)', () => {
    const row = rowOf('expired', { fulfilment: 'done' });
    expect(summary(told(row, status('settled')))).toBe('paid none');
  });
  test('abandoned is stopped, and money that comes all the same is a claim', () => {
    const abandoned = report(rowOf('pending'), 'abandoned');
    expect(summary(abandoned)).toBe('pending cancel');
    expect(summary(told(abandoned.row, status('settled')))).toBe('paid-late none +abandoned');
  });
});

test.each(verdicts)('%s: an open sale is always looked at again', (verdict) => {
  const { row } = decide(rowOf(verdict), { type: 'attempt' }, at + 1000);
  if (isOpen(verdict)) expect(row.askAtMs).toBeGreaterThan(at + 1000);
  else if (['denied', 'cancelled', 'expired'].includes(verdict)) expect(row.askAtMs).not.toBeNull();
  else if (verdict === 'paid') expect(row.askAtMs).toBe(row.movedAtMs + 24 * 3_600_000);
  else expect(row.askAtMs).toBeNull();
});
