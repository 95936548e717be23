// What the tests of claims ask a running relay, its twin and its store.
import { systemClock } from '../../src/lib/clock.ts';
import { type ClaimRow, type ClaimState } from '../../src/relay/sale-row.ts';
import { connectDatabase } from '../../src/relay/store/connect.ts';
import { openStore } from '../../src/relay/store/open.ts';
import { type Store } from '../../src/relay/store/store.ts';
import { pay, serverKey, type Setting, type TestKiosk } from './setting.ts';

/** The store as the relay's commands have it: a connection of its own. */
export async function withStore<T>(
  setting: Setting,
  work: (store: Store) => Promise<T>,
): Promise<T> {
  const store = await openStore(await connectDatabase(setting.config.store, systemClock), 'unused');
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

export function claimOf(setting: Setting, saleId: string): Promise<ClaimRow | undefined> {
  return withStore(setting, (store) => store.claim(saleId));
}

/** Asks until the claim is as wanted; the test's own time limit ends it. */
export function untilClaim(
  setting: Setting,
  saleId: string,
  wanted: ClaimState | ((claim: ClaimRow) => boolean),
): Promise<ClaimRow> {
  const fits = typeof wanted === 'string' ? (row: ClaimRow) => row.state === wanted : wanted;
  return withStore(setting, async (store) => {
    for (;;) {
      const claim = await store.claim(saleId);
      if (claim !== undefined && fits(claim)) return claim;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });
}

/** As `untilClaim`, with the claim's time to be looked at brought to now again and again. */
export async function wakeUntil(
  setting: Setting,
  saleId: string,
  wanted: ClaimState,
): Promise<ClaimRow> {
  const database = await connectDatabase(setting.config.store, systemClock);
  try {
    for (;;) {
      const claim = await claimOf(setting, saleId);
      if (claim?.state === wanted) return claim;
      const waiting = database.db.updateTable('claims').set({ askAtMs: 0 });
      await waiting.where('saleId', '=', saleId).execute();
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  } finally {
    await database.close();
  }
}

/** The refunds that Midtrans has. */
export async function refundsAt(
  setting: Setting,
  saleId: string,
): Promise<{ refund_key: string; refund_amount: string; bank_confirmed_at?: string }[]> {
  const authorization = `Basic ${Buffer.from(`${serverKey}:`).toString('base64')}`;
  const answer = await fetch(`${setting.twinUrl}/v2/${saleId}/status`, {
    headers: { authorization },
  });
  const body = (await answer.json()) as { refunds?: Awaited<ReturnType<typeof refundsAt>> };
  return body.refunds ?? [];
}

/** A refund that somebody makes by hand at Midtrans. */
export async function refundByHand(
  setting: Setting,
  saleId: string,
  amountIdr: number,
): Promise<void> {
  const authorization = `Basic ${Buffer.from(`${serverKey}:`).toString('base64')}`;
  const answer = await fetch(`${setting.twinUrl}/v2/${saleId}/refund`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ refund_key: `hand-${amountIdr}`, amount: amountIdr }),
  });
  const body = (await answer.json()) as { status_code: string };
  if (body.status_code !== '200') throw new Error(JSON.stringify(body));
}

/** Turns the twin's account. */
export function turn(setting: Setting, switches: Record<string, unknown>): Promise<void> {
  return post(setting, 'switches', switches);
}

/** Lets the notices go that a fault has held back. */
export function releaseNotices(setting: Setting): Promise<void> {
  return post(setting, 'notifications/release', {});
}

async function post(setting: Setting, path: string, body: unknown): Promise<void> {
  const answer = await fetch(`${setting.twinUrl}/_twin/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (answer.status !== 200) throw new Error(await answer.text());
}

/** A sale that the customer cancelled and paid all the same. */
export async function lateMoney(
  setting: Setting,
  kiosk: TestKiosk,
  amountIdr = 15_000,
): Promise<string> {
  const saleId = kiosk.newSaleId();
  const { sale } = await kiosk.put(saleId, amountIdr);
  await kiosk.call('POST', `/v1/sales/${saleId}/cancel`, { reason: 'customer', amountIdr });
  await kiosk.until(saleId, 'cancelled');
  await pay(setting, sale.qrString ?? '', true);
  await kiosk.until(saleId, 'paid-late');
  return saleId;
}

/** A sale that was paid, and whose goods did not come out. */
export async function failedSale(
  setting: Setting,
  kiosk: TestKiosk,
  amountIdr = 15_000,
): Promise<string> {
  const saleId = kiosk.newSaleId();
  const { sale } = await kiosk.put(saleId, amountIdr);
  await pay(setting, sale.qrString ?? '');
  await kiosk.until(saleId, 'paid');
  await kiosk.report(saleId, 'failed');
  return saleId;
}
