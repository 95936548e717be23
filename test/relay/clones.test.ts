// Two copies of one card, and a kiosk that is enrolled anew: who may speak, over HTTP and over MQTT, and what becomes of
// whoever was being served (PROTOCOL.md §8).
import { generateKeyPairSync } from 'node:crypto';
import { connectAsync, type MqttClient } from 'mqtt';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { enrolAnswer, publicJwk } from '../../src/protocol/api.ts';
import { startCursor } from '../../src/protocol/sale.ts';
import { withStore } from './claim-setting.ts';
import { pay, startSetting, type Setting, type TestKiosk } from './setting.ts';

let setting: Setting;
beforeAll(async () => {
  setting = await startSetting();
});
afterAll(async () => {
  await setting.stop();
});

type Answer = Awaited<ReturnType<TestKiosk['call']>>;

/** @param inMs when its token is signed, from now. A copy is known by one that is younger than the boot that replaced it. */
async function ask(kiosk: TestKiosk, bootId: string, inMs = 0): Promise<Answer> {
  const token = await kiosk.token({ bootId, nowMs: systemClock.nowMs() + inMs });
  return kiosk.call('GET', `/v1/changes?since=${startCursor}`, undefined, token);
}

async function connect(kiosk: TestKiosk, bootId: string): Promise<MqttClient> {
  return connectAsync(setting.mqttUrl, {
    ...{ protocolVersion: 4, clientId: kiosk.kioskId, username: kiosk.kioskId },
    ...{ password: await kiosk.token({ bootId, audience: 'kios-broker' }), reconnectPeriod: 0 },
  });
}

const cloned = { status: 409, json: { code: 'kiosk-cloned' } };
/** Longer than two clocks are apart, and less than a token may be ahead of the relay's. */
const laterMs = 90_000;

async function clonesTold(): Promise<number> {
  const told = /kios_faults_total\{place="kiosk-cloned"\} (\d+)/.exec(await setting.metrics());
  return Number(told?.[1] ?? 0);
}

test('the older of two live boots is told apart, by every way that it speaks, and the operator sees it', async () => {
  const kiosk = await setting.kiosk('clo10');
  const line = await connect(kiosk, 'boot-a');
  expect((await ask(kiosk, 'boot-a')).status).toBe(200);
  expect((await ask(kiosk, 'boot-b')).status).toBe(200);
  expect(await ask(kiosk, 'boot-a', laterMs)).toMatchObject(cloned);
  await line.endAsync();
  await expect(connect(kiosk, 'boot-a')).rejects.toThrow(/Not authorized/);
  // It charges nothing, and ends nothing.
  const token = await kiosk.token({ bootId: 'boot-a' });
  const path = `/v1/sales/${kiosk.newSaleId()}`;
  expect(await kiosk.call('PUT', path, { amountIdr: 1_000 }, token)).toMatchObject(cloned);
  expect((await ask(kiosk, 'boot-b')).status).toBe(200);
  expect(setting.logText()).toContain('kiosk.cloned');
  expect(await clonesTold()).toBe(1);
});

test('what an old boot had sent, and a proxy gives away now, is no copy: it does nothing, and the claims stay the kiosk’s', async () => {
  const kiosk = await setting.kiosk('clo16');
  const sold = await kiosk.put(kiosk.newSaleId(), 4_000);
  const saleId = sold.sale.saleId;
  await pay(setting, sold.sale.qrString ?? '');
  await kiosk.until(saleId, 'paid');
  await kiosk.report(saleId, 'failed');
  const before = await clonesTold();
  expect((await ask(kiosk, 'boot-b')).status).toBe(200);
  // The token of the sale above, once more.
  expect(await kiosk.call('GET', `/v1/sales/${saleId}`)).toMatchObject(cloned);
  expect((await ask(kiosk, 'boot-b')).status).toBe(200);
  expect(await clonesTold()).toBe(before);
  const operatorOnly = async (): Promise<unknown> =>
    withStore(setting, async (store) => (await store.claim(saleId))?.operatorOnly);
  expect(await operatorOnly()).toBe(0);
  // The same boot with a young token: two machines have one card.
  expect(
    await kiosk.call(
      'GET',
      `/v1/sales/${saleId}`,
      undefined,
      await kiosk.token({ nowMs: systemClock.nowMs() + laterMs }),
    ),
  ).toMatchObject(cloned);
  expect(await clonesTold()).toBe(before + 1);
  expect(await operatorOnly()).toBe(1);
});

test('a boot that the relay never saw, and whose first call comes after the next boot’s, replaces nobody', async () => {
  const kiosk = await setting.kiosk('clo17');
  expect((await ask(kiosk, 'boot-a')).status).toBe(200);
  expect((await ask(kiosk, 'boot-c')).status).toBe(200);
  const before = await clonesTold();
  const late = await ask(kiosk, 'boot-b', -60_000);
  // A living kiosk whose clock is behind learns the time from that.
  expect(late).toMatchObject({ status: 401, json: { code: 'clock-skew' } });
  expect(late.json['time']).toEqual(expect.any(String));
  expect((await ask(kiosk, 'boot-c')).status).toBe(200);
  expect(await clonesTold()).toBe(before);
  expect((await ask(kiosk, 'boot-b')).status).toBe(200);
  expect(await ask(kiosk, 'boot-c')).toMatchObject(cloned);
});

