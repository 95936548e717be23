// Exact interleavings: the payment in the race with an end, faults by order, by number and by rate, and scripts.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Attempt } from '../../src/twin/retry-table.ts';
import { VirtualClock } from '../../src/twin/virtual-clock.ts';
import {
  authorization,
  chargeBody,
  morningMs,
  settle,
  testTwin,
  type Called,
  type TestTwin,
} from './setting.ts';

const order = 'KSK01-1';
let own: TestTwin;
/** What the merchant heard: state by state. */
let told: string[];
beforeEach(async () => {
  told = [];
  const post = (_url: string, text: string): Promise<Attempt> => {
    const body = JSON.parse(text) as Record<string, unknown>;
    told.push(String(body['transaction_status']));
    return Promise.resolve({ kind: 'answered', http: 200 });
  };
  own = await testTwin(
    { notificationUrl: 'http://shop.test/' },
    { post, clock: new VirtualClock(morningMs) },
  );
});
afterEach(() => own[Symbol.asyncDispose]());

async function plant(...faults: unknown[]): Promise<void> {
  expect((await own.call('POST', '/_twin/faults', faults)).http).toBe(200);
}
const charge = (orderId = order): Promise<Called> =>
  own.call('POST', '/v2/charge', chargeBody(orderId));
const code = async (method: 'GET' | 'POST', what: string, id = order): Promise<unknown> =>
  (await own.call(method, `/v2/${id}/${what}`)).body['status_code'];
const state = async (): Promise<unknown> =>
  (await own.call('GET', `/v2/${order}/status`)).body['transaction_status'];
/** What is due at once has happened: the clock stands, so nothing else does. */
const soon = async (): Promise<void> => {
  await settle();
  await settle();
};

describe.each(['cancel', 'expire'])('the customer pays in the race with %s', (how) => {
  test('just before it is decided: 412, and the settlement is the truth', async () => {
    await charge();
    await plant({ on: how, do: { kind: 'pay', when: 'before' } });
    expect(await code('POST', how)).toBe('412');
    expect(await state()).toBe('settlement');
    await soon();
    expect(told).toEqual(['pending', 'settlement']);
  });

  test('just after: it says success, and the money is there all the same', async () => {
    await charge();
    await plant({ on: how, do: { kind: 'pay', when: 'after', issuer: 'dana' } });
    expect(await code('POST', how)).toBe(how === 'cancel' ? '200' : '407');
    expect(await state()).toBe('settlement');
    await soon();
    expect(told).toEqual(['pending', how, 'settlement']);
  });
});

test('the customer pays before the answer to the charge is there', async () => {
  await plant({ on: 'charge', do: { kind: 'pay', when: 'after' } });
  expect((await charge()).body['transaction_status']).toBe('pending');
  expect(await state()).toBe('settlement');
});

test('the status says pending, and is out of date as it says it', async () => {
  await charge();
  await plant({ on: 'status', do: { kind: 'pay', when: 'after' } });
  expect(await state()).toBe('pending');
  expect(await state()).toBe('settlement');
});

test('the status lags behind the notification', async () => {
  const made = await charge();
  await own.call('POST', '/_twin/wallet/pay', { qrString: made.body['qr_string'] });
  await plant({ on: 'status', do: { kind: 'stale' } });
  const { body } = await own.call('GET', `/v2/${order}/status`);
  expect(body).toMatchObject({ status_code: '201', transaction_status: 'pending' });
  expect(body).not.toHaveProperty('settlement_time');
  expect(await state()).toBe('settlement');
});

