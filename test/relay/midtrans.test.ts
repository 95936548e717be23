// Midtrans' wire, as its reference describes it: every code classified, signatures, times, and a client that never throws.
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { errors } from '../../src/protocol/errors.ts';
import {
  classifyCharge,
  classifyStatus,
  classifyStop,
  type Reply,
} from '../../src/relay/midtrans/classify.ts';
import { createMidtrans } from '../../src/relay/midtrans/client.ts';
import { type Gateway } from '../../src/relay/midtrans/gateway.ts';
import { noticeSignature, readNotice } from '../../src/relay/midtrans/notification.ts';
import { type AnswerBody } from '../../src/relay/midtrans/schemas.ts';
import { grossAmount, parseGrossAmount, parseTime } from '../../src/relay/midtrans/wire.ts';

const serverKey = 'SB-Mid-server-EXAMPLEKEY';

function body(code: string, more: AnswerBody = {}, http = 200): Reply {
  return { kind: 'body', http, code, body: { status_code: code, ...more } };
}

describe('a charge answered with', () => {
  test.each([
    ['400', 'charge-invalid'],
    ['401', 'charge-unauthorised'],
    ['402', 'channel-inactive'],
    ['403', 'charge-invalid'],
    ['405', 'charge-invalid'],
    ['410', 'payer-blocked'],
    ['413', 'charge-invalid'],
  ] as const)('%s is refused for good: %s', (code, reason) => {
    expect(classifyCharge(body(code))).toEqual({ kind: 'refused', code, reason });
    expect(errors[reason].http).toBe(0);
  });
  test.each([
    ['404', 'absent'],
    ['406', 'conflict'],
    ['429', 'try-again'],
    ...['300', '407', '408', '409', '411', '412', '414'].map((code) => [code, 'unknown']),
    ...['500', '501', '502', '503', '504', '505'].map((code) => [code, 'unknown']),
  ])('%s is %s, which denies nothing', (code = '', kind) => {
    expect(classifyCharge(body(code)).kind).toBe(kind);
  });
  test('202 is denied, and with channel code 900 worth another sale', () => {
    const denied = { transaction_status: 'deny' };
    expect(classifyCharge(body('202', denied))).toMatchObject({ reason: 'charge-denied' });
    const later = { ...denied, channel_response_code: '900' };
    expect(classifyCharge(body('202', later))).toMatchObject({ reason: 'charge-try-again' });
  });
  test('201 without an id is unknown, not accepted', () => {
    expect(classifyCharge(body('201'))).toMatchObject({ kind: 'unknown', answered: true });
  });
  test.each([202, 404, 500, 502, 503])('HTTP %i without a body leaves it open', (http) => {
    expect(classifyCharge({ kind: 'no-body', http })).toMatchObject({
      kind: 'unknown',
      answered: false,
    });
  });
});

describe('get-status', () => {
  const found = {
    ...{ transaction_id: 'x', order_id: 's' },
    ...{ gross_amount: '15000.00', transaction_status: 'pending' },
  };
  test.each([
    ['201', 'pending', 'pending'],
    ['200', 'PENDING', 'pending'],
    ['200', 'settlement', 'settled'],
    ['200', 'capture', 'settled'],
    ['200', 'partial_refund', 'refunded'],
    ['407', 'expire', 'expired'],
    ['202', 'deny', 'denied'],
    ['202', 'failure', 'denied'],
    ['200', 'cancel', 'cancelled'],
    ['200', 'refund', 'refunded'],
    ['200', 'authorize', 'other'],
  ])('%s with %s is %s', (code, word, state) => {
    const outcome = classifyStatus(body(code, { ...found, transaction_status: word }));
    const status = { state, amountIdr: 15_000, saleId: 's', chargeId: 'x' };
    expect(outcome).toMatchObject({ kind: 'found', status });
  });
  test('a refund says how much, in full or in part', () => {
    const refundOf = (word: string, amount?: string): unknown => {
      const more = amount === undefined ? {} : { refund_amount: amount };
      const answer = body('200', { ...found, transaction_status: word, ...more });
      const outcome = classifyStatus(answer);
      return outcome.kind === 'found' ? outcome.status.refundedIdr : outcome.kind;
    };
    expect(refundOf('partial_refund', '5000.00')).toBe(5_000);
    expect(refundOf('refund')).toBe(15_000);
    expect(refundOf('settlement', '0.00')).toBe(0);
  });
  test.each([
    ['404', 'absent'],
    ['401', 'rejected'],
    ['429', 'try-again'],
    ['500', 'unknown'],
  ])('%s is %s', (code, kind) => {
    expect(classifyStatus(body(code)).kind).toBe(kind);
  });
});

