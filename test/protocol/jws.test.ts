// The compact JWS: what is opened, and what is not.
import { createHmac, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { SignJWT, compactVerify } from 'jose';
import { expect, test } from 'vitest';
import { claimsUnverified, openJws, signJws } from '../../src/protocol/jws.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const claims = { saleId: 'ksk01-1', amountIdr: 15_000 };
const token = signJws({ kid: 'k1', typ: 'kios-verdict' }, claims, privateKey);
const trust = (): KeyObject => publicKey;

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** Signed by our key, whatever the header says. */
function signedAs(header: unknown, body = encoded(claims)): string {
  const text = `${encoded(header)}.${body}`;
  return `${text}.${sign(null, Buffer.from(text), privateKey).toString('base64url')}`;
}

test('what was signed comes back, with its header', () => {
  expect(openJws(token, trust)).toEqual({
    header: { alg: 'EdDSA', kid: 'k1', typ: 'kios-verdict' },
    claims,
  });
  expect(claimsUnverified(token)).toEqual(claims);
});

test('another implementation opens ours, and we open its', async () => {
  const opened = await compactVerify(token, publicKey, { algorithms: ['EdDSA'] });
  expect(JSON.parse(new TextDecoder().decode(opened.payload))).toEqual(claims);
  const theirs = await new SignJWT(claims).setProtectedHeader({ alg: 'EdDSA' }).sign(privateKey);
  expect(openJws(theirs, trust)?.claims).toEqual(claims);
});

test('the key is chosen by the header', () => {
  const asked: unknown[] = [];
  expect(
    openJws(token, ({ kid }) => {
      asked.push(kid);
      return undefined;
    }),
  ).toBeUndefined();
  expect(asked).toEqual(['k1']);
});

test('every changed character is noticed, but for those that no byte hangs on', () => {
  const bytes = Array.from(token);
  const opened = bytes.flatMap((letter, at) => {
    const forged = [...bytes.slice(0, at), letter === 'A' ? 'B' : 'A', ...bytes.slice(at + 1)];
    return openJws(forged.join(''), trust) === undefined ? [] : [at];
  });
  // The last letter of 64 bytes in base64url carries two bits and four that are nothing (RFC 4648 §3.5).
  expect(opened.filter((at) => at < token.length - 1)).toEqual([]);
});

test.each([
  ['signed by another key', signJws({}, claims, generateKeyPairSync('ed25519').privateKey)],
  ['of no algorithm', signedAs({ alg: 'none' })],
  ['without an algorithm', signedAs({ kid: 'k1' })],
  ['that names what must be understood', signedAs({ alg: 'EdDSA', crit: ['b64'], b64: false })],
  ['with a part more', `${token}.`],
  ['with a part less', token.slice(0, token.lastIndexOf('.'))],
  ['that is empty', ''],
  ['whose header is no object', signedAs('EdDSA')],
  ['whose header is no base64url', `!${token}`],
])('a JWS %s is none', (_what, forged) => {
  expect(openJws(forged, trust)).toBeUndefined();
});

test('the public key is no secret of another algorithm', () => {
  const text = `${encoded({ alg: 'HS256' })}.${encoded(claims)}`;
  const secret = publicKey.export({ type: 'spki', format: 'pem' });
  const mac = createHmac('sha256', secret).update(text).digest('base64url');
  expect(openJws(`${text}.${mac}`, trust)).toBeUndefined();
});

test('a key of another kind opens nothing', () => {
  const { publicKey: rsa } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  expect(openJws(token, () => rsa)).toBeUndefined();
});

test('claims that are no JSON are nothing, whoever signed them', () => {
  const body = Buffer.from('{"saleId":').toString('base64url');
  expect(openJws(signedAs({ alg: 'EdDSA' }, body), trust)?.claims).toBeUndefined();
  expect(claimsUnverified('a.b.c')).toBeUndefined();
});
