// Proofs and tokens: what the relay signs is believed, and nothing else.
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  openProof,
  qrHash,
  signProof,
  timeClaims,
  verifySale,
  type VerdictClaims,
} from '../../src/protocol/proof.ts';
import { cursorAfter, cursorSeq, type Sale } from '../../src/protocol/sale.ts';
import {
  claimedKiosk,
  signKioskToken,
  tokenLifeS,
  verifyKioskToken,
} from '../../src/protocol/token.ts';

const relay = generateKeyPairSync('ed25519');
const stranger = generateKeyPairSync('ed25519');
const keys = new Map([['k1', relay.publicKey]]);
const saleId = 'ksk01-01JD0000000000000000000000';
const expected = { kioskId: 'ksk01', environment: 'sandbox' };

async function paidSale(
  change: Partial<Sale> = {},
  key = relay.privateKey,
  kind: 'kios-verdict' | 'kios-grant' = 'kios-verdict',
): Promise<Sale> {
  const claims: VerdictClaims = {
    env: 'sandbox',
    saleId,
    kioskId: 'ksk01',
    amountIdr: 15_000,
    verdict: 'pending',
    qr: qrHash('QR TEXT'),
    seq: 3,
    iat: 1,
  };
  const proof = await signProof(kind, claims, { kid: 'k1', privateKey: key });
  return {
    saleId,
    kioskId: 'ksk01',
    amountIdr: 15_000,
    verdict: 'pending',
    qrString: 'QR TEXT',
    seq: 3,
    prev: 2,
    ledgerId: 'l',
    proof,
    ...change,
  };
}

describe('a sale document', () => {
  test('with its own proof is believed', async () => {
    await expect(verifySale(await paidSale(), expected, keys)).resolves.toMatchObject({
      verdict: 'pending',
    });
  });

  test.each([
    ['verdict', { verdict: 'paid' }],
    ['amount', { amountIdr: 1 }],
    ['sale', { saleId: 'ksk01-01JD0000000000000000000001' }],
    ['kiosk', { kioskId: 'ksk02' }],
    ['QR', { qrString: 'ANOTHER' }],
    ['number', { seq: 4 }],
    ['fulfilment', { fulfilment: 'done' }],
  ] as const)('with another %s than its proof is refused', async (_name, change) => {
    await expect(verifySale(await paidSale(change), expected, keys)).rejects.toMatchObject({
      code: 'bad-proof',
    });
  });

  test('of the other environment is refused', async () => {
    await expect(
      verifySale(await paidSale(), { ...expected, environment: 'production' }, keys),
    ).rejects.toMatchObject({ code: 'bad-proof' });
  });

  test('signed by a stranger under our key’s name is refused', async () => {
    await expect(
      verifySale(await paidSale({}, stranger.privateKey), expected, keys),
    ).rejects.toMatchObject({ code: 'bad-proof' });
  });

  test('signed for another purpose is refused', async () => {
    await expect(
      verifySale(await paidSale({}, relay.privateKey, 'kios-grant'), expected, keys),
    ).rejects.toMatchObject({ code: 'bad-proof' });
  });

  test('with rubbish for a proof is refused', async () => {
    for (const proof of ['', 'a.b.c', 'eyJhbGciOiJub25lIn0.e30.']) {
      await expect(verifySale(await paidSale({ proof }), expected, keys)).rejects.toMatchObject({
        code: 'bad-proof',
      });
    }
  });
});

test('a proof of one kind does not open as another', async () => {
  const proof = await signProof(
    'kios-time',
    { nonce: 'n', time: '2026-01-01T00:00:00.000Z' },
    { kid: 'k1', privateKey: relay.privateKey },
  );
  await expect(openProof(proof, 'kios-time', timeClaims, keys)).resolves.toMatchObject({
    nonce: 'n',
  });
  await expect(openProof(proof, 'kios-command', timeClaims, keys)).rejects.toMatchObject({
    code: 'bad-proof',
  });
});

describe('a kiosk’s token', () => {
  const now = Date.UTC(2026, 0, 1);
  const kiosk = generateKeyPairSync('ed25519');
  const sign = async (at = now): Promise<string> =>
    signKioskToken({ kioskId: 'ksk01', bootId: 'b' }, kiosk.privateKey, at);

  test('names its kiosk and boot', async () => {
    await expect(verifyKioskToken(await sign(), kiosk.publicKey, now)).resolves.toMatchObject({
      sub: 'ksk01',
      boot: 'b',
    });
    expect(claimedKiosk(await sign())).toBe('ksk01');
    expect(claimedKiosk('nonsense')).toBeUndefined();
  });

  test('that is too old or from the future is a wrong clock, not a wrong kiosk', async () => {
    for (const off of [-2 * tokenLifeS * 1000, 2 * tokenLifeS * 1000]) {
      await expect(
        verifyKioskToken(await sign(now + off), kiosk.publicKey, now),
      ).rejects.toMatchObject({ code: 'clock-skew' });
    }
  });

  test('of another key is refused', async () => {
    await expect(verifyKioskToken(await sign(), stranger.publicKey, now)).rejects.toMatchObject({
      code: 'unauthorised',
    });
  });
});

test('a cursor names what was said at its number', () => {
  const cursor = cursorAfter({ saleId, verdict: 'paid', seq: 12 });
  expect(cursor).toMatch(/^12\.[0-9a-f]{8}$/);
  expect(cursorSeq(cursor)).toBe(12);
  expect(cursorAfter({ saleId, verdict: 'expired', seq: 12 })).not.toBe(cursor);
});
