// A request whose headers came while its kiosk lived, and whose body is held back until it does not: nobody is served by it.
import { request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { signReport } from '../../src/protocol/report.ts';
import { heldBackMs } from '../../src/relay/app.ts';
import { claimOf, withStore } from './claim-setting.ts';
import { pay, startSetting, type Setting, type TestKiosk } from './setting.ts';

let setting: Setting;
beforeAll(async () => {
  setting = await startSetting();
});
afterAll(() => setting.stop());

interface HeldBack {
  /** Sends the body. Answers the code of the refusal. */
  finish: () => Promise<unknown>;
}

/** The headers are on their way before this ends. */
async function holdBack(kiosk: TestKiosk, [method, path, body]: Call): Promise<HeldBack> {
  const whole = JSON.stringify(body);
  const call = request(`${setting.relayUrl}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${await kiosk.token()}`,
      ...{ 'content-type': 'application/json', 'content-length': Buffer.byteLength(whole) },
    },
  });
  const answer = new Promise<unknown>((resolve, reject) => {
    call.on('error', reject);
    call.on('response', (response) => {
      text(response).then((said) => {
        resolve((JSON.parse(said) as Record<string, unknown>)['code']);
      }, reject);
    });
  });
  await new Promise<void>((resolve) => {
    call.write(whole.slice(0, 1), () => {
      resolve();
    });
  });
  return {
    async finish() {
      call.end(whole.slice(1));
      return answer;
    },
  };
}

type Call = readonly [method: string, path: string, body: object];

describe.each(['revoked', 'enrolled anew'] as const)('its kiosk was %s meanwhile', (meanwhile) => {
  test('a sale, a report and a redemption are refused, and change nothing', async () => {
    const kioskId = meanwhile === 'revoked' ? 'held1' : 'held2';
    const kiosk = await setting.kiosk(kioskId);
    const paid = await kiosk.put(kiosk.newSaleId(), 15_000);
    const { saleId } = paid.sale;
    await pay(setting, paid.sale.qrString ?? '');
    await kiosk.until(saleId, 'paid');
    const signed = signReport({ saleId, result: 'done' }, kiosk.privateKey, systemClock.nowMs());
    const fresh = kiosk.newSaleId();
    const calls: Call[] = [
      ['POST', `/v1/sales/${saleId}/fulfilment`, { result: 'done', signed }],
      ['PUT', `/v1/sales/${fresh}`, { amountIdr: 9_000 }],
      ['POST', `/v1/claims/${saleId}/redeem`, { dispenseId: `${kioskId}-d1` }],
    ];
    const held = await Promise.all(calls.map((call) => holdBack(kiosk, call)));
    // Behind them on the same server: their headers are read.
    await kiosk.get(saleId);
    if (meanwhile === 'revoked') await withStore(setting, (store) => store.revoke(kioskId));
    else await setting.kiosk(kioskId);
    await delay(heldBackMs);
    const refusal = meanwhile === 'revoked' ? 'kiosk-revoked' : 'unauthorised';
    for (const { finish } of held) expect(await finish()).toBe(refusal);
    expect(await claimOf(setting, saleId)).toMatchObject({ kind: 'unreported', state: 'open' });
    expect(await withStore(setting, (store) => store.sale(fresh))).toBeUndefined();
  });
});
