// Every status_code of Midtrans' reference (§5 to §7) against every call: what each outcome is taken for. Body first.
import { describe, expect, test } from 'vitest';
import {
  classifyCharge,
  classifyRefund,
  classifyStatus,
  classifyStop,
  type Reply,
} from '../../src/relay/midtrans/classify.ts';
import { toReply } from '../../src/relay/midtrans/reply.ts';

const chargeId = '00000000-0000-4000-8000-00000000000a';
const saleId = 'ksk01-01JD0000000000000000000000';

/** As it would come over the wire. */
function reply(json: unknown, http = 200, retryAfter?: string): Reply {
  return toReply(http, Buffer.from(JSON.stringify(json)), retryAfter);
}

function named(code: string, word: string, more: object = {}): object {
  return {
    ...{ status_code: code, transaction_id: chargeId, order_id: saleId, merchant_id: 'G000000001' },
    ...{ gross_amount: '15000.00', currency: 'IDR', transaction_status: word },
    ...more,
  };
}

interface Read {
  kind: string;
  reason?: string;
  as?: string;
  answered?: boolean;
}

/** `refused:<reason>`, `stopped:<how>`; `unknown` as `failed` when Midtrans said so itself, `silent` when it did not. */
function word({ kind, reason, as, answered }: Read): string {
  if (kind === 'unknown') return answered === true ? 'failed' : 'silent';
  return [kind, reason ?? as].filter((part) => part !== undefined).join(':');
}

const calls = {
  charge: (given: Reply) => word(classifyCharge(given)),
  status: (given: Reply) => word(classifyStatus(given)),
  cancel: (given: Reply) => word(classifyStop(given, 'cancel')),
  expire: (given: Reply) => word(classifyStop(given, 'expire')),
  refund: (given: Reply) => word(classifyRefund(given)),
};

describe('an error body with this status_code, for charge / status / cancel / expire / refund', () => {
  const invalid = 'refused:charge-invalid';
  // refused and absent are final for the call; try-again: nothing happened; failed, rejected: unknown, ask.
  const table = `
    300 failed                      failed   failed   failed   failed
    400 ${invalid}                  failed   failed   failed   refused
    401 refused:charge-unauthorised rejected rejected rejected refused
    402 refused:channel-inactive    rejected rejected rejected refused
    403 ${invalid}                  failed   failed   failed   refused
    404 absent                      absent   absent   absent   refused
    405 ${invalid}                  failed   failed   failed   refused
    406 conflict                    failed   failed   failed   duplicate
    408 failed                      failed   failed   failed   refused
    409 failed                      failed   failed   failed   failed
    410 refused:payer-blocked       rejected rejected rejected refused
    411 failed                      failed   failed   failed   refused
    412 failed                      failed   conflict conflict refused
    413 ${invalid}                  failed   failed   failed   refused
    414 failed                      failed   failed   failed   refused
    429 try-again                   try-again try-again try-again try-again
    500 failed                      failed   failed   failed   failed
    501 failed                      failed   failed   failed   failed
    502 failed                      failed   failed   failed   failed
    503 failed                      failed   failed   failed   failed
    504 failed                      failed   failed   failed   failed
    505 failed                      failed   failed   failed   failed`;
  const rows = table
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/ +/));
  const told = (json: unknown, http: number): string[] =>
    Object.values(calls).map((call) => call(reply(json, http)));

  test.each(rows)('%s is %s / %s / %s / %s / %s', (code, ...expected) => {
    const json = { status_code: code, status_message: 'x', id: 'y' };
    expect(told(json, 200)).toEqual(expected);
    // Older paths send the same body with an HTTP status of its own: the body counts.
    expect(told(json, Number(code))).toEqual(expected);
  });
});

