// PROTOCOL.md §3, "Charging and stopping": each sentence as the interleaving that it forbids, with a scripted Midtrans.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { chargeSale } from '../../src/relay/charge.ts';
import {
  about,
  error,
  made,
  qrText,
  startScript,
  type Answer,
  type Script,
} from './scripted-midtrans.ts';

let script: Script;
let saleId: string;
beforeEach(async () => {
  script = await startScript();
  saleId = script.newSale();
});
afterEach(() => script.stop());

/** An answer that comes when the test says so. */
function held(): {
  answer: () => Promise<Answer>;
  asked: Promise<void>;
  give(answer: Answer): void;
} {
  const asked = Promise.withResolvers<undefined>();
  const given = Promise.withResolvers<Answer>();
  return {
    answer() {
      asked.resolve(undefined);
      return given.promise;
    },
    asked: asked.promise,
    give: given.resolve,
  };
}

const running: Answer = { http: 202, json: {} };
const page: Answer = { http: 502, text: '<html>502</html>' };

describe('the row and the attempt', () => {
  test('the row exists before Midtrans is called', async () => {
    script.on('charge', async () => {
      expect(await script.row(saleId)).toMatchObject({ verdict: 'creating', chargeKey: 'key-1' });
      return made(saleId);
    });
    expect((await script.charge(saleId)).verdict).toBe('pending');
  });

  test('one charge lands, the relay has it twice: the same key, the same order, never a second', async () => {
    script.on('charge', 'drop', page, made(saleId));
    expect((await script.charge(saleId)).verdict).toBe('pending');
    expect(script.calls.map(({ kind, id, key }) => [kind, id, key])).toEqual(
      Array(3).fill(['charge', saleId, 'key-1']),
    );
  });

  test('after stop no charge is sent', async () => {
    script.on('charge', made(saleId));
    script.on('cancel', { http: 502, text: '' });
    await script.put(saleId);
    await script.cancel(saleId);
    // Whoever had the attempt in hand when the cancel came, and a PUT that comes again when it is over.
    const repeat = await script.store.move(saleId, { type: 'attempt' });
    expect(repeat?.next).toBe('none');
    script.pass(70_000);
    expect(await script.charge(saleId)).toMatchObject({ verdict: 'creating', stop: 'customer' });
    expect(script.kinds()).toBe('cancel');
  });

  test('a stop between two attempts ends the charging', async () => {
    script.on('charge', async () => {
      await script.store.cancel({
        ...{ type: 'cancel', saleId, kioskId: 'ksk01', amountIdr: 15_000, reason: 'customer' },
      });
      return 'drop' as const;
    });
    script.on('status', error('404'));
    expect((await script.charge(saleId)).verdict).toBe('creating');
    expect(script.kinds()).toBe('charge status');
  });

  test('an answer that arrives after stop is stopped again (M)', async () => {
    const slow = held();
    script.on('charge', slow.answer);
    script.on('cancel', error('404'), about(saleId, '200', 'cancel'));
    script.on('status', error('404'));
    const charging = script.charge(saleId);
    await slow.asked;
    expect((await script.cancel(saleId)).verdict).toBe('creating');
    slow.give(made(saleId));
    expect(await charging).toMatchObject({ verdict: 'cancelled', qrString: null });
    expect(script.kinds()).toBe('charge cancel cancel');
    expect(script.calls.at(-1)?.id).toBe(`charge-of-${saleId}`);
  });

  test('cancelled is not proved while a slow charge may still land (M)', async () => {
    const slow = held();
    script.on('charge', slow.answer);
    script.on('cancel', about(saleId, '200', 'cancel'));
    script.on('status', about(saleId, '200', 'cancel'));
    const charging = script.charge(saleId);
    await slow.asked;
    expect((await script.cancel(saleId)).verdict).toBe('creating');
    script.pass(59_000);
    expect((await script.due(saleId)).verdict).toBe('creating');
    slow.give(made(saleId));
    expect((await charging).verdict).toBe('cancelled');
  });

  test('an attempt ends 60 s after sending: then the answer to the stop counts', async () => {
    script.on('charge', 'drop');
    script.on('cancel', about(saleId, '200', 'cancel'));
    script.on('status', about(saleId, '200', 'cancel'));
    const { row } = await script.put(saleId);
    await script.cancel(saleId);
    script.pass(row.createdAtMs + 58_000 - script.hops.clock.nowMs());
    expect((await script.due(saleId)).verdict).toBe('creating');
    script.pass(2_000);
    expect((await script.due(saleId)).verdict).toBe('cancelled');
  });

  test('an attempt ends with its answer: then the stop counts at once', async () => {
    script.on('charge', error('500'));
    script.on('status', error('404'));
    script.on('cancel', about(saleId, '200', 'cancel'));
    const row = await script.charge(saleId);
    expect(row).toMatchObject({ verdict: 'creating', sentAtMs: null });
    expect((await script.cancel(saleId)).verdict).toBe('cancelled');
  });
});