describe('a fault strikes', () => {
  const broken = { kind: 'body', statusCode: '500' };
  const charges = async (...ids: string[]): Promise<unknown[]> => {
    const codes: unknown[] = [];
    for (const id of ids) codes.push((await charge(id)).body['status_code']);
    return codes;
  };

  test('orders that begin so', async () => {
    await plant({ on: 'charge', do: broken, orderPrefix: 'KSK02-', times: 2 });
    expect(await charges('KSK01-1', 'KSK02-1', 'KSK02-2', 'KSK02-3')).toEqual([
      '201',
      '500',
      '500',
      '201',
    ]);
  });

  test('after as many as it lets by', async () => {
    await plant({ on: 'charge', do: broken, after: 2 });
    expect(await charges('a', 'b', 'c', 'd')).toEqual(['201', '201', '500', '201']);
  });

  test('at a rate, the same ones with the same seed', async () => {
    const run = async (seed: number): Promise<string> => {
      await own.call('DELETE', '/_twin/faults');
      await plant({ on: 'status', do: broken, rate: 0.05, seed });
      const codes: unknown[] = [];
      for (let n = 0; n < 400; n++) codes.push(await code('GET', 'status', 'nobody'));
      return codes.map((each) => (each === '500' ? 'x' : '.')).join('');
    };
    const first = await run(7);
    const struck = first.split('x').length - 1;
    expect(struck).toBeGreaterThan(8);
    expect(struck).toBeLessThan(40);
    expect(await run(7)).toBe(first);
    expect(await run(8)).not.toBe(first);
  });

  test('any call', async () => {
    await charge();
    await plant({ on: 'any', do: broken, times: 3 });
    const codes = [await code('GET', 'status'), await code('POST', 'cancel')];
    expect([...codes, await code('POST', 'expire')]).toEqual(['500', '500', '500']);
    expect(await state()).toBe('pending');
  });
});

describe('a script', () => {
  async function play(...scripts: unknown[]): Promise<void> {
    const set = await own.call('POST', '/_twin/scripts', scripts);
    expect([set.http, set.body['code']]).toEqual([200, undefined]);
  }
  const missing = { on: 'status', times: 2, do: { kind: 'body', statusCode: '404' } };

  test('second charge lost after it was made, status 404 twice, then a settlement', async () => {
    await play({
      orderPrefix: 'KSK01',
      steps: [
        { on: 'charge', after: 1, do: { kind: 'garble', as: 'empty' } },
        missing,
        { act: 'pay', issuer: 'dana' },
      ],
    });
    await charge('KSK01-0');
    const lost = await own.twin.app.inject({
      method: 'POST',
      url: '/v2/charge',
      headers: { authorization },
      payload: JSON.stringify(chargeBody(order)),
    });
    expect(lost.body).toBe('');
    // Another order's questions do not use it up.
    expect(await code('GET', 'status', 'KSK01-0')).toBe('201');
    expect([await code('GET', 'status'), await code('GET', 'status')]).toEqual(['404', '404']);
    await soon();
    expect(await state()).toBe('settlement');
  });

  test('does each step only when the one before it is used up', async () => {
    await play({ steps: [{ on: 'charge', do: { kind: 'pay', when: 'after' } }, missing] });
    expect(await code('GET', 'status')).toBe('404');
    await charge();
    expect((await own.call('GET', '/_twin/scripts')).body).toMatchObject({
      scripts: [{ orderId: order, step: 1 }],
    });
    expect([await code('GET', 'status'), await code('GET', 'status')]).toEqual(['404', '404']);
    expect(await code('GET', 'status')).toBe('200');
    expect((await own.call('GET', '/_twin/scripts')).body).toEqual({ scripts: [] });
  });

  test('a settlement is overtaken by the refund that follows it', async () => {
    await play({
      orderId: order,
      steps: [{ on: 'notification', transactionStatus: 'settlement', do: { kind: 'behind' } }],
    });
    const made = await charge();
    await own.call('POST', '/_twin/wallet/pay', { qrString: made.body['qr_string'] });
    await soon();
    expect(told).toEqual(['pending']);
    await own.call('POST', `/v2/${order}/refund`, { refund_key: 'r-1' });
    await soon();
    expect(told).toEqual(['pending', 'refund', 'settlement']);
  });

  test('is forgotten when it is told so', async () => {
    await play({ steps: [missing] });
    await own.call('DELETE', '/_twin/scripts');
    await charge();
    expect(await code('GET', 'status')).toBe('201');
  });
});
