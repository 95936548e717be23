// The hop that charges. The row, with the attempt in it, was committed before; nothing is sent after `stop`.
import assert from 'node:assert';
import { z } from 'zod';
import { backoffMs } from '../lib/backoff.ts';
import { wait } from '../lib/clock.ts';
import { checkQris } from '../protocol/qris.ts';
import { saleItem } from '../protocol/sale.ts';
import { confirmSale } from './confirm.ts';
import { move, timed, type Hops } from './hops.ts';
import { type CheckedQr } from './ledger-charge.ts';
import { type Charge, type ChargeOrder } from './midtrans/gateway.ts';
import { readQrImage } from './midtrans/qr-image.ts';
import { pursue } from './pursue.ts';
import { type SaleRow } from './sale-row.ts';

/** midtrans.md §14: the same body with the same Idempotency-Key, two or three times, well within its five minutes. */
const maxAttempts = 3;
const pause = { firstMs: 500, maxMs: 2000 } as const;

/**
 * Charges a sale whose attempt is in its row. Repeats where Midtrans said "try again" or nothing at all, then asks.
 * Resolves with the row as it stands then, whose verdict may still be `creating`. @throws what the store throws.
 */
export async function chargeSale(hops: Hops, row: SaleRow): Promise<SaleRow> {
  const { saleId, chargeKey } = row;
  assert(chargeKey !== null, 'a tombstone is never charged');
  const order = orderOf(row);
  for (let attempt = 1; ; attempt++) {
    const outcome = await timed(hops, 'charge', () => hops.gateway.charge(order, chargeKey));
    if (outcome.kind !== 'accepted') {
      const { kind } = outcome;
      const code = outcome.kind === 'refused' ? outcome.code : undefined;
      hops.log.warn({ saleId, attempt, outcome: kind, code }, 'charge.failed');
    }
    const qr =
      outcome.kind === 'accepted' ? await readQr(hops, outcome.charge, row.amountIdr) : undefined;
    const decision = await move(hops, saleId, {
      type: 'charge-answered',
      outcome,
      merchantId: hops.merchantId,
      ...(qr === undefined ? {} : { qr }),
    });
    if (decision.next !== 'charge') return pursue(hops, decision);
    if (attempt === maxAttempts) {
      const { decision: asked } = await confirmSale(hops, decision.row, { qrLost: true });
      return pursue(hops, asked);
    }
    await wait(hops.clock, backoffMs(pause, attempt, hops.random()));
    const again = await move(hops, saleId, { type: 'attempt' });
    if (again.next !== 'charge') return pursue(hops, again);
  }
}

function orderOf(row: SaleRow): ChargeOrder {
  const { saleId, kioskId, amountIdr } = row;
  const items = row.items === null ? [] : z.array(saleItem).parse(JSON.parse(row.items));
  return { saleId, kioskId, amountIdr, items };
}

/** The QR of a charge, from its text or its picture, only if it pays this amount to our merchant. */
async function readQr(hops: Hops, charge: Charge, amountIdr: number): Promise<CheckedQr> {
  const text = charge.qrString ?? (await readFromImage(hops, charge));
  if (text === undefined) return { ok: false, fault: 'qr-missing' };
  const checked = checkQris(text, amountIdr, hops.payee);
  return checked.ok ? { ok: true, qrString: text } : { ok: false, fault: checked.fault };
}

async function readFromImage(hops: Hops, charge: Charge): Promise<string | undefined> {
  if (charge.imageUrl === undefined) return undefined;
  const { imageUrl } = charge;
  const outcome = await timed(hops, 'image', () => hops.gateway.image(imageUrl));
  if (outcome.kind === 'image') return readQrImage(outcome.png);
  hops.log.warn({ detail: outcome.detail }, 'charge.image-unavailable');
  return undefined;
}
