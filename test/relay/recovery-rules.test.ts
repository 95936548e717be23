// What a restored relay makes of its own signatures, as tables: never a charge, never a verdict back, no claim on goods
// that are out, and no money that Midtrans has not spoken about.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mayReach, verdicts, type Verdict } from '../../src/protocol/verdict.ts';
import { type Fulfilment } from '../../src/protocol/sale.ts';
import { decide } from '../../src/relay/ledger.ts';
import { recoverSale, type ProvenSale } from '../../src/relay/ledger-recover.ts';
import { type StatusOutcome } from '../../src/relay/midtrans/gateway.ts';
import { type SaleRow } from '../../src/relay/sale-row.ts';
import { at, put, rowOf, status, told } from './ledger-rows.ts';
import { decisionOf, hourMs, later, proven, summary } from './recovery-rows.ts';

const made = (verdict: Verdict, more: Partial<ProvenSale> = {}): SaleRow =>
  decisionOf(recoverSale(undefined, proven(verdict, more), later)).row;

describe('a sale without a row', () => {
  test.each<[Verdict, Fulfilment | undefined, ProvenSale['fulfilment'], string]>([
    ['creating', undefined, undefined, 'made creating -'],
    ['pending', undefined, undefined, 'made pending -'],
    ['pending', undefined, 'abandoned', 'made pending abandoned'],
    ['expired', undefined, undefined, 'made expired -'],
    ['expired', undefined, 'done', 'made expired done'],
    ['denied', undefined, undefined, 'made denied -'],
    ['paid', undefined, undefined, 'made paid -'],
    ['paid', undefined, 'done', 'made paid done -honoured'],
    ['paid', 'done', undefined, 'made paid done -honoured'],
    ['paid', undefined, 'failed', 'made paid failed +failed!'],
    ['paid', 'unknown', undefined, 'made paid unknown +unknown!'],
    ['paid', 'unreported', undefined, 'made paid unreported +unreported!'],
    ['paid', 'unreported', 'done', 'made paid done -honoured'],
    ['paid-late', undefined, undefined, 'made paid-late - +late!'],
    ['paid-late', undefined, 'abandoned', 'made paid-late abandoned +abandoned!'],
    ['paid-late', undefined, 'done', 'made paid-late done -honoured'],
    ['refunded', undefined, 'failed', 'made refunded failed -refunding'],
  ])('signed %s (%s), the kiosk says %s', (verdict, fulfilment, says, expected) => {
    const signed = fulfilment === undefined ? {} : { fulfilment };
    const more = { fulfilment: says, fulfilmentSigned: true } as const;
    const recovery = recoverSale(undefined, proven(verdict, more, signed), later);
    expect(summary(recovery)).toBe(expected);
    expect(decisionOf(recovery).row).toMatchObject({ recovering: 1, chargeKey: null, seq: 0 });
    // The kiosk has proved it: it needs not hear it again.
    expect(decisionOf(recovery)).toMatchObject({ moved: false, row: { askAtMs: later } });
  });

  test('it is never charged, whatever the kiosk sends', () => {
    for (const verdict of verdicts) {
      const row = made(verdict);
      for (const event of [put, { type: 'attempt' }, { type: 'due' }] as const) {
        expect(decide(row, event, later + 1).next).not.toBe('charge');
      }
    }
  });

  test('money does not look younger than it is: unknown stays unknown', () => {
    expect(made('paid').settledAtMs).toBeNull();
    const aged = recoverSale(undefined, proven('paid', {}, { settledAgoMs: 90_000 }), later);
    expect(decisionOf(aged).row.settledAtMs).toBe(at - 90_000);
  });

  test('a QR stays up for what its proof had left, and never longer than a sale of ours', () => {
    const deadline = (expiresInMs?: number): number => {
      const signed = expiresInMs === undefined ? {} : { expiresInMs };
      return decisionOf(recoverSale(undefined, proven('pending', {}, signed), later)).row
        .deadlineAtMs;
    };
    expect(deadline(60_000)).toBe(at + 60_000);
    expect(deadline(9 * hourMs)).toBe(at + 180_000);
    expect(deadline()).toBe(at + 180_000);
  });

  test('one of a former life is served by nobody', () => {
    const former = (verdict: Verdict): string =>
      summary(recoverSale(undefined, proven(verdict, { formerLife: true }), later));
    expect(former('pending')).toBe('made pending abandoned');
    expect(former('paid')).toBe('made paid unreported +unreported!');
    expect(former('expired')).toBe('made expired -');
  });

  test('the first result wins: what we signed, then what the kiosk says', () => {
    const recovery = recoverSale(
      undefined,
      proven('paid', { fulfilment: 'done' }, { fulfilment: 'failed' }),
      later,
    );
    expect(summary(recovery)).toBe('made paid failed +failed!');
    expect(recovery).toMatchObject({ refusal: 'fulfilment-mismatch', disputed: true });
    expect(decisionOf(recovery)).toMatchObject({
      ...{ row: { fulfilmentDisputed: 'done' }, claim: { note: 'disputed-unsigned' } },
      alert: 'fulfilment-disputed',
    });
  });
});