describe('cancel and expire', () => {
  test.each([
    ['cancel', '200', 'cancel', { kind: 'stopped', as: 'cancelled' }],
    ['expire', '407', 'expire', { kind: 'stopped', as: 'expired' }],
    ['cancel', '412', undefined, { kind: 'conflict' }],
    ['cancel', '404', undefined, { kind: 'absent' }],
    ['cancel', '401', undefined, { kind: 'rejected' }],
    ['cancel', '402', undefined, { kind: 'rejected' }],
    ['cancel', '429', undefined, { kind: 'try-again' }],
    ['cancel', '500', undefined, { kind: 'unknown' }],
    ['cancel', '200', 'settlement', { kind: 'conflict' }],
  ] as const)('%s answered %s %s', (verb, code, word, expected) => {
    const more = word === undefined ? {} : { transaction_status: word };
    expect(classifyStop(body(code, more), verb)).toMatchObject(expected);
  });
});

describe('amounts and times', () => {
  test('rupiah travel as text with two decimals, whole ones only', () => {
    expect(grossAmount(15_000)).toBe('15000.00');
    expect(parseGrossAmount('15000.00')).toBe(15_000);
    expect(parseGrossAmount('15000')).toBe(15_000);
    for (const text of ['15000.50', '-1.00', '1e3', '', undefined]) {
      expect(parseGrossAmount(text)).toBeUndefined();
    }
  });
  test('times are GMT+7 without saying so', () => {
    expect(parseTime('2026-01-01 10:00:00')).toBe(Date.parse('2026-01-01T03:00:00Z'));
    expect(parseTime('yesterday')).toBeUndefined();
  });
});

describe('a notification', () => {
  const order = { order_id: 'KSK01-20260101-0001', gross_amount: '15000.00' };
  test.each([
    [
      '200',
      'ca262c8d95cc64c055f9ccda60a65ddede10afd01b7f51c7fc06a07eb41806178e25bdfb73e2c410e8ddd57149669c46ff500b93177ec98bcdf073864757cd01',
    ],
    [
      '201',
      '049b6ec52889f4b7ebeb0ba84fdc250434d8e9e95c545c2f286eb79aeb5be3a64b99270ecb72a57edc91c3257b6e1acae2320ad27cbbb5523dda65e63bfb8e4b',
    ],
    [
      '202',
      'b09579f6cf5a4d248f91188e2cd4eb8d46f9327b427d9d30bca722014918e4242bd39db3b830cf34b32287ee40e11bfc02e16e470800d64c50566f948968d181',
    ],
  ])('signed with code %s has the reference signature', (status_code, signature) => {
    expect(noticeSignature({ ...order, status_code }, serverKey)).toBe(signature);
  });

  const signed = { ...order, status_code: '200', transaction_status: 'settlement' };
  const read = (json: unknown): string =>
    readNotice(Buffer.from(JSON.stringify(json)), serverKey).kind;
  const signature_key = noticeSignature(signed, serverKey);

  test('is authentic only with its own signature over its own strings', () => {
    expect(read({ ...signed, signature_key })).toBe('authentic');
    expect(read({ ...signed, signature_key: signature_key.replace('c', 'd') })).toBe('forged');
    expect(read({ ...signed, signature_key: '' })).toBe('forged');
    expect(read({ ...signed, gross_amount: '15000', signature_key })).toBe('forged');
    expect(read({ ...signed, status_code: '201', signature_key })).toBe('forged');
  });
  test('with numbers for strings, or no JSON at all, is malformed', () => {
    expect(read({ ...signed, status_code: 200, signature_key })).toBe('malformed');
    expect(read([])).toBe('malformed');
    expect(readNotice(Buffer.from('order_id=1'), serverKey).kind).toBe('malformed');
    expect(readNotice(Buffer.from([0xff, 0xfe]), serverKey).kind).toBe('malformed');
  });
});