describe('success bodies', () => {
  test.each<[keyof typeof calls, object, string]>([
    ['charge', named('201', 'pending'), 'accepted'],
    ['charge', named('200', 'pending'), 'accepted'],
    ['charge', named('202', 'deny'), 'refused:charge-denied'],
    ['charge', named('201', 'deny'), 'refused:charge-denied'],
    ['charge', named('202', 'deny', { fraud_status: 'deny' }), 'refused:charge-denied'],
    ...['101', '112', '132', '201', '901', '902', '903'].map(
      (channel): [keyof typeof calls, object, string] => [
        'charge',
        named('202', 'deny', { channel_response_code: channel }),
        'refused:charge-denied',
      ],
    ),
    ['charge', named('202', 'deny', { channel_response_code: '900' }), 'refused:charge-try-again'],
    ['status', named('201', 'pending'), 'found'],
    ['status', named('200', 'settlement'), 'found'],
    ['status', named('407', 'expire'), 'found'],
    ['status', named('202', 'deny'), 'found'],
    ['cancel', named('200', 'cancel'), 'stopped:cancelled'],
    ['cancel', named('407', 'expire'), 'stopped:expired'],
    ['expire', named('407', 'expire'), 'stopped:expired'],
    ['expire', named('200', 'expire'), 'stopped:expired'],
    ['cancel', named('200', 'settlement'), 'conflict'],
    ['cancel', named('200', 'pending'), 'conflict'],
    ['expire', named('407', 'settlement'), 'conflict'],
    ['cancel', named('202', 'deny'), 'failed'],
    ['refund', named('200', 'refund', { refund_amount: '15000.00' }), 'accepted'],
    ['refund', named('202', 'settlement', { refund_amount: '0.00' }), 'refused'],
  ])('%s %o is %s', (call, json, expected) => {
    expect(calls[call](reply(json))).toBe(expected);
  });
});

describe('what is not in Midtrans’ own words', () => {
  const text = (body: string, http: number): Reply => toReply(http, Buffer.from(body));
  test.each<[string, Reply]>([
    ['an empty body', text('', 200)],
    ['a page of HTML with 200', text('<html><body>200</body></html>', 200)],
    ['a page of HTML with 403, as a firewall sends', text('<html>blocked</html>', 403)],
    ['a page of HTML with 404', text('<html>not here</html>', 404)],
    ['a page of HTML with 502', text('<html>502</html>', 502)],
    ['a redirect', text('', 302)],
    ['HTTP 202 while the key is running', reply({ status_code: '202' }, 202)],
    ['HTTP 202 without a body', text('', 202)],
    ['JSON that was cut off', text('{"status_code":"201","transaction_id":"x', 200)],
    ['JSON of somebody else', reply({ message: 'no Route matched' }, 404)],
    ['a list', reply([named('201', 'pending')])],
    ['null', reply(null)],
    ['a status_code that is a number', reply({ ...named('201', 'pending'), status_code: 201 })],
    ['an amount that is a number', reply({ ...named('201', 'pending'), gross_amount: 15_000 })],
    ['a state that is a number', reply({ ...named('201', 'pending'), transaction_status: 1 })],
    ['an id that is a number', reply({ ...named('201', 'pending'), transaction_id: 7 })],
    ['a merchant that is an object', reply({ ...named('201', 'pending'), merchant_id: {} })],
    ['a fraud mark that is a number', reply({ ...named('200', 'settlement'), fraud_status: 0 })],
  ])('%s is no answer to any call', (_name, given) => {
    for (const call of Object.values(calls)) expect(call(given)).toBe('silent');
  });
  test.each(Object.keys(calls) as (keyof typeof calls)[])(
    '%s: Kong’s 429 has no status_code and is a rate limit all the same',
    (call) => {
      expect(calls[call](reply({ message: 'API rate limit exceeded' }, 429))).toBe('try-again');
      expect(calls[call](toReply(429, Buffer.from('API rate limit exceeded')))).toBe('try-again');
    },
  );
  test('HTTP 202 says that Midtrans lives, a page of a proxy does not', () => {
    expect(classifyCharge(text('', 202))).toMatchObject({ running: true });
    expect(classifyCharge(text('<html>', 502))).not.toHaveProperty('running');
  });
  test('Retry-After is taken over in seconds, up to a minute', () => {
    const wish = (header?: string): unknown => classifyStatus(toReply(429, Buffer.of(), header));
    expect(wish('7')).toMatchObject({ retryAfterMs: 7_000 });
    expect(wish('86400')).toMatchObject({ retryAfterMs: 60_000 });
    for (const header of [undefined, 'soon', '-1', 'Sun, 22 Nov 2026 11:00:00 GMT']) {
      expect(wish(header)).not.toHaveProperty('retryAfterMs');
    }
  });
  test('a connection that could not be made is unsent for every call', () => {
    for (const call of Object.values(calls)) {
      expect(call({ kind: 'unsent', detail: '' })).toBe('unsent');
    }
  });
});

