// PROTOCOL.md §2 and §3, stopping: what proves that a charge is dead, and what only looks like it. A scripted Midtrans.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { about, error, made, startScript, type Answer, type Script } from './scripted-midtrans.ts';

let script: Script;
let saleId: string;
let chargeId: string;
beforeEach(async () => {
  script = await startScript();
  saleId = script.newSale();
  chargeId = `charge-of-${saleId}`;
  script.on('charge', made(saleId));
});
afterEach(() => script.stop());

const rateLimit: Answer = { http: 429, json: { message: 'API rate limit exceeded' } };
const page: Answer = { http: 503, text: '<html>503</html>' };

describe('a cancel answered with', () => {
  test.each<[string, Answer]>([
    ['401', error('401')],
    ['402', error('402')],
    ['410', error('410')],
    ['429', rateLimit],
    ['500', error('500')],
    ['502', error('502')],
    ['503 as a page', page],
    ['nothing', 'drop'],
    ['HTTP 202', { http: 202, json: {} }],
    ['an empty body', { text: '' }],
  ])('%s is unknown, not dead; the next one ends it', async (_name, answer) => {
    script.on('cancel', answer, about(saleId, '200', 'cancel'));
    await script.charge(saleId);
    expect(await script.cancel(saleId)).toMatchObject({ verdict: 'pending', stop: 'customer' });
    expect((await script.due(saleId)).verdict).toBe('cancelled');
  });
  test.each(['401', '402'])('%s calls the operator', async (code) => {
    script.on('cancel', error(code));
    await script.charge(saleId);
    await script.cancel(saleId);
    expect(await script.hops.metrics.registry.metrics()).toContain(
      'place="midtrans-rejects-us"} 1',
    );
  });
  test('407 is success: it had expired', async () => {
    script.on('cancel', about(saleId, '407', 'expire'));
    await script.charge(saleId);
    expect((await script.cancel(saleId)).verdict).toBe('expired');
  });
  test('404 for a charge that we were told of proves nothing', async () => {
    script.on('cancel', error('404'));
    await script.charge(saleId);
    await script.cancel(saleId);
    script.pass(60_000);
    expect((await script.due(saleId)).verdict).toBe('pending');
  });
});

describe('412 asks at once', () => {
  test.each([
    ['200', 'cancel', 'cancelled'],
    ['407', 'expire', 'expired'],
    ['200', 'settlement', 'paid'],
    ['202', 'deny', 'denied'],
  ])('%s %s is %s', async (code, state, verdict) => {
    script.on('cancel', error('412'));
    script.on('status', about(saleId, code, state));
    await script.charge(saleId);
    expect((await script.cancel(saleId)).verdict).toBe(verdict);
    expect(script.kinds()).toBe('charge cancel status');
  });
  test('pending is retried, a bounded number of times, and again when it is due', async () => {
    script.on('cancel', error('412'));
    script.on('status', about(saleId, '201', 'pending'));
    await script.charge(saleId);
    expect((await script.cancel(saleId)).verdict).toBe('pending');
    expect(script.kinds()).toBe('charge cancel status cancel status');
    script.on('cancel', about(saleId, '200', 'cancel'));
    expect((await script.due(saleId)).verdict).toBe('cancelled');
  });
  test('cancel of another transaction of this order is not our charge’s end', async () => {
    script.on('cancel', error('412'));
    script.on('status', about(saleId, '200', 'cancel', { transaction_id: 'another' }));
    await script.charge(saleId);
    expect((await script.cancel(saleId)).verdict).toBe('pending');
  });
  test('status away: the verdict stays', async () => {
    script.on('cancel', error('412'));
    script.on('status', page);
    await script.charge(saleId);
    expect((await script.cancel(saleId)).verdict).toBe('pending');
  });
});