describe('a row of the backup', () => {
  test.each<[Verdict, Partial<SaleRow>, Verdict, ProvenSale['fulfilment'], string]>([
    ['creating', {}, 'pending', undefined, 'merged pending -'],
    ['pending', {}, 'paid', undefined, 'merged paid -'],
    ['pending', {}, 'paid', 'done', 'merged paid done -honoured'],
    ['pending', {}, 'paid', 'failed', 'merged paid failed +failed!'],
    ['pending', {}, 'refunded', undefined, 'merged refunded - -refunding'],
    ['paid-late', {}, 'refunded', undefined, 'merged refunded - -refunding'],
    ['pending', {}, 'expired', undefined, 'merged expired -'],
    ['pending', {}, 'paid-late', undefined, 'merged paid-late - +late!'],
    [
      'pending',
      { fulfilment: 'abandoned' },
      'paid',
      undefined,
      'merged paid-late abandoned +abandoned!',
    ],
    ['expired', {}, 'paid', undefined, 'merged paid-late - +late!'],
    ['expired', {}, 'paid', 'done', 'merged paid done -honoured'],
    ['expired', {}, 'pending', undefined, 'known'],
    ['paid', {}, 'pending', undefined, 'known'],
    ['paid', {}, 'paid', undefined, 'known'],
    ['paid', {}, 'paid', 'done', 'merged paid done -honoured'],
    ['paid', { fulfilment: 'done' }, 'paid', 'done', 'known'],
    ['paid', { fulfilment: 'unreported' }, 'paid', 'done', 'merged paid done -honoured'],
    ['paid', {}, 'expired', undefined, 'merged paid unreported +unreported!'],
    ['paid', { fulfilment: 'done' }, 'expired', undefined, 'known'],
    ['refunded', {}, 'paid', undefined, 'known'],
  ])('%s %j, signed %s, the kiosk says %s', (verdict, more, signed, fulfilment, expected) => {
    const standing = rowOf(verdict, more);
    const before = structuredClone(standing);
    const says = proven(signed, { fulfilment, fulfilmentSigned: true });
    expect(summary(recoverSale(standing, says, later))).toBe(expected);
    expect(standing).toEqual(before);
  });

  test.each<[Verdict, Partial<SaleRow>, Verdict, ProvenSale['fulfilment'], string]>([
    ['pending', {}, 'pending', 'done', 'known'],
    ['pending', {}, 'paid', 'done', 'merged paid - dispute'],
    ['paid', {}, 'paid', 'done', 'known'],
    ['paid', { fulfilment: 'unreported' }, 'paid', 'done', 'known'],
    ['expired', {}, 'paid', 'done', 'merged paid-late - +late!'],
    ['pending', {}, 'paid', 'failed', 'merged paid failed +failed!'],
  ])(
    '%s %j, signed %s; what %s nobody has signed ends nothing',
    (verdict, more, signed, fulfilment, expected) => {
      const recovery = recoverSale(rowOf(verdict, more), proven(signed, { fulfilment }), later);
      expect(summary(recovery)).toBe(expected);
    },
  );

  test('of another amount than signed: refused by name', () => {
    const recovery = recoverSale(rowOf('pending'), proven('paid', {}, { amountIdr: 9 }), later);
    expect(recovery).toEqual({ how: 'known', refusal: 'sale-mismatch', disputed: false });
  });

  test('any signature and any report move it forward only, and twice changes nothing more', () => {
    const reports = [undefined, 'done', 'failed', 'unknown', 'abandoned'] as const;
    const property = fc.property(
      fc.constantFrom(...verdicts),
      fc.constantFrom(null, ...reports.slice(1)),
      fc.constantFrom(...verdicts),
      fc.constantFrom(...reports),
      fc.constantFrom(...reports),
      fc.boolean(),
      (verdict, fulfilment, signed, signedResult, says, formerLife) => {
        const standing = rowOf(verdict, { fulfilment: fulfilment ?? null });
        const signedMore = signedResult === undefined ? {} : { fulfilment: signedResult };
        const sale = proven(signed, { fulfilment: says, formerLife }, signedMore);
        const once = recoverSale(standing, sale, later);
        const row = once.decision?.row ?? standing;
        expect(row.verdict === verdict || mayReach(verdict, row.verdict)).toBe(true);
        if (fulfilment != null) expect(row.fulfilment).toBe(fulfilment);
        if (once.decision?.claim?.do === 'open') {
          expect(once.decision.claim.operatorOnly).toBe(true);
          expect(row.fulfilment).not.toBe('done');
        }
        expect(recoverSale(row, sale, later + 1).how).toBe('known');
      },
    );
    fc.assert(property, { numRuns: 3_000 });
  });
});

