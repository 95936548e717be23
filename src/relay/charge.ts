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
import { type Charge, type ChargeOrder, type ChargeOutcome } from './midtrans/gateway.ts';
import { readQrImage } from './midtrans/qr-image.ts';
import { pursue } from './pursue.ts';
import { type SaleRow } from './sale-row.ts';

/** midtrans.md §14: the same body with the same Idempotency-Key, two or three times, well within its five minutes. */
const maxAttempts = 3;
/** While Midtrans wants quiet, or fails. */
const maxAttemptsQuiet = 2;
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
      hops.log.warn({ saleId, attempt, ...reported(outcome) }, 'charge.failed');
    }
    const qr = outcome.kind === 'accepted' ? await readQr(hops, outcome.charge, row) : undefined;
    const decision = await move(hops, saleId, {
      type: 'charge-answered',
      outcome,
      merchantId: hops.merchantId,
      ...(qr === undefined ? {} : { qr }),
    });
    if (decision.next !== 'charge') return pursue(hops, decision);
    if (isEnough(hops, attempt)) return giveUp(hops, decision.row);
    const pauseMs = backoffMs(pause, attempt, hops.random());
    await wait(hops.clock, Math.max(pauseMs, hops.upstream.chargeInMs()));
    const again = await move(hops, saleId, { type: 'attempt' });
    if (again.next !== 'charge') return pursue(hops, again);
  }
}

function reported(outcome: Exclude<ChargeOutcome, { kind: 'accepted' }>): Record<string, string> {
  return {
    outcome: outcome.kind,
    ...(outcome.kind === 'refused' ? { code: outcome.code } : {}),
    ...('detail' in outcome ? { detail: outcome.detail } : {}),
  };
}

/** A silent Midtrans is not tried again at all, nor one that wants more quiet than a customer waits for. */
function isEnough({ upstream }: Hops, attempts: number): boolean {
  if (upstream.downMs() > 0 || upstream.chargeInMs() > pause.maxMs) return true;
  return attempts >= (upstream.quietMs() > 0 ? maxAttemptsQuiet : maxAttempts);
}

/** Asks once what became of the attempts, if anything can have. What is not clear then is `reconcile`'s. */
async function giveUp(hops: Hops, row: SaleRow): Promise<SaleRow> {
  if (row.doubtAtMs === null || hops.upstream.downMs() > 0) return row;
  const { decision } = await confirmSale(hops, row, { qrLost: true });
  return pursue(hops, decision);
}

function orderOf(row: SaleRow): ChargeOrder {
  const { saleId, kioskId, amountIdr } = row;
  const items = row.items === null ? [] : z.array(saleItem).parse(JSON.parse(row.items));
  return { saleId, kioskId, amountIdr, items };
}

/** The QR of a charge, from its text or its picture, only if it pays this amount to our merchant. */
async function readQr(hops: Hops, charge: Charge, row: SaleRow): Promise<CheckedQr> {
  const text = charge.qrString ?? (await readFromImage(hops, charge, row.saleId));
  if (text === undefined) return { ok: false, fault: 'qr-missing' };
  const checked = checkQris(text, row.amountIdr, hops.payee);
  return checked.ok ? { ok: true, qrString: text } : { ok: false, fault: checked.fault };
}

async function readFromImage(
  hops: Hops,
  charge: Charge,
  saleId: string,
): Promise<string | undefined> {
  if (charge.imageUrl === undefined) return undefined;
  const { imageUrl } = charge;
  const outcome = await timed(hops, 'image', () => hops.gateway.image(imageUrl));
  if (outcome.kind === 'image') return readQrImage(outcome.png);
  hops.log.warn({ saleId, detail: outcome.detail }, 'charge.image-unavailable');
  return undefined;
}
