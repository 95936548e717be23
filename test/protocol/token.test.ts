// The kiosk's token: whom it lets in, at which door, and when.
import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { signJws } from '../../src/protocol/jws.ts';
import { signReport } from '../../src/protocol/report.ts';
import {
  claimedKiosk,
  signKioskToken,
  tokenLifeS,
  verifyKioskToken,
} from '../../src/protocol/token.ts';

const nowMs = 1_767_236_400_000;
const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const who = { kioskId: 'ksk01', bootId: 'boot-1' };
const token = await signKioskToken(who, privateKey, nowMs);

/** One that says something else. */
function saying(claims: Readonly<Record<string, unknown>>): string {
  const iat = nowMs / 1000;
  const usual = { sub: 'ksk01', boot: 'boot-1', aud: 'kios-relay', iat, exp: iat + tokenLifeS };
  return signJws({}, { ...usual, ...claims }, privateKey);
}

test('says who it is of, and lets that one in', async () => {
  expect(claimedKiosk(token)).toBe('ksk01');
  const claims = await verifyKioskToken(token, publicKey, nowMs);
  expect(claims).toMatchObject({ sub: 'ksk01', boot: 'boot-1' });
});

test('of the broker opens no other door', async () => {
  const other = await signKioskToken(who, privateKey, nowMs, 'kios-broker');
  await expect(verifyKioskToken(other, publicKey, nowMs)).rejects.toMatchObject({
    code: 'unauthorised',
  });
  await expect(verifyKioskToken(other, publicKey, nowMs, 'kios-broker')).resolves.toBeDefined();
});

test.each([
  ['lives five seconds longer than it says', (tokenLifeS + 4) * 1000, undefined],
  ['then the clocks differ', (tokenLifeS + 5) * 1000, 'clock-skew'],
  ['may be five minutes early', -tokenLifeS * 1000, undefined],
  ['and not earlier', -tokenLifeS * 1000 - 1, 'clock-skew'],
])('%s', async (_what, laterMs, code) => {
  const checked = verifyKioskToken(token, publicKey, nowMs + laterMs);
  await (code === undefined
    ? expect(checked).resolves.toBeDefined()
    : expect(checked).rejects.toMatchObject({ code }));
});

test.each([
  ['that lives too long', saying({ exp: nowMs / 1000 + tokenLifeS + 1 })],
  ['without a boot', saying({ boot: undefined })],
  ['without an end', saying({ exp: undefined })],
  ['of no door', saying({ aud: undefined })],
  ['of a strange name', saying({ sub: '../x' })],
  ['that is a report', signReport({ saleId: 'ksk01-1', result: 'done' }, privateKey, nowMs)],
  [
    'of another kiosk’s key',
    await signKioskToken(who, generateKeyPairSync('ed25519').privateKey, nowMs),
  ],
  ['that is rubbish', 'a.b.c'],
])('one %s is refused', async (_what, forged) => {
  await expect(verifyKioskToken(forged, publicKey, nowMs)).rejects.toMatchObject({
    code: 'unauthorised',
  });
});

test('a signed report with a token’s claims is no token', async () => {
  const iat = nowMs / 1000;
  const claims = { sub: 'ksk01', boot: 'b', aud: 'kios-relay', iat, exp: iat + 60 };
  const forged = signJws({ typ: 'kios-report' }, claims, privateKey);
  await expect(verifyKioskToken(forged, publicKey, nowMs)).rejects.toMatchObject({
    code: 'unauthorised',
  });
});

test('what is no token claims nobody', () => {
  for (const text of ['', 'a.b.c', saying({ sub: 7 })]) expect(claimedKiosk(text)).toBeUndefined();
});
