// One whole sale in the store, step by step as the relay's hops take it, with Midtrans' answers made up: what a sale costs
// the database, and nothing else.
import assert from 'node:assert';
import { type ChargeStatus } from '../../src/relay/midtrans/gateway.ts';
import { type Store } from '../../src/relay/store/store.ts';
import { amountIdr, chargeOf, merchantId, settledNotice } from './notices.ts';
import { qrString, saleName } from './rows.ts';

const leaseMs = 60_000;
const resendMs = 5_000;
const maxSalesAtOnce = 100;

/** Charged, told, paid, told, handed over. The kiosk must have no other sale open. */
export async function sellInStore(store: Store, kioskId: string, number: number): Promise<void> {
  const saleId = saleName(kioskId, number);
  const nowMs = store.nowMs();
  const put = await store.put({
    ...{ type: 'put', saleId, kioskId, amountIdr, items: null },
    chargeKey: '00000000-0000-4000-8000-000000000000',
    deadlineAtMs: nowMs + 180_000,
  });
  assert(put?.created === true, 'the kiosk has another sale open');
  await store.move(saleId, chargeAnswer(saleId, nowMs));
  await tell(store, kioskId);
  const body = settledNotice(saleId);
  const chargeId = chargeOf(saleId);
  const noticeId = `${saleId}-settlement`;
  await store.keepNotice(
    { noticeId, saleId, body, chargeId, pending: false, amountIdr, settlement: true },
    leaseMs,
  );
  const outcome = { kind: 'found', status: settled(saleId, nowMs) } as const;
  const answered = await store.answerNotices(
    saleId,
    { type: 'status-answered', asked: chargeId, outcome, merchantId },
    (_decision, atMs) => [{ noticeId, state: 'confirmed', nextAtMs: atMs }],
  );
  assert.equal(answered?.row.verdict, 'paid');
  await tell(store, kioskId);
  await store.move(saleId, { type: 'fulfilment', result: 'done', detail: null });
}

function chargeAnswer(saleId: string, nowMs: number): Parameters<Store['move']>[1] {
  const charge = {
    ...{ saleId, chargeId: chargeOf(saleId), amountIdr, currency: 'IDR', merchantId, qrString },
    chargedAtMs: nowMs,
    expiresAtMs: nowMs + 900_000,
  };
  return {
    type: 'charge-answered',
    outcome: { kind: 'accepted', charge },
    qr: { ok: true, qrString },
    merchantId,
  };
}

function settled(saleId: string, nowMs: number): ChargeStatus {
  return {
    ...{ saleId, chargeId: chargeOf(saleId), state: 'settled', amountIdr, merchantId },
    ...{ currency: 'IDR', fraud: 'accept', settledAtMs: nowMs, issuer: 'gopay' },
    ...{ refundedIdr: 0, refundConfirmed: false },
  };
}

/** The publisher's way, and the kiosk's acknowledgement. */
async function tell(store: Store, kioskId: string): Promise<void> {
  const due = await store.dueOutbox(kioskId, maxSalesAtOnce);
  for (const row of due) await store.sent(row, resendMs);
  const last = due.at(-1);
  assert(last !== undefined, 'nothing to tell');
  assert(await store.acked(kioskId, last.seq), 'an acknowledgement of what was never given');
}
