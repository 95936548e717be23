// A twin whose time stands: what is told to it is all that happens, and twice the same is the same to the byte.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/twin/random.ts';
import { VirtualClock } from '../../src/twin/virtual-clock.ts';
import {
  authorization,
  chargeBody,
  listeningMerchant,
  morningMs,
  testTwin,
  type Merchant,
  type TestTwin,
} from './setting.ts';

const minuteMs = 60_000;

function virtualTwin(shop: Merchant, seed = 7): Promise<TestTwin> {
  const clock = new VirtualClock(morningMs);
  const more = { notificationUrl: shop.url, seed, expiry: { schedulerSpreadMs: 90_000 } };
  return testTwin(more, { clock, random: seededRandom(seed) });
}

describe('the same seed and the same requests', () => {
  /** Everything that leaves the twin, as it stands on the wire. */
  async function run(seed: number): Promise<string[]> {
    let refuse = 3;
    await using shop = await listeningMerchant(() => ({ http: refuse-- > 0 ? 503 : 200 }));
    await using own = await virtualTwin(shop, seed);
    const out: string[] = [];
    const call = async (method: 'GET' | 'POST', url: string, body?: unknown): Promise<string> => {
      const response = await own.twin.app.inject({
        method,
        url,
        headers: { authorization, host: 'midtrans.test', 'content-type': 'application/json' },
        ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
      });
      out.push(`${response.statusCode} ${response.body}`);
      return response.body;
    };
    const pass = (ms: number): Promise<string> => call('POST', '/_twin/clock/advance', { ms });
    await call('POST', '/_twin/faults', [
      { on: 'charge', rate: 0.3, seed, do: { kind: 'body', statusCode: '500' } },
      { on: 'notification', rate: 0.2, seed, do: { kind: 'duplicate' } },
    ]);
    for (let n = 0; n < 10; n++) {
      await call('POST', '/v2/charge', chargeBody(`o-${n}`));
      await pass(1000);
    }
    const listed = JSON.parse(await call('GET', '/_twin/transactions')) as {
      transactions: { qrString: string; orderId: string }[];
    };
    const [paid] = listed.transactions;
    await call('POST', '/_twin/wallet/pay', { qrString: paid?.qrString, issuer: 'dana' });
    await pass(2000);
    await call('POST', `/v2/${paid?.orderId ?? ''}/refund`, { amount: 5000 });
    await pass(20 * minuteMs);
    await call('GET', '/v2/o-1/status');
    return [...out, ...shop.heard.map((each) => JSON.stringify(each.body))];
  }

  test('give the same answers and the same notifications in the same order', async () => {
    const first = await run(7);
    expect(first.length).toBeGreaterThan(40);
    expect(await run(7)).toEqual(first);
    expect(await run(8)).not.toEqual(first);
  });
});

describe('time', () => {
  let shop: Merchant;
  let own: TestTwin;
  beforeEach(async () => {
    shop = await listeningMerchant();
    own = await virtualTwin(shop);
  });
  afterEach(async () => {
    await own[Symbol.asyncDispose]();
    await shop[Symbol.asyncDispose]();
  });
  const pass = async (ms: number): Promise<unknown> =>
    (await own.call('POST', '/_twin/clock/advance', { ms })).body['now'];

  test('stands until it is told to go on; what is due at once happens all the same', async () => {
    await own.call('POST', '/v2/charge', chargeBody('o-1'));
    expect((await shop.hears(1))[0]?.body).toMatchObject({
      transaction_time: '2026-01-01 10:00:00',
    });
    expect(await pass(minuteMs)).toBe('2026-01-01T03:01:00.000Z');
    expect((await own.call('GET', '/_twin/clock')).body).toEqual({
      now: '2026-01-01T03:01:00.000Z',
    });
  });

  test('brings expiries within their spread, each charge its own and always the same', async () => {
    const ids = Array.from({ length: 30 }, (_each, n) => `o-${n}`);
    for (const id of ids) await own.call('POST', '/v2/charge', chargeBody(id));
    const expired = async (): Promise<number> => {
      const states = ids.map((id) => own.call('GET', `/v2/${id}/status`));
      const all = await Promise.all(states);
      return all.filter(({ body }) => body['transaction_status'] === 'expire').length;
    };
    await pass(15 * minuteMs - 1);
    expect(await expired()).toBe(0);
    await pass(45_000);
    const half = await expired();
    expect(half).toBeGreaterThan(5);
    expect(half).toBeLessThan(25);
    await pass(45_001);
    expect(await expired()).toBe(30);
  });

  test('has every notification answered before advance answers', async () => {
    await own.call('POST', '/v2/charge', chargeBody('o-1'));
    await pass(17 * minuteMs);
    expect(shop.heard.map((each) => each.body['transaction_status'])).toEqual([
      'pending',
      'expire',
    ]);
  });

  test('cannot be moved where it is the real one', async () => {
    await using real = await testTwin();
    expect(await real.call('POST', '/_twin/clock/advance', { ms: 1 })).toMatchObject({
      http: 409,
    });
  });
});

test('a merchant that says nothing does not hold time up: its 15 seconds pass, then the repeats', async () => {
  await using shop = await listeningMerchant(() => 'silence');
  await using own = await virtualTwin(shop);
  await own.call('POST', '/v2/charge', chargeBody('o-1'));
  await own.call('POST', '/_twin/clock/advance', { ms: 3 * minuteMs });
  expect(shop.heard).toHaveLength(2);
}, 60_000);
