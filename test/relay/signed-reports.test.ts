// Who reports that goods did not come out (PROTOCOL.md §6, §7): with the kiosk's signature it pays itself back, without it a
// person decides; and of two live copies of a card nobody is believed.
import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { heardClaims, openProof } from '../../src/protocol/proof.ts';
import { signReport } from '../../src/protocol/report.ts';
import { claimOf, failedSale, refundsAt, untilClaim, withStore } from './claim-setting.ts';
import { pay, startSetting, type Setting, type TestKiosk } from './setting.ts';

let setting: Setting;
let kiosk: TestKiosk;
beforeAll(async () => {
  setting = await startSetting({ overrides: { refund: 'automatic', refundAfterMs: 600_000 } });
  kiosk = await setting.kiosk('ksk01');
});
afterAll(() => setting.stop());

type Answer = Awaited<ReturnType<TestKiosk['call']>>;
const nowMs = 1_767_236_400_000;
const redeem = (saleId: string, dispenseId: string): Promise<Answer> =>
  kiosk.call('POST', `/v1/claims/${saleId}/redeem`, { dispenseId });
/** As a proxy does that has seen the kiosk's token. */
const say = (saleId: string, result: string, signed?: string): Promise<Answer> =>
  kiosk.call('POST', `/v1/sales/${saleId}/fulfilment`, { result, signed });
const sayOfGrant = (saleId: string, dispenseId: string, result: string): Promise<Answer> =>
  kiosk.call('POST', `/v1/claims/${saleId}/result`, { dispenseId, result });
const unauthorised = { status: 401, json: { code: 'unauthorised' } };

async function sellPaid(by = kiosk): Promise<string> {
  const { sale } = await by.put(by.newSaleId(), 15_000);
  await pay(setting, sale.qrString ?? '');
  await by.until(sale.saleId, 'paid');
  return sale.saleId;
}