test('nor does such a boot replace the first one that the relay has ever heard', async () => {
  const kiosk = await setting.kiosk('clo18');
  expect((await ask(kiosk, 'boot-b')).status).toBe(200);
  expect(await ask(kiosk, 'boot-a', -60_000)).toMatchObject({
    ...{ status: 401, json: { code: 'clock-skew' } },
  });
  expect((await ask(kiosk, 'boot-b')).status).toBe(200);
});

test('the line of a boot that was replaced ends with its next call; the living one keeps its own', async () => {
  const kiosk = await setting.kiosk('clo15');
  const old = await connect(kiosk, 'boot-a');
  const ended = new Promise<void>((resolve) =>
    old.once('close', () => {
      resolve();
    }),
  );
  expect((await ask(kiosk, 'boot-b')).status).toBe(200);
  expect(await ask(kiosk, 'boot-a')).toMatchObject(cloned);
  await ended;
  const living = await connect(kiosk, 'boot-b');
  expect(await ask(kiosk, 'boot-a')).toMatchObject(cloned);
  await living.publishAsync(`kios/1/clo15/echo`, '', { qos: 1 });
  expect(living.connected).toBe(true);
  await living.endAsync();
});

test('a boot that the broker has seen first counts for HTTP too', async () => {
  const kiosk = await setting.kiosk('clo11');
  expect((await ask(kiosk, 'boot-a')).status).toBe(200);
  await (await connect(kiosk, 'boot-b')).endAsync();
  expect(await ask(kiosk, 'boot-a')).toMatchObject(cloned);
});

test('many boots at once: one lives on, all others are told apart, over a restart of the relay too', async () => {
  const kiosk = await setting.kiosk('clo12');
  const boots = Array.from({ length: 6 }, (_, i) => `boot-${i}`);
  await Promise.all(boots.map((bootId) => ask(kiosk, bootId)));
  const statuses = async (): Promise<number[]> => {
    const answers: number[] = [];
    for (const bootId of boots) answers.push((await ask(kiosk, bootId)).status);
    return answers;
  };
  const before = await statuses();
  expect(before.filter((status) => status === 200)).toHaveLength(1);
  await setting.restart();
  expect(await statuses()).toEqual(before);
});

test('enrolling anew: the old key is dead, the open sale is stopped, money in hand is unreported', async () => {
  const old = await setting.kiosk('clo13');
  const inHand = await old.put(old.newSaleId(), 4_000);
  await pay(setting, inHand.sale.qrString ?? '');
  await old.until(inHand.sale.saleId, 'paid');
  const open = await old.put(old.newSaleId(), 5_000);
  const line = await old.connect();
  const closed = new Promise<void>((resolve) =>
    line.client.once('close', () => {
      resolve();
    }),
  );

  const fresh = await setting.kiosk('clo13');
  await closed;
  expect(await ask(old, 'boot-a')).toMatchObject({ status: 401, json: { code: 'unauthorised' } });
  await expect(old.connect()).rejects.toThrow(/Not authorized/);
  const stopped = await fresh.until(open.sale.saleId, 'cancelled');
  expect(stopped.fulfilment).toBe('abandoned');
  expect(await fresh.get(inHand.sale.saleId)).toMatchObject({
    ...{ verdict: 'paid', fulfilment: 'unreported' },
  });
  await withStore(setting, async (store) => {
    expect(await store.claim(inHand.sale.saleId)).toMatchObject({
      ...{ kind: 'unreported', state: 'open', operatorOnly: 1 },
    });
  });
  // The QR of the old life is dead at Midtrans: nobody can pay it any more.
  expect(await pay(setting, open.sale.qrString ?? '')).not.toBe(200);
  // Its cursor stands behind all of that; what comes after, it hears.
  const changes = await fresh.call('GET', `/v1/changes?since=${fresh.enrolled.cursor}`);
  expect(changes).toMatchObject({ status: 200, json: { sales: [{ verdict: 'cancelled' }] } });
  // The customers of the old life keep nobody of the new one waiting.
  expect((await fresh.put(fresh.newSaleId(), 6_000)).status).toBe(201);
});

test('an answer that was lost on the way bricks nobody: the same code and key repeat it, and end no sale', async () => {
  const code = await setting.code('clo14');
  const { publicKey } = generateKeyPairSync('ed25519');
  const body = JSON.stringify({
    code,
    publicKey: publicJwk.parse(publicKey.export({ format: 'jwk' })),
  });
  const enrol = async (): Promise<unknown> => {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${setting.relayUrl}/v1/enrol`, { method: 'POST', headers, body });
    return enrolAnswer.parse(await answer.json());
  };
  const [first, second] = await Promise.all([enrol(), enrol()]);
  expect(second).toEqual(first);
  expect(await enrol()).toEqual(first);
  const metrics = await setting.metrics();
  expect(metrics).toContain('kios_enrolments_total{outcome="enrolled"}');
});