describe('while it recovers, Midtrans alone ends that', () => {
  const answered = (row: SaleRow, outcome: StatusOutcome): string => {
    const { row: after, alert, claim, next } = told(row, outcome, later + 1);
    const words = [after.recovering === 1 ? 'recovering' : 'known', after.verdict, next];
    if (claim?.do === 'open') words.push(`+${claim.kind}${claim.operatorOnly ? '!' : ''}`);
    if (claim?.do === 'rest') words.push(`=${claim.amountIdr}`);
    if (claim?.do === 'close' && after.settledIdr !== 15_000) words.push(`-${claim.as}`);
    if (alert !== undefined) words.push(alert);
    return words.join(' ');
  };
  const silence: StatusOutcome = { kind: 'unknown', answered: false, detail: 'timeout' };

  test.each<[Verdict, ProvenSale['fulfilment'], StatusOutcome, string]>([
    ['pending', undefined, status('settled'), 'known paid none'],
    ['pending', 'done', status('settled'), 'known paid none'],
    ['pending', 'abandoned', status('settled'), 'known paid-late none +abandoned!'],
    ['pending', undefined, status('pending'), 'known pending none'],
    ['pending', undefined, status('expired'), 'known expired none'],
    ['creating', undefined, status('settled'), 'known paid none'],
    ['creating', undefined, status('pending'), 'known creating cancel'],
    ['expired', undefined, status('settled'), 'known paid-late none +late!'],
    ['expired', 'done', status('settled'), 'known paid none'],
    ['expired', undefined, status('expired'), 'known expired none'],
    ['paid', undefined, status('settled'), 'known paid none'],
    ['paid', undefined, status('refunded', { refundedIdr: 15_000 }), 'known refunded none'],
    [
      'paid-late',
      undefined,
      status('settled', { amountIdr: 20_000 }),
      'known paid-late none =20000',
    ],
    [
      'paid',
      undefined,
      status('settled', { amountIdr: 20_000 }),
      'known paid none =20000 recovery-contradicted',
    ],
    [
      'paid-late',
      undefined,
      status('refunded', { amountIdr: 14_999, refundedIdr: 14_999 }),
      'known refunded none -refunding',
    ],
    [
      'paid-late',
      undefined,
      status('refunded', { amountIdr: 20_000, refundedIdr: 15_000 }),
      'known paid-late none =5000',
    ],
    ['paid', undefined, status('expired'), 'known paid none recovery-contradicted'],
    ['paid', undefined, status('pending'), 'known paid none recovery-contradicted'],
    ['refunded', undefined, status('settled'), 'known refunded none recovery-contradicted'],
    ['paid', undefined, silence, 'recovering paid none'],
    ['pending', undefined, silence, 'recovering pending none'],
    [
      'pending',
      undefined,
      { kind: 'rejected', code: '401', detail: '' },
      'recovering pending none',
    ],
    ['pending', undefined, status('other'), 'recovering pending none'],
    [
      'pending',
      undefined,
      status('settled', { saleId: 'other' }),
      'recovering pending none status-foreign',
    ],
  ])('signed %s, reported %s: %j', (verdict, fulfilment, outcome, expected) => {
    const row = made(verdict, { fulfilment, fulfilmentSigned: true });
    expect(answered(row, outcome)).toBe(expected);
  });

  test('a signed refund of another sum than the sale’s gives back what was paid, no more', () => {
    const outcome = status('refunded', { amountIdr: 14_999, refundedIdr: 14_999 });
    const { row } = told(made('refunded'), outcome, later + 1);
    expect(row).toMatchObject({ settledIdr: 14_999, refundedIdr: 14_999 });
  });

  test('an answer about another charge changes no sum', () => {
    const row = { ...made('paid'), chargeId: 'charge-1' };
    const outcome = status('settled', { chargeId: 'charge-2', amountIdr: 20_000 });
    expect(told(row, outcome, later + 1).row.settledIdr).toBe(15_000);
  });

  test('"never had it" counts when it was said twice, far enough apart', () => {
    const twice = (verdict: Verdict, sinceMs = later): string => {
      const once = told(made(verdict), { kind: 'absent' }, sinceMs);
      const soon = told(once.row, { kind: 'absent' }, sinceMs + 4_999);
      expect([once.row.recovering, soon.row.recovering]).toEqual([1, 1]);
      const { row, alert } = told(soon.row, { kind: 'absent' }, sinceMs + 5_000);
      return `${row.recovering} ${row.verdict} ${alert ?? ''}`.trim();
    };
    expect(twice('pending')).toBe('0 cancelled');
    expect(twice('expired')).toBe('0 expired');
    expect(twice('paid')).toBe('0 paid recovery-contradicted');
    // A charge that was on its way when the relay died may land for a minute.
    const early = told(made('creating'), { kind: 'absent' }, later + 59_999);
    expect(early.row).toMatchObject({ recovering: 1, absentAtMs: null });
    expect(twice('creating', later + 60_000)).toBe('0 cancelled');
  });

  test('Midtrans is asked first, before a deadline stops it and although it is paid', () => {
    const charged = decisionOf(recoverSale(rowOf('creating'), proven('pending'), later)).row;
    for (const row of [charged, made('pending'), made('paid'), made('expired')]) {
      expect(decide(row, { type: 'due' }, later + hourMs).next).toBe('status');
    }
  });

  test('it is asked about again and again, by nobody’s deadline', () => {
    let row = made('pending');
    for (let i = 0; i < 400; i++) {
      const nowMs = row.askAtMs ?? Infinity;
      const due = decide(row, { type: 'due' }, nowMs);
      expect(due.next).toBe('status');
      row = told(due.row, silence, nowMs).row;
      expect((row.askAtMs ?? Infinity) - nowMs).toBeLessThanOrEqual(10_000);
    }
    expect(row).toMatchObject({ recovering: 1, verdict: 'pending' });
  });

  test('settled, and Midtrans names no time: it counts on the day on which we learnt of it', () => {
    const signed = made('paid');
    expect(signed.settledAtMs).toBeNull();
    const learnt = told(signed, status('settled'), later + 1).row;
    expect(learnt).toMatchObject({ settledAtMs: later + 1, settledLearnt: 1, recovering: 0 });
    const named = told(signed, status('settled', { settledAtMs: at }), later + 1).row;
    expect(named).toMatchObject({ settledAtMs: at, settledLearnt: 0 });
    // What our own signature says of its age is no guess.
    const aged = { ...signed, settledAtMs: at + 7 };
    expect(told(aged, status('settled'), later + 1).row).toMatchObject({
      ...{ settledAtMs: at + 7, settledLearnt: 0 },
    });
  });

  test('what the kiosk does meanwhile puts off no question', () => {
    const row = made('paid');
    const event = { type: 'fulfilment', result: 'done', detail: null } as const;
    expect(decide(row, event, later + 1).row.askAtMs).toBe(later);
    expect(decide({ ...row, askAtMs: null }, event, later).row.askAtMs).toBe(later + 10_000);
  });

  test('what the kiosk reports meanwhile opens no claim that pays itself', () => {
    const event = { type: 'fulfilment', result: 'failed', detail: null } as const;
    expect(decide(made('paid'), event, later).claim).toMatchObject({ operatorOnly: true });
    const known = { ...made('paid'), recovering: 0 };
    expect(decide(known, event, later).claim).toMatchObject({ operatorOnly: false });
  });
});