describe('what was never sent', () => {
  const unsent = { kind: 'unsent', why: 'unreachable', detail: '' } as const;
  const event = { type: 'charge-answered', outcome: unsent, merchantId: 'G000000001' } as const;

  test('leaves no doubt: the attempt is over, and the same key may go out again', async () => {
    await script.put(saleId);
    expect(await script.event(saleId, event)).toMatchObject({
      ...{ verdict: 'creating', sentAtMs: null, silentAtMs: null, doubtAtMs: null },
    });
    script.on('charge', made(saleId));
    expect((await script.charge(saleId)).verdict).toBe('pending');
    expect(script.calls).toMatchObject([{ kind: 'charge', key: 'key-1' }]);
  });
  test('takes back nothing of an earlier attempt that is still silent', async () => {
    await script.put(saleId);
    await script.store.move(saleId, { type: 'attempt' });
    await script.event(saleId, event);
    expect((await script.row(saleId)).silentAtMs).not.toBeNull();
    script.on('cancel', about(saleId, '200', 'cancel'));
    expect((await script.cancel(saleId)).verdict).toBe('creating');
  });
});

describe('404', () => {
  test('means "never had" only when given twice, ≥ 5 s apart, with no attempt open', async () => {
    script.on('charge', 'drop');
    script.on('cancel', error('404'));
    script.on('status', error('404'));
    await script.charge(saleId);
    await script.cancel(saleId);
    script.pass(10_000);
    // Twice, far enough apart, but the attempt is open.
    expect((await script.due(saleId)).verdict).toBe('creating');
    script.pass(60_000);
    expect((await script.due(saleId)).verdict).toBe('creating');
    script.pass(4_000);
    expect((await script.due(saleId)).verdict).toBe('creating');
    script.pass(1_000);
    expect((await script.due(saleId)).verdict).toBe('cancelled');
  });

  test('on charge is denied only when status also says 404', async () => {
    script.on('charge', error('404'));
    script.on('status', error('404'));
    expect((await script.charge(saleId)).verdict).toBe('creating');
    script.pass(5_000);
    expect(await script.due(saleId)).toMatchObject({ verdict: 'denied', reason: 'charge-denied' });
  });

  test('on charge while status has it is no denial: it is stopped, its QR is lost', async () => {
    script.on('charge', error('404'));
    script.on('status', about(saleId, '201', 'pending'));
    script.on('cancel', about(saleId, '200', 'cancel'));
    await script.charge(saleId);
    script.pass(5_000);
    expect((await script.due(saleId)).verdict).toBe('cancelled');
    expect(script.kinds()).toBe('charge status cancel');
  });
});

describe('406', () => {
  test('adopts, and stops what is pending without its QR: it is not shown', async () => {
    script.on('charge', error('406'));
    script.on('status', about(saleId, '201', 'pending'));
    script.on('cancel', about(saleId, '200', 'cancel'));
    const row = await script.charge(saleId);
    expect(row).toMatchObject({ verdict: 'cancelled', reason: 'qr-missing', qrString: null });
    expect(script.kinds()).toBe('charge status cancel');
  });
  test('adopts a payment', async () => {
    script.on('charge', error('406'));
    script.on('status', about(saleId, '200', 'settlement'));
    expect((await script.charge(saleId)).verdict).toBe('paid');
  });
  test.each([
    ['amount', { gross_amount: '14000.00' }],
    ['merchant', { merchant_id: 'G000000002' }],
    ['currency', { currency: 'USD' }],
  ])('a payment of another %s is not ours to vend for', async (_name, more) => {
    script.on('charge', error('406'));
    script.on('status', about(saleId, '200', 'settlement', more));
    expect((await script.charge(saleId)).verdict).toBe('paid-late');
  });
  test('404 after it: asked again, never charged anew under another id', async () => {
    script.on('charge', error('406'));
    script.on('status', error('404'), about(saleId, '201', 'pending'));
    script.on('cancel', about(saleId, '200', 'cancel'));
    expect((await script.charge(saleId)).verdict).toBe('creating');
    script.pass(10_000);
    expect((await script.due(saleId)).verdict).toBe('cancelled');
    expect(new Set(script.calls.map(({ id }) => id)).size).toBeLessThanOrEqual(2);
  });
});