describe('the client', () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });

  async function midtransThat(answers: RequestListener): Promise<Gateway> {
    const listening = createServer(answers);
    server = listening;
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
    const { port } = listening.address() as AddressInfo;
    return createMidtrans({
      ...{ baseUrl: `http://127.0.0.1:${port}`, serverKey, paymentType: 'qris', acquirer: 'gopay' },
      notificationUrl: 'https://relay.example.id/v1/notifications/midtrans',
      expiryMinutes: 15,
      timeouts: { chargeMs: 300, askMs: 300 },
    });
  }
  const order = {
    saleId: 'ksk01-01JD0000000000000000000000',
    kioskId: 'ksk01',
    amountIdr: 1,
    items: [],
  };

  test('charges with Basic auth, its key, the notification address and no order_time', async () => {
    let seen: unknown;
    const gateway = await midtransThat((request, response) => {
      let text = '';
      request.on('data', (chunk: Buffer) => (text += chunk.toString()));
      request.on('end', () => {
        seen = { url: request.url, headers: request.headers, body: JSON.parse(text) as unknown };
        response.end('{"status_code":"406"}');
      });
    });
    expect(await gateway.charge(order, 'a-key')).toEqual({ kind: 'conflict' });
    expect(seen).toMatchObject({
      url: '/v2/charge',
      headers: {
        authorization: 'Basic U0ItTWlkLXNlcnZlci1FWEFNUExFS0VZOg==',
        'idempotency-key': 'a-key',
        'x-override-notification': 'https://relay.example.id/v1/notifications/midtrans',
      },
      body: {
        payment_type: 'qris',
        transaction_details: { order_id: order.saleId, gross_amount: 1 },
        qris: { acquirer: 'gopay' },
        custom_expiry: { expiry_duration: 15, unit: 'minute' },
      },
    });
  });
  test.each<[string, RequestListener]>([
    ['a page of HTML', (_q, r) => r.writeHead(503, { 'content-type': 'text/html' }).end('<html>')],
    ['nothing for too long', () => undefined],
    ['a closed connection', (q) => q.socket.destroy()],
    ['a redirect', (_q, r) => r.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()],
    ['far too much', (_q, r) => r.end('x'.repeat(100_000))],
    ['HTTP 202 while the key is running', (_q, r) => r.writeHead(202).end('{"status_code":"202"}')],
  ])('takes %s for an unknown outcome', async (_name, answers) => {
    const gateway = await midtransThat(answers);
    const outcome = await gateway.charge(order, 'a-key');
    expect(outcome).toMatchObject({ kind: 'unknown', answered: false });
    expect(JSON.stringify(outcome)).not.toContain(serverKey);
  });
  test('takes a rate limit without a status_code for "try again"', async () => {
    const gateway = await midtransThat((_q, r) =>
      r.writeHead(429).end('{"message":"API rate limit exceeded"}'),
    );
    expect((await gateway.charge(order, 'k')).kind).toBe('try-again');
  });
  test('fetches pictures from Midtrans alone, and never with the key', async () => {
    let authorization: string | undefined = 'unasked';
    const gateway = await midtransThat((request, response) => {
      authorization = request.headers.authorization;
      response.writeHead(200, { 'content-type': 'image/png' }).end('png');
    });
    const { port } = server?.address() as AddressInfo;
    expect((await gateway.image(`http://127.0.0.1:${port}/x`)).kind).toBe('image');
    expect(authorization).toBeUndefined();
    for (const url of [
      'https://example.com/x',
      'http://api.midtrans.com/x',
      'file:///etc/passwd',
    ]) {
      expect((await gateway.image(url)).kind).toBe('unavailable');
    }
  });
});
