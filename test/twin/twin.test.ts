// The twin as a whole: channels, expiry on its clock, seeds, its memory between runs, and what it refuses to be.
import { describe, expect, test } from 'vitest';
import { join } from 'node:path';
import { ConfigError, parseConfig } from '../../src/lib/config-file.ts';
import { silentLog } from '../../src/lib/log.ts';
import { examples, twinConfig } from '../../src/twin/config.ts';
import { seededRandom } from '../../src/twin/random.ts';
import { createTwin } from '../../src/twin/twin.ts';
import { HandClock, authorization, chargeBody, testTwin, writtenConfig } from './setting.ts';

const order = 'KSK01-1';

test.each(['qris', 'gopay'])('%s answers 402 when the channel is off', async (channel) => {
  await using own = await testTwin({ channels: { [channel]: false } });
  const refused = await own.call(
    'POST',
    '/v2/charge',
    chargeBody(order, { payment_type: channel }),
  );
  expect(refused).toMatchObject({ http: 200, body: { status_code: '402' } });
  expect((await own.call('GET', `/v2/${order}/status`)).body['status_code']).toBe('404');
});

test('a charge expires when its scheduler gets to it, not before', async () => {
  const clock = new HandClock();
  await using own = await testTwin({ expiry: { schedulerDelayMs: 90_000 } }, { clock });
  await own.call('POST', '/v2/charge', chargeBody(order));
  const status = async (): Promise<unknown> =>
    (await own.call('GET', `/v2/${order}/status`)).body['transaction_status'];
  await clock.wind(15 * 60_000 + 89_999);
  expect(await status()).toBe('pending');
  await clock.wind(1);
  expect(await status()).toBe('expire');
});

test('a paid charge never expires, and leaves no timer behind', async () => {
  const clock = new HandClock();
  await using own = await testTwin({}, { clock });
  const made = await own.call('POST', '/v2/charge', chargeBody(order));
  await own.call('POST', '/_twin/wallet/pay', { qrString: made.body['qr_string'] });
  expect(clock.waiting).toBe(0);
});

test('the refund is worded by Midtrans at every turn', async () => {
  await using own = await testTwin();
  const made = await own.call('POST', '/v2/charge', chargeBody(order));
  await own.call('POST', '/_twin/wallet/pay', { qrString: made.body['qr_string'] });
  const refund = async (body: unknown, path = 'refund'): Promise<Record<string, unknown>> =>
    (await own.call('POST', `/v2/${order}/${path}`, body)).body;
  expect(await refund({ refund_key: 'a', amount: 15001 })).toMatchObject({ status_code: '414' });
  expect(await refund({ refund_key: 'a', amount: 5000 }, 'refund/online/direct')).toMatchObject({
    status_code: '200',
    transaction_status: 'partial_refund',
    refund_amount: '5000.00',
    refund_key: 'a',
  });
  expect(await refund({ refund_key: 'a', amount: 5000 })).toMatchObject({
    status_code: '406',
    status_message: 'Duplicate refund ID',
  });
  expect(await refund('null')).toMatchObject({
    transaction_status: 'refund',
    refund_amount: '10000.00',
  });
  expect(await refund({ refund_key: 'b' })).toMatchObject({ status_code: '412' });
  expect(await refund({ refund_key: 'b#' })).toMatchObject({ status_code: '400' });
  expect(await refund('{')).toMatchObject({ status_code: '413' });
});

test('the same seed and the same time give the same answers, whatever is asked in between', async () => {
  const run = async (asks: number): Promise<unknown> => {
    await using own = await testTwin({}, { clock: new HandClock(), random: seededRandom(7) });
    for (let n = 0; n < asks; n++) await own.call('GET', '/v2/nobody/status');
    return (await own.call('POST', '/v2/charge', chargeBody(order))).body;
  };
  expect(await run(3)).toEqual(await run(0));
});