describe('what never denies', () => {
  test.each<[string, Answer]>([
    ['429', { http: 429, json: { message: 'API rate limit exceeded' } }],
    ['500', error('500')],
    ['502 as a page', page],
    ['503', error('503')],
    ['a dropped connection', 'drop'],
    ['HTTP 202', running],
    ['408', error('408')],
    ['a 201 without ids', { json: { status_code: '201', transaction_status: 'pending' } }],
  ])(
    '%s to every attempt leaves the verdict, and a later PUT charges again or asks',
    async (_n, answer) => {
      script.on('charge', answer);
      script.on('status', error('404'));
      const row = await script.charge(saleId);
      expect(row).toMatchObject({ verdict: 'creating', reason: null });
      const charges = script.calls.filter(({ kind }) => kind === 'charge');
      expect(charges.length).toBeGreaterThanOrEqual(2);
      expect(charges.length).toBeLessThanOrEqual(3);
      expect(new Set(charges.map(({ key }) => key))).toEqual(new Set(['key-1']));
    },
  );

  test('a refusal after a silent attempt: that one may have landed, so Midtrans is asked', async () => {
    script.on('charge', 'drop', error('402'));
    script.on('status', about(saleId, '200', 'settlement'));
    expect((await script.charge(saleId)).verdict).toBe('paid');
  });
  test('only rate limits: nothing happened, so nothing is asked either', async () => {
    script.on('charge', { http: 429, json: {} });
    await script.charge(saleId);
    expect(script.kinds()).toBe('charge charge');
  });
});

test('reconcile never charges', async () => {
  script.on('charge', error('500'));
  script.on('status', error('404'));
  await script.charge(saleId);
  const charges = (): number => script.calls.filter(({ kind }) => kind === 'charge').length;
  const before = charges();
  for (let i = 0; i < 20; i++) {
    script.pass(10_000);
    await script.due(saleId);
  }
  expect(charges()).toBe(before);
});

test('two relays charge one sale with one key: one order, one QR', async () => {
  const slow = held();
  script.on('charge', slow.answer, made(saleId));
  const { row } = await script.put(saleId);
  const first = chargeSale(script.hops, row);
  await slow.asked;
  // The kiosk repeats its PUT at another relay: the attempt is open, nothing more is sent.
  expect((await script.put(saleId)).next).toBe('none');
  slow.give(made(saleId));
  expect((await first).verdict).toBe('pending');
  expect(script.kinds()).toBe('charge');
});

describe('an answer about somebody else’s charge', () => {
  test('a key that was used before answers with another order: not adopted, its QR not shown', async () => {
    script.on('charge', made('ksk02-01JD0000000000000000000009'));
    script.on('status', error('404'));
    const row = await script.charge(saleId);
    expect(row).toMatchObject({ verdict: 'creating', chargeId: null, qrString: null });
    expect(script.kinds()).toBe('charge status');
    expect(await script.hops.metrics.registry.metrics()).toContain('place="status-foreign"} 1');
  });
  test('a second charge under our own order does not take the place of the one on show', async () => {
    script.on('charge', made(saleId));
    const { chargeId } = await script.charge(saleId);
    const second = { saleId, chargeId: 'another', amountIdr: 15_000, currency: 'IDR' };
    const charge = { ...second, merchantId: 'G000000001' };
    await script.event(saleId, {
      ...{ type: 'charge-answered', merchantId: 'G000000001' },
      outcome: { kind: 'accepted', charge },
      qr: { ok: true, qrString: 'ANOTHER' },
    });
    const row = await script.row(saleId);
    expect(row).toMatchObject({ verdict: 'pending', chargeId, qrString: qrText() });
  });
  test('a denial of another order denies nothing', async () => {
    script.on('charge', about('ksk02-01JD0000000000000000000009', '202', 'deny'));
    script.on('status', error('404'));
    expect(await script.charge(saleId)).toMatchObject({ verdict: 'creating', reason: null });
  });
});

describe('a QR that is wrong is never shown: its charge is cancelled', () => {
  test.each<[string, object, string]>([
    ['CRC', { qr_string: `${qrText().slice(0, -4)}0000` }, 'qr-crc'],
    ['currency', { qr_string: qrText({ '53': '840' }) }, 'qr-currency'],
    ['country', { qr_string: qrText({ '58': 'SG' }) }, 'qr-currency'],
    ['static', { qr_string: qrText({ '01': '11' }) }, 'qr-currency'],
    ['amount', { qr_string: qrText({ '54': '1500.00' }) }, 'qr-amount'],
    [
      'merchant',
      { qr_string: qrText({ '51': '0014ID.CO.QRIS.WWW0216AID10990000000990303UMI' }) },
      'qr-merchant',
    ],
    ['no QR at all', { qr_string: undefined }, 'qr-missing'],
    ['nonsense', { qr_string: 'https://example.com/pay' }, 'qr-malformed'],
    ['the answer’s own amount', { gross_amount: '1500.00' }, 'qr-amount'],
    ['the answer’s own merchant', { merchant_id: 'G000000002' }, 'qr-merchant'],
    ['the answer’s own currency', { currency: 'SGD' }, 'qr-merchant'],
  ])('%s', async (_name, more, reason) => {
    script.on('charge', made(saleId, more));
    script.on('cancel', about(saleId, '200', 'cancel'));
    const row = await script.charge(saleId);
    expect(row).toMatchObject({ verdict: 'cancelled', reason, qrString: null });
    expect(script.kinds()).toBe('charge cancel');
  });
  test('a good one is shown', async () => {
    script.on('charge', made(saleId));
    expect(await script.charge(saleId)).toMatchObject({ verdict: 'pending', qrString: qrText() });
  });
});