describe('fields', () => {
  test.each(['transaction_id', 'order_id'])('a charge without its %s is not accepted', (name) => {
    const { [name]: _left, ...rest } = { ...named('201', 'pending') } as Record<string, unknown>;
    expect(calls.charge(reply(rest))).toBe('failed');
    expect(calls.charge(reply({ ...rest, [name]: null }))).toBe('failed');
  });
  test.each(['transaction_id', 'transaction_status'])('a status without its %s is none', (name) => {
    const { [name]: _left, ...rest } = named('200', 'settlement') as Record<string, unknown>;
    expect(calls.status(reply(rest))).toBe('failed');
  });
  test('null and a missing field are the same', () => {
    const json = named('200', 'settlement', { fraud_status: null, issuer: null, currency: null });
    const outcome = classifyStatus(reply(json));
    expect(outcome).toMatchObject({ kind: 'found', status: { state: 'settled' } });
    if (outcome.kind === 'found') expect(outcome.status.fraud).toBeUndefined();
  });
  test('what decides nothing may have any type: the money is still seen', () => {
    const odd = { issuer: 5, settlement_time: [], expiry_time: {}, actions: 'x', qr_string: 1 };
    const more = { ...odd, status_message: [], unknown_field: { deep: [1] } };
    expect(calls.status(reply(named('200', 'settlement', more)))).toBe('found');
    expect(calls.charge(reply(named('201', 'pending', more)))).toBe('accepted');
  });
  test.each(['15000.50', '15.000', '1.5e4', '-15000.00', ' 15000.00', '15000,00', ''])(
    'an amount spelled %o is not rupiah, so it is not ours',
    (gross_amount) => {
      const outcome = classifyStatus(reply(named('200', 'settlement', { gross_amount })));
      expect(outcome).toMatchObject({ kind: 'found', status: { amountIdr: undefined } });
    },
  );
  test('the picture is found by its name, never by its place', () => {
    const actions = [
      { name: 'deeplink-redirect', url: 'gojek://x' },
      { name: 'generate-qr-code-v2', url: 'https://merchants-app.midtrans.com/v4/x' },
      { name: 'generate-qr-code', url: 'https://api.midtrans.com/v2/x' },
    ];
    const image = (given: unknown): unknown => {
      const outcome = classifyCharge(reply(named('201', 'pending', { actions: given })));
      return outcome.kind === 'accepted' ? outcome.charge.imageUrl : outcome.kind;
    };
    expect(image(actions)).toBe('https://api.midtrans.com/v2/x');
    expect(image(actions.slice(0, 2))).toBe('https://merchants-app.midtrans.com/v4/x');
    expect(image(actions.slice(0, 1))).toBeUndefined();
  });
  test('expiry_time is preferred, expire_time understood', () => {
    const expiry = (more: object): unknown => {
      const outcome = classifyCharge(reply(named('201', 'pending', more)));
      return outcome.kind === 'accepted' ? outcome.charge.expiresAtMs : outcome.kind;
    };
    const at = Date.parse('2026-01-01T03:15:00Z');
    expect(expiry({ expire_time: '2026-01-01 10:15:00' })).toBe(at);
    const both = { expiry_time: '2026-01-01 10:15:00', expire_time: '2026-01-01 11:15:00' };
    expect(expiry(both)).toBe(at);
  });
});