describe('dead is only the charge that the answer names', () => {
  test.each<[string, object]>([
    ['another order', { order_id: 'ksk02-01JD0000000000000000000009' }],
    ['another transaction', { transaction_id: 'another' }],
    ['neither order nor transaction', { order_id: undefined, transaction_id: undefined }],
  ])('a success that names %s: Midtrans is asked, and it is still payable', async (_name, more) => {
    script.on('cancel', about(saleId, '200', 'cancel', more));
    script.on('status', about(saleId, '201', 'pending'));
    await script.charge(saleId);
    expect((await script.cancel(saleId)).verdict).toBe('pending');
    expect(script.kinds()).toContain('cancel status');
  });
  test('a success that names it by one of its two names is enough', async () => {
    script.on('cancel', about(saleId, '200', 'cancel', { order_id: undefined }));
    await script.charge(saleId);
    expect((await script.cancel(saleId)).verdict).toBe('cancelled');
  });
  test('a 200 that says settlement is no success: paid', async () => {
    script.on('cancel', about(saleId, '200', 'settlement'));
    script.on('status', about(saleId, '200', 'settlement'));
    await script.charge(saleId);
    expect((await script.cancel(saleId)).verdict).toBe('paid');
  });
});

describe('a tombstone (cancel before create)', () => {
  test('asks and never cancels; cancelled only after Midtrans has said 404 twice', async () => {
    script.on('status', error('404'));
    expect((await script.cancel(saleId)).verdict).toBe('creating');
    script.pass(4_000);
    expect((await script.due(saleId)).verdict).toBe('creating');
    script.pass(1_500);
    expect((await script.due(saleId)).verdict).toBe('cancelled');
    expect(script.kinds()).toBe('status status status');
  });
  test('then a late PUT is answered cancelled, charges nothing and is no mismatch', async () => {
    script.on('status', error('404'));
    await script.cancel(saleId);
    const late = await script.put(saleId);
    expect(late).toMatchObject({ next: 'none', row: { verdict: 'creating', stop: 'customer' } });
    expect(late.refusal).toBeUndefined();
    script.pass(5_500);
    await script.due(saleId);
    expect((await script.put(saleId)).row.verdict).toBe('cancelled');
    expect(script.kinds()).not.toContain('charge');
  });
  test('with another amount, cancel or PUT, is refused', async () => {
    script.on('status', error('404'));
    await script.cancel(saleId);
    const cancel = { type: 'cancel', saleId, kioskId: 'ksk01', reason: 'fault' } as const;
    const other = await script.store.cancel({ ...cancel, amountIdr: 1 });
    expect(other.refusal).toBe('sale-mismatch');
  });
  test('whose charge landed all the same (another life of the card) is stopped', async () => {
    script.on('status', about(saleId, '201', 'pending'));
    script.on('cancel', about(saleId, '200', 'cancel'));
    expect((await script.cancel(saleId)).verdict).toBe('cancelled');
    expect(script.calls.at(-1)).toMatchObject({ kind: 'cancel', id: chargeId });
  });
  test('while Midtrans is silent it stays as it is', async () => {
    script.on('status', page);
    for (let i = 0; i < 3; i++) {
      expect((await script.cancel(saleId)).verdict).toBe('creating');
      script.pass(10_000);
    }
  });
});

describe('the deadline', () => {
  test('is the relay’s: it calls expire, by the transaction id', async () => {
    script.on('expire', about(saleId, '407', 'expire'));
    await script.charge(saleId);
    script.pass(180_000);
    expect((await script.due(saleId)).verdict).toBe('expired');
    expect(script.calls.at(-1)).toMatchObject({ kind: 'expire', id: chargeId });
  });
  test('412 → status → the truth: paid a moment before', async () => {
    script.on('expire', error('412'));
    script.on('status', about(saleId, '200', 'settlement'));
    await script.charge(saleId);
    script.pass(180_000);
    expect((await script.due(saleId)).verdict).toBe('paid');
  });
  test('no expire while a signed settlement is unconfirmed', async () => {
    script.on('status', about(saleId, '201', 'pending'));
    await script.charge(saleId);
    await script.store.move(saleId, { type: 'noticed' });
    script.pass(181_000);
    expect(await script.due(saleId)).toMatchObject({ verdict: 'pending', stop: null });
    expect(script.kinds()).toBe('charge status');
    script.on('status', about(saleId, '200', 'settlement'));
    expect((await script.due(saleId)).verdict).toBe('paid');
  });
  test('the first reason wins: a cancel after it does not make it a cancel', async () => {
    script.on('expire', page, about(saleId, '407', 'expire'));
    await script.charge(saleId);
    script.pass(180_000);
    await script.due(saleId);
    expect(await script.cancel(saleId)).toMatchObject({ verdict: 'expired', stop: 'timeout' });
  });
});

