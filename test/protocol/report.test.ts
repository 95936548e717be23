// The kiosk's signature over its report: what it holds for, and everything that it does not.
import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { fulfilmentBody, redeemResultBody } from '../../src/protocol/api.ts';
import { signProof } from '../../src/protocol/proof.ts';
import {
  maxReportLength,
  signReport,
  verifyReport,
  type SaleReport,
} from '../../src/protocol/report.ts';
import { signKioskToken, verifyKioskToken } from '../../src/protocol/token.ts';

const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const saleId = 'ksk01-01JD0000000000000000000000';
const nowMs = 1_767_236_400_000;
const failed: SaleReport = { saleId, result: 'failed' };
const redeemed: SaleReport = { saleId, result: 'done', dispenseId: 'd1' };
const refused = { code: 'unauthorised' };

test.each([failed, redeemed])('%j: what was signed verifies, and fits its body', async (report) => {
  const signed = signReport(report, privateKey, nowMs);
  await verifyReport(signed, report, publicKey);
  const body = { result: report.result, signed };
  if (report.dispenseId === undefined) fulfilmentBody.parse(body);
  else redeemResultBody.parse({ ...body, dispenseId: report.dispenseId });
});

test.each<[string, SaleReport, SaleReport]>([
  ['another result', failed, { ...failed, result: 'done' }],
  ['another sale', failed, { ...failed, saleId: 'ksk01-01JD0000000000000000000001' }],
  ['another dispense', redeemed, { ...redeemed, dispenseId: 'd2' }],
  ['a dispense, when the sale’s own was meant', { ...failed, result: 'done' }, redeemed],
  ['the sale’s own, when a dispense was meant', redeemed, { saleId, result: 'done' }],
])('it says nothing of %s', async (_name, report, expected) => {
  const signed = signReport(report, privateKey, nowMs);
  await expect(verifyReport(signed, expected, publicKey)).rejects.toMatchObject(refused);
});

test('another key, a changed letter, no signature at all: refused', async () => {
  const other = generateKeyPairSync('ed25519').privateKey;
  const signed = signReport(failed, privateKey, nowMs);
  const [header = '', , signature = ''] = signed.split('.');
  const swapped = Buffer.from(JSON.stringify({ ...failed, iat: 1 })).toString('base64url');
  const none = Buffer.from('{"alg":"none","typ":"kios-report"}').toString('base64url');
  for (const text of [
    signReport(failed, other, nowMs),
    `${header}.${swapped}.${signature}`,
    `${none}.${swapped}.`,
    'x'.repeat(maxReportLength),
    '',
  ]) {
    await expect(verifyReport(text, failed, publicKey)).rejects.toMatchObject(refused);
  }
});

test('a token is no report, a report is no token', async () => {
  const token = await signKioskToken({ kioskId: 'ksk01', bootId: 'b' }, privateKey, nowMs);
  await expect(verifyReport(token, failed, publicKey)).rejects.toMatchObject(refused);
  const key = { kid: 'k1', privateKey };
  const proof = await signProof('kios-verdict', { ...failed, iat: 1 }, key);
  await expect(verifyReport(proof, failed, publicKey)).rejects.toMatchObject(refused);
  const report = signReport(failed, privateKey, nowMs);
  await expect(verifyKioskToken(report, publicKey, nowMs)).rejects.toMatchObject(refused);
});

test('the longest report that a kiosk can sign is taken', async () => {
  const longest: SaleReport = {
    saleId: 'kiosk0001-01JD0000000000000000000000',
    result: 'unknown',
    dispenseId: 'd'.repeat(64),
  };
  const signed = signReport(longest, privateKey, nowMs);
  expect(signed.length).toBeLessThan(maxReportLength);
  await verifyReport(signed, longest, publicKey);
});