test('what it knows survives a restart: states, the QR, the order id, an expiry that came meanwhile', async () => {
  await using written = await writtenConfig();
  const config = { ...written.config, stateFile: join(written.directory, 'twin.sqlite') };
  const clock = new HandClock();
  const start = (): ReturnType<typeof createTwin> =>
    createTwin(config, { clock, random: seededRandom(1), log: silentLog });
  const call = async (
    twin: ReturnType<typeof createTwin>,
    method: 'GET' | 'POST',
    url: string,
    body?: object,
  ): Promise<Record<string, unknown>> =>
    (
      await twin.app.inject({
        method,
        url,
        headers: { authorization, 'content-type': 'application/json' },
        payload: JSON.stringify(body),
      })
    ).json();

  const first = start();
  const made = await call(first, 'POST', '/v2/charge', chargeBody('o-1'));
  await call(first, 'POST', '/v2/charge', chargeBody('o-2'));
  await call(first, 'POST', '/v2/o-2/cancel');
  const reused = await call(first, 'POST', '/v2/charge', chargeBody('o-2'));
  await first.close();

  const second = start();
  const { qr_string: qrString } = made;
  expect(await call(second, 'POST', '/_twin/wallet/pay', { qrString })).toMatchObject({
    status: 'settlement',
  });
  expect((await call(second, 'GET', '/v2/o-2/status'))['transaction_id']).toBe(
    reused['transaction_id'],
  );
  // The seed begins anew; the ids do not repeat.
  const third = await call(second, 'POST', '/v2/charge', chargeBody('o-3'));
  expect(new Set([made, reused, third].map((each) => each['transaction_id'])).size).toBe(3);
  await second.close();

  await clock.wind(16 * 60_000);
  const last = start();
  await clock.wind(0);
  const states = ['o-1', 'o-2', 'o-3'].map((id) => call(last, 'GET', `/v2/${id}/status`));
  expect((await Promise.all(states)).map((each) => each['transaction_status'])).toEqual([
    'settlement',
    'expire',
    'expire',
  ]);
  await last.close();
});

test('a port that is taken is an error, and leaves no timer behind', async () => {
  await using first = await testTwin();
  const { port } = await first.twin.listen();
  await using written = await writtenConfig({ http: { port } });
  const stateFile = join(written.directory, 'twin.sqlite');
  const clock = new HandClock();
  const parts = { clock, random: seededRandom(1), log: silentLog };
  const second = createTwin({ ...written.config, stateFile }, parts);
  await second.app.inject({
    method: 'POST',
    url: '/v2/charge',
    headers: { authorization, 'content-type': 'application/json' },
    payload: JSON.stringify(chargeBody(order)),
  });
  await expect(second.listen()).rejects.toThrow(/EADDRINUSE/);
  expect(clock.waiting).toBe(0);
});

test('an unknown path is a JSON 404; a body that is too large is refused', async () => {
  await using own = await testTwin();
  expect(await own.call('GET', '/v1/nothing')).toMatchObject({
    http: 404,
    body: { status_code: '404' },
  });
  const large = await own.call('POST', '/v2/charge', 'x'.repeat(2 * 1024 * 1024));
  expect(large.http).toBe(413);
});

describe('the configuration', () => {
  const good = `
serverKeyFile: /run/key
merchant: { id: G000000001, name: KIOS, nmid: ID1099000000001, pan: '9360000000000000017',
            city: BANDUNG, postalCode: '40111', mcc: '5812' }
`;
  const faults = (text: string): readonly string[] => {
    try {
      parseConfig('twin.yaml', text, twinConfig, examples);
      return [];
    } catch (error) {
      if (error instanceof ConfigError) return error.faults;
      throw error;
    }
  };

  test('needs a key and a merchant; the rest has defaults', () => {
    expect(faults(good)).toEqual([]);
    expect(parseConfig('twin.yaml', good, twinConfig)).toMatchObject({
      http: { host: '127.0.0.1', port: 0 },
      channels: { qris: true, gopay: true },
      notifications: { timeScale: 1, delayMs: 0 },
      expiry: { schedulerDelayMs: 0 },
    });
  });

  test('refuses anything but loopback, unless told', () => {
    expect(faults(`${good}http: { host: 0.0.0.0 }`)).toEqual([
      'line 5: http.host: only loopback is bound, unless http.exposed is true (for example host: 127.0.0.1)',
    ]);
    expect(faults(`${good}http: { host: 0.0.0.0, exposed: true }`)).toEqual([]);
  });

  test('names every mistake at once, with an example', () => {
    const found = faults(good.replace('G000000001', 'M1').replace('40111', 'x') + 'chanels: {}');
    expect(found).toHaveLength(3);
    expect(found.join('\n')).toMatch(/G000000001[\s\S]*40111[\s\S]*chanels/);
  });

  test('a Server Key that cannot be read is a fault of the configuration', async () => {
    await using written = await writtenConfig();
    const config = { ...written.config, serverKeyFile: join(written.directory, 'nothing') };
    const parts = { clock: new HandClock(), random: seededRandom(1), log: silentLog };
    expect(() => createTwin(config, parts)).toThrow(ConfigError);
  });
});