describe('the sale’s own goods', () => {
  test('a signed "failed" opens a claim that goes back by itself', async () => {
    const saleId = await sellPaid();
    expect((await kiosk.report(saleId, 'failed')).status).toBe(200);
    expect(await claimOf(setting, saleId)).toMatchObject({ operatorOnly: 0, note: null });
  });

  test('an unsigned "failed" opens one for the operator; the signed "done" after it ends it', async () => {
    const saleId = await sellPaid();
    expect((await say(saleId, 'failed')).status).toBe(200);
    expect(await claimOf(setting, saleId)).toMatchObject({
      ...{ kind: 'failed', state: 'open', operatorOnly: 1, note: 'unsigned', askAtMs: null },
    });
    expect(setting.logText()).toContain('report.unsigned');
    expect(await setting.metrics()).toContain('kios_faults_total{place="report-unsigned"}');
    expect(await kiosk.report(saleId, 'done')).toMatchObject({
      ...{ status: 200, json: { fulfilment: 'done' } },
    });
    expect(await claimOf(setting, saleId)).toMatchObject({ state: 'honoured' });
    // From here on the first word stands.
    expect(await say(saleId, 'failed')).toMatchObject({ json: { code: 'fulfilment-mismatch' } });
  });

  test('a signed "failed" after the signed "done" is refused, and no secret', async () => {
    const saleId = await sellPaid();
    await kiosk.report(saleId, 'done');
    const place = 'kios_faults_total{place="fulfilment-disputed"}';
    const disputes = async (): Promise<number> => {
      const line = (await setting.metrics()).split('\n').find((text) => text.startsWith(place));
      return Number(line?.slice(place.length) ?? 0);
    };
    const before = await disputes();
    expect(await kiosk.report(saleId, 'failed')).toMatchObject({
      ...{ status: 409, json: { code: 'fulfilment-mismatch' } },
    });
    expect(await disputes()).toBe(before + 1);
    const lines = setting.logText().split('\n');
    const told = lines.filter((line) => line.includes('sale.fulfilment-disputed'));
    expect(told.some((line) => line.includes(saleId))).toBe(true);
    // For the day close.
    const row = await withStore(setting, (store) => store.sale(saleId));
    expect(row).toMatchObject({ fulfilment: 'done', fulfilmentDisputed: 'failed' });
  });

  test('an unsigned "done" takes nobody’s claim away', async () => {
    const saleId = await sellPaid();
    expect((await say(saleId, 'done')).status).toBe(200);
    expect((await kiosk.get(saleId)).fulfilment).toBeUndefined();
    expect((await kiosk.report(saleId, 'failed')).status).toBe(200);
    expect(await claimOf(setting, saleId)).toMatchObject({ state: 'open', kind: 'failed' });
  });

  test('an unsigned "done" while the QR is up: the kiosk hears nothing of it, and gives the goods', async () => {
    const { sale } = await kiosk.put(kiosk.newSaleId(), 15_000);
    const { saleId } = sale;
    expect((await say(saleId, 'done')).status).toBe(200);
    await pay(setting, sale.qrString ?? '');
    const paid = await kiosk.until(saleId, 'paid');
    expect(paid.fulfilment).toBeUndefined();
    expect(await withStore(setting, (store) => store.sale(saleId))).toMatchObject({
      ...{ verdict: 'paid', fulfilment: null },
    });
    expect(await kiosk.report(saleId, 'done')).toMatchObject({ json: { fulfilment: 'done' } });
  });

  test('an unsigned "failed" is not told to the kiosk, whose goods may be on their way', async () => {
    const saleId = await sellPaid();
    await say(saleId, 'failed');
    expect((await kiosk.get(saleId)).fulfilment).toBeUndefined();
    expect(await claimOf(setting, saleId)).toMatchObject({ operatorOnly: 1, note: 'unsigned' });
  });

  test('what is posted as a recovery counts like any report, if it is signed', async () => {
    const saleId = await sellPaid();
    const { proof } = await kiosk.get(saleId);
    const signed = signReport({ saleId, result: 'done' }, kiosk.privateKey, nowMs);
    const post = (more: object): Promise<Answer> =>
      kiosk.call('POST', '/v1/recover', { sales: [{ proof, fulfilment: 'done', ...more }] });
    const other = signReport({ saleId, result: 'failed' }, kiosk.privateKey, nowMs);
    expect(await post({ signed: other })).toMatchObject({
      json: { taken: 0, refused: [{ index: 0, code: 'unauthorised' }] },
    });
    expect((await kiosk.get(saleId)).fulfilment).toBeUndefined();
    expect(await post({ signed })).toMatchObject({ json: { taken: 1, refused: [] } });
    expect(await kiosk.report(saleId, 'failed')).toMatchObject({
      json: { code: 'fulfilment-mismatch' },
    });
    expect(await claimOf(setting, saleId)).toBeUndefined();
  });

  test('what is posted as a recovery without a signature takes nobody’s claim away', async () => {
    const saleId = await sellPaid();
    const { proof } = await kiosk.get(saleId);
    await kiosk.call('POST', '/v1/recover', { sales: [{ proof, fulfilment: 'done' }] });
    expect((await kiosk.get(saleId)).fulfilment).toBeUndefined();
    expect((await kiosk.report(saleId, 'failed')).status).toBe(200);
    expect(await claimOf(setting, saleId)).toMatchObject({ state: 'open', kind: 'failed' });
  });

  test('two unsigned ones: what stands is the operator’s to judge', async () => {
    const saleId = await sellPaid();
    await say(saleId, 'failed');
    expect(await say(saleId, 'done')).toMatchObject({ json: { code: 'fulfilment-mismatch' } });
    expect(await claimOf(setting, saleId)).toMatchObject({ state: 'open', operatorOnly: 1 });
  });

  test('the signature of another key, or over another report, is refused and changes nothing', async () => {
    const saleId = await sellPaid();
    const other = generateKeyPairSync('ed25519').privateKey;
    const forged = signReport({ saleId, result: 'failed' }, other, nowMs);
    expect(await say(saleId, 'failed', forged)).toMatchObject(unauthorised);
    const sold = signReport({ saleId, result: 'done' }, kiosk.privateKey, nowMs);
    expect(await say(saleId, 'failed', sold)).toMatchObject(unauthorised);
    const elsewhere = { saleId: kiosk.newSaleId(), result: 'failed' } as const;
    const replayed = signReport(elsewhere, kiosk.privateKey, nowMs);
    expect(await say(saleId, 'failed', replayed)).toMatchObject(unauthorised);
    expect((await kiosk.get(saleId)).fulfilment).toBeUndefined();
    expect(await claimOf(setting, saleId)).toBeUndefined();
  });
});

