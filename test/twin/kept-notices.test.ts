// What a twin with a state file still owes when it ends: notifications on their way, held ones, and refunds to confirm.
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLog } from '../../src/lib/log.ts';
import { seededRandom } from '../../src/twin/random.ts';
import type { Attempt } from '../../src/twin/retry-table.ts';
import { createTwin, type Twin } from '../../src/twin/twin.ts';
import { authorization, chargeBody, HandClock, morningMs, writtenConfig } from './setting.ts';

const order = 'KSK01-1';
const minuteMs = 60_000;
type Json = Record<string, unknown>;

let written: Awaited<ReturnType<typeof writtenConfig>>;
let clock: HandClock;
/** State and minute of each attempt. */
let heard: [unknown, number][];
let answer: Attempt | 'silence';
beforeEach(async () => {
  written = await writtenConfig({ notificationUrl: 'http://shop.test/' });
  clock = new HandClock();
  heard = [];
  answer = { kind: 'answered', http: 200 };
});
afterEach(() => written[Symbol.asyncDispose]());

function start(): Twin {
  const config = { ...written.config, stateFile: join(written.directory, 'twin.sqlite') };
  return createTwin(config, {
    clock,
    random: seededRandom(1),
    log: silentLog,
    post: (_url, text) => {
      const { transaction_status: state } = JSON.parse(text) as Json;
      heard.push([state, (clock.nowMs() - morningMs) / minuteMs]);
      return answer === 'silence' ? new Promise(() => undefined) : Promise.resolve(answer);
    },
  });
}

async function call(twin: Twin, url: string, body: unknown): Promise<Json> {
  const response = await twin.app.inject({
    method: 'POST',
    url,
    headers: { authorization, 'content-type': 'application/json' },
    payload: JSON.stringify(body),
  });
  return response.json<Json>();
}

test('a repeat that was due later comes later, one that was missed comes at once, and none is lost', async () => {
  answer = { kind: 'unanswered' };
  const first = start();
  await call(first, '/v2/charge', chargeBody(order));
  await clock.wind(0);
  expect(heard).toEqual([['pending', 0]]);
  await first.close();

  const second = start();
  await clock.wind(2 * minuteMs);
  expect(heard).toHaveLength(2);
  await second.close();

  await clock.wind(60 * minuteMs);
  answer = { kind: 'answered', http: 200 };
  const third = start();
  await clock.wind(0);
  expect(heard.at(2)).toEqual(['pending', 62]);
  await third.close();

  // Answered: nothing is owed any more.
  const last = start();
  await clock.wind(400 * minuteMs);
  expect(heard.filter(([state]) => state === 'pending')).toHaveLength(3);
  await last.close();
});

test('an attempt that the end cut off is made again', async () => {
  answer = 'silence';
  const first = start();
  await call(first, '/v2/charge', chargeBody(order));
  await clock.wind(0);
  await first.close();
  answer = { kind: 'answered', http: 200 };
  const second = start();
  await clock.wind(0);
  expect(heard).toEqual([
    ['pending', 0],
    ['pending', 0],
  ]);
  await second.close();
});

test('what is held back stays held back, and goes when it is released', async () => {
  const first = start();
  await call(first, '/_twin/faults', [{ on: 'notification', do: { kind: 'hold' } }]);
  await call(first, '/v2/charge', chargeBody(order));
  await first.close();
  const second = start();
  await clock.wind(0);
  expect(heard).toEqual([]);
  expect(await call(second, '/_twin/notifications/release', {})).toEqual({ released: 1 });
  await clock.wind(0);
  expect(heard).toEqual([['pending', 0]]);
  await second.close();
});

test('a refund is confirmed after the restart too', async () => {
  const first = start();
  const made = await call(first, '/v2/charge', chargeBody(order));
  await call(first, '/_twin/wallet/pay', { qrString: made['qr_string'] });
  await call(first, `/v2/${order}/refund`, { refund_key: 'r-1' });
  await clock.wind(1000);
  await first.close();
  const second = start();
  await clock.wind(58_999);
  expect(heard).toHaveLength(3);
  await clock.wind(1);
  expect(heard.at(3)).toEqual(['refund', 1]);
  await second.close();
});