test('paid in the race with cancel is paid: the money counts, not the wish', async () => {
  script.on('cancel', error('412'));
  script.on('status', about(saleId, '201', 'pending'), about(saleId, '200', 'settlement'));
  await script.charge(saleId);
  expect(await script.cancel(saleId)).toMatchObject({ verdict: 'paid', stop: 'customer' });
});

test('a stop asked for twice at once is one stop', async () => {
  script.on('cancel', about(saleId, '200', 'cancel'), error('412'));
  script.on('status', about(saleId, '200', 'cancel'));
  await script.charge(saleId);
  const rows = await Promise.all([script.cancel(saleId), script.cancel(saleId)]);
  expect(rows.map((row) => row.verdict)).toEqual(['cancelled', 'cancelled']);
});

test('each stop has a key of its own: keys are global at Midtrans', async () => {
  script.on('cancel', error('500'));
  await script.charge(saleId);
  await script.cancel(saleId);
  await script.due(saleId);
  const keys = script.calls.map(({ key }) => key);
  expect(keys).toHaveLength(3);
  expect(new Set(keys).size).toBe(3);
});

describe('a dead charge', () => {
  test('is asked about until its expiry and 24 h, ever less often; then never again', async () => {
    const expiry = { expiry_time: '2020-01-01 00:00:00' };
    script.on('charge', made(saleId, expiry));
    script.on('cancel', about(saleId, '200', 'cancel'));
    script.on('status', about(saleId, '200', 'cancel'));
    await script.charge(saleId);
    const first = await script.cancel(saleId);
    let row = first;
    let asked = 0;
    let slowestMs = 0;
    while (row.askAtMs !== null && asked < 200) {
      const waitMs = row.askAtMs - script.hops.clock.nowMs();
      slowestMs = Math.max(slowestMs, waitMs);
      expect(waitMs).toBeGreaterThan(55_000);
      script.pass(waitMs);
      row = await script.due(saleId);
      asked++;
    }
    expect(row.verdict).toBe('cancelled');
    expect(asked).toBeLessThan(60);
    expect(slowestMs).toBeLessThanOrEqual(3_602_000);
    const watchedMs = script.hops.clock.nowMs() - first.createdAtMs;
    expect(watchedMs).toBeGreaterThan(24 * 3_600_000);
    expect(watchedMs).toBeLessThan(26.5 * 3_600_000);
  });
  test('that is pending again is stopped again', async () => {
    script.on('cancel', about(saleId, '200', 'cancel'));
    script.on('status', about(saleId, '201', 'pending', { transaction_id: 'landed-late' }));
    await script.charge(saleId);
    await script.cancel(saleId);
    script.on('status', about(saleId, '201', 'pending'));
    await script.due(saleId);
    expect(script.kinds()).toBe('charge cancel status cancel');
  });
  test('that was paid all the same is paid-late, with a claim', async () => {
    script.on('cancel', about(saleId, '200', 'cancel'));
    script.on('status', about(saleId, '200', 'settlement'));
    await script.charge(saleId);
    await script.cancel(saleId);
    expect((await script.due(saleId)).verdict).toBe('paid-late');
    expect(await script.store.claim(saleId)).toMatchObject({ state: 'open', amountIdr: 15_000 });
  });
});