describe('a granted dispense', () => {
  test('an unsigned "failed" leaves the claim to the operator, with no second grant', async () => {
    const saleId = await failedSale(setting, kiosk);
    await redeem(saleId, 'd1');
    expect(await sayOfGrant(saleId, 'd1', 'failed')).toMatchObject({ json: { state: 'open' } });
    expect(await claimOf(setting, saleId)).toMatchObject({ operatorOnly: 1, note: 'unsigned' });
    expect((await redeem(saleId, 'd2')).status).toBe(409);
  });

  test('an unsigned "done" locks it; the kiosk’s own word then counts', async () => {
    const saleId = await failedSale(setting, kiosk);
    await redeem(saleId, 'd1');
    const heard = async ({ json }: Answer): Promise<unknown> =>
      openProof(String(json['proof']), 'kios-heard', heardClaims, kiosk.keys);
    const bare = await sayOfGrant(saleId, 'd1', 'done');
    expect(bare).toMatchObject({ json: { state: 'redeeming' } });
    const said = { env: 'sandbox', saleId, kioskId: 'ksk01', dispenseId: 'd1', result: 'done' };
    expect(await heard(bare)).toMatchObject({ ...said, signed: false });
    expect((await redeem(saleId, 'd1')).status).toBe(409);
    const own = await kiosk.report(saleId, 'done', 'd1');
    expect(own).toMatchObject({ json: { state: 'honoured' } });
    // Only this answer ends the report at the kiosk.
    expect(await heard(own)).toMatchObject({ ...said, signed: true });
  });

  test('a signature over another dispense is refused', async () => {
    const saleId = await failedSale(setting, kiosk);
    await redeem(saleId, 'd1');
    const report = { saleId, result: 'failed', dispenseId: 'd0' } as const;
    const signed = signReport(report, kiosk.privateKey, nowMs);
    const body = { dispenseId: 'd1', result: 'failed', signed };
    const path = `/v1/claims/${saleId}/result`;
    expect(await kiosk.call('POST', path, body)).toMatchObject(unauthorised);
    expect(await claimOf(setting, saleId)).toMatchObject({ state: 'redeeming', operatorOnly: 0 });
  });
});

describe('whose word counts no more', () => {
  test('two copies of a card: what one of them reported waits for the operator', async () => {
    const two = await setting.kiosk('ksk02');
    const saleId = await sellPaid(two);
    const copy = await two.token({ bootId: 'boot-of-the-copy' });
    const signed = signReport({ saleId, result: 'failed' }, two.privateKey, nowMs);
    const body = { result: 'failed', signed };
    await two.call('POST', `/v1/sales/${saleId}/fulfilment`, body, copy);
    expect(await claimOf(setting, saleId)).toMatchObject({ operatorOnly: 0 });
    // The honest one gives its goods out, and speaks.
    const cloned = { status: 409, json: { code: 'kiosk-cloned' } };
    expect(await two.report(saleId, 'done')).toMatchObject(cloned);
    // With a token that is younger than the copy's first word.
    const young = await two.token({ nowMs: systemClock.nowMs() + 90_000 });
    expect(await two.call('GET', `/v1/sales/${saleId}`, undefined, young)).toMatchObject(cloned);
    expect(await claimOf(setting, saleId)).toMatchObject({
      ...{ state: 'open', operatorOnly: 1, note: 'kiosk-cloned' },
    });
    expect(setting.logText()).toContain('kiosk.claims-held');
  });

  test('a revoked kiosk: its claims wait for the operator', async () => {
    const three = await setting.kiosk('ksk03');
    const saleId = await failedSale(setting, three);
    await withStore(setting, (store) => store.revoke('ksk03'));
    const held = await untilClaim(setting, saleId, (claim) => claim.operatorOnly === 1);
    expect(held).toMatchObject({ state: 'open', note: 'revoked' });
    expect(await refundsAt(setting, saleId)).toEqual([]);
  });
});
