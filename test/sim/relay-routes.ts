// The relay's routes without HTTP and without signatures: the same hops in the same order as src/relay/routes.
import type { RecoverAnswer, RecoverBody } from '../../src/protocol/api.ts';
import { errors, KiosError } from '../../src/protocol/errors.ts';
import { cursorAfter, cursorSeq } from '../../src/protocol/sale.ts';
import { isSettled } from '../../src/protocol/verdict.ts';
import type { Effect, RequestFailure, Told } from '../../src/kiosk/state.ts';
import type { Background } from '../../src/relay/background.ts';
import { chargeSale } from '../../src/relay/charge.ts';
import { createAcks } from '../../src/relay/fleet/acks.ts';
import { announce, move, type Hops } from '../../src/relay/hops.ts';
import type { Decision } from '../../src/relay/ledger-rules.ts';
import type { Letters } from '../../src/relay/letters.ts';
import { readNotice } from '../../src/relay/midtrans/notification.ts';
import { noticeLeaseMs, type Inquiries } from '../../src/relay/notices.ts';
import { pursue } from '../../src/relay/pursue.ts';
import type { ClaimEvent } from '../../src/relay/ledger-claim-rules.ts';
import type { SaleRow } from '../../src/relay/sale-row.ts';
import { within } from '../../src/relay/within.ts';
import { giveBack, moveClaimIn, proofOf } from './give-back.ts';
import type { MemoryStore } from './memory-store.ts';
import { serverKey } from './midtrans.ts';

/** A sale as the relay says it; its proof is taken for granted. */
export type Said = Omit<Told, 'askedAtMs'>;

export type Call =
  | Extract<Effect, { kind: 'charge' | 'look' | 'stop' | 'report' | 'redeem' }>
  | {
      kind: 'redeem-result';
      saleId: string;
      dispenseId: string;
      result: 'done' | 'failed' | 'unknown';
    }
  | { kind: 'give-back'; kioskId: string; body: RecoverBody }
  | { kind: 'changes'; kioskId: string; since: string; ledgerId: string }
  | { kind: 'ack'; kioskId: string; ledgerId: string; upTo: number }
  | { kind: 'probe' };

export interface Page {
  ledgerId: string;
  sales: Said[];
  upTo: string;
  more: boolean;
}

export type Reply =
  | { kind: 'sale'; sale: Said }
  | { kind: 'page'; page: Page }
  | { kind: 'recovered'; answer: RecoverAnswer }
  | { kind: 'ok' }
  | Failed;
export interface Failed {
  kind: 'failed';
  failure: RequestFailure;
}

export interface RouteParts {
  /** What no hop of a run asks for by itself: claims, and what is given back after a loss. */
  store: MemoryStore;
  hops: Hops;
  background: Background;
  inquiries: Inquiries;
  letters: Letters;
}

/** As in src/relay/routes/sales.ts. */
const putWaitMs = 12_000;
const cancelWaitMs = 9_000;
const pageSize = 100;
/** How long a QR may be paid in a run. */
export const expiresInMs = 90_000;

/** Answers one call of a kiosk. */
export async function serve(parts: RouteParts, call: Call): Promise<Reply> {
  try {
    return await route(parts, call);
  } catch (error) {
    if (!(error instanceof KiosError)) throw error;
    const { code, retryable } = error;
    const kind = errors[code].http < 500 || code === 'recovering' ? 'refused' : 'lost';
    return {
      kind: 'failed',
      failure: kind === 'refused' ? { kind, code, retryable } : { kind, code },
    };
  }
}

async function route(parts: RouteParts, call: Call): Promise<Reply> {
  switch (call.kind) {
    case 'charge':
      return put(parts, call);
    case 'look':
      return answer(parts, call.saleId);
    case 'stop':
      return cancel(parts, call);
    case 'report':
      return fulfil(parts, call);
    case 'changes':
      return changes(parts, call);
    case 'ack': {
      const { store, metrics } = parts.hops;
      const { letters } = parts;
      if (!(await createAcks({ store, metrics, letters })(call.kioskId, call))) differs();
      return { kind: 'ok' };
    }
    case 'redeem': {
      const { saleId, dispenseId } = call;
      return moveClaim(parts, saleId, { type: 'redeem', dispenseId });
    }
    case 'redeem-result': {
      const { saleId, dispenseId, result } = call;
      return moveClaim(parts, saleId, { type: 'redeem-result', dispenseId, result });
    }
    case 'give-back':
      return { kind: 'recovered', answer: giveBack(parts.store, call.kioskId, call.body) };
    case 'probe':
      return { kind: 'ok' };
  }
}

/** As in src/relay/routes/claims.ts, without the look at Midtrans. */
function moveClaim({ store }: RouteParts, saleId: string, event: ClaimEvent): Reply {
  const decision = moveClaimIn(store, saleId, event);
  if (decision === undefined) throw new KiosError('claim-unknown', 'no claim');
  if (decision.refusal !== undefined) throw new KiosError('claim-locked', decision.refusal);
  return { kind: 'ok' };
}

async function put(
  { store, hops, background }: RouteParts,
  { saleId, amountIdr, items }: Extract<Call, { kind: 'charge' }>,
): Promise<Reply> {
  refuseWhileRecovering(store, kioskOf(saleId));
  const done = await hops.store.put({
    type: 'put',
    saleId,
    kioskId: kioskOf(saleId),
    amountIdr,
    items: items.length === 0 ? null : JSON.stringify(items),
    chargeKey: hops.newKey(),
    deadlineAtMs: hops.clock.nowMs() + expiresInMs,
  });
  if (done === undefined) throw new KiosError('sale-open', 'finish or abandon the other sale');
  refuseRefused(done.decision);
  announce(hops, done.decision);
  const { row, next } = done.decision;
  if (next === 'charge') void background.run(`charge ${saleId}`, () => chargeSale(hops, row));
  if (row.verdict === 'creating' && row.stop === null) {
    await within(hops.clock, putWaitMs, background.settled(`charge ${saleId}`));
  }
  return answer({ hops }, saleId);
}

function refuseWhileRecovering({ sales }: MemoryStore, kioskId: string): void {
  for (const row of sales.values()) {
    if (row.kioskId !== kioskId || row.recovering === 0) continue;
    throw new KiosError('recovering', 'Midtrans is being asked');
  }
}

async function cancel(
  { store, hops, background }: RouteParts,
  { saleId, amountIdr, reason }: Extract<Call, { kind: 'stop' }>,
): Promise<Reply> {
  const kioskId = kioskOf(saleId);
  refuseWhileRecovering(store, kioskId);
  const decision = await hops.store.cancel({ type: 'cancel', saleId, kioskId, amountIdr, reason });
  refuseRefused(decision);
  announce(hops, decision);
  const run = background.run(`cancel ${saleId}`, () => pursue(hops, decision));
  await within(hops.clock, cancelWaitMs, run);
  return answer({ hops }, saleId);
}

async function fulfil(
  { hops, background }: RouteParts,
  { saleId, result, detail }: Extract<Call, { kind: 'report' }>,
): Promise<Reply> {
  if ((await hops.store.sale(saleId)) === undefined) throw new KiosError('sale-unknown', 'none');
  const decision = await move(hops, saleId, { type: 'fulfilment', result, detail: detail ?? null });
  refuseRefused(decision);
  void background.run(`cancel ${saleId}`, () => pursue(hops, decision));
  return answer({ hops }, saleId);
}

async function changes(
  { hops }: RouteParts,
  { kioskId, since, ledgerId }: Extract<Call, { kind: 'changes' }>,
): Promise<Reply> {
  if (ledgerId !== hops.store.ledgerId) differs();
  const seq = cursorSeq(since);
  if (seq > ((await hops.store.kiosk(kioskId))?.seq ?? 0)) differs();
  const row = seq === 0 ? undefined : await hops.store.saleAt(kioskId, seq);
  if (row !== undefined && since !== cursorAfter(row)) differs();
  const { sales, more } = await hops.store.changes(kioskId, seq, pageSize);
  const last = sales.at(-1);
  const page = {
    ledgerId: hops.store.ledgerId,
    sales: sales.map((each) => saidOf(hops, each, 'http')),
    upTo: last === undefined ? since : cursorAfter(last),
    more,
  };
  return { kind: 'page', page };
}

/** Midtrans' webhook. Resolves with the HTTP status of its answer. */
export async function takeNotice({ hops, inquiries }: RouteParts, text: string): Promise<number> {
  const reading = readNotice(Buffer.from(text), serverKey);
  if (reading.kind !== 'authentic') return 403;
  const { notice } = reading;
  const { noticeId, saleId, pending, chargeId, amountIdr, settlement } = notice;
  const stored = { noticeId, saleId, body: text, chargeId: chargeId ?? null, pending };
  const kept = await hops.store.keepNotice({ ...stored, amountIdr, settlement }, noticeLeaseMs);
  if (kept.notice !== undefined) void inquiries.ask(saleId, kept);
  return 200;
}

/** What src/relay/proofs.ts says of a sale. */
export function saidOf({ clock, store }: Hops, row: SaleRow, by: 'http' | 'mqtt'): Said {
  const nowMs = clock.nowMs();
  const { saleId, amountIdr, verdict, seq, prev, qrString, settledAtMs } = row;
  const payable = verdict === 'pending' && row.stop === null && qrString !== null;
  const settled = isSettled(verdict) && settledAtMs !== null;
  const said: Said = {
    ...{ saleId, amountIdr, verdict, seq, prev, ledgerId: store.ledgerId },
    ...(row.fulfilment === null ? {} : { fulfilment: row.fulfilment }),
    ...(row.reason === null ? {} : { reason: row.reason }),
    ...(payable ? { qrString } : {}),
    ...(payable && by === 'http' ? { expiresInMs: Math.max(0, row.deadlineAtMs - nowMs) } : {}),
    ...(settled && by === 'http' ? { settledAgoMs: Math.max(0, nowMs - settledAtMs) } : {}),
  };
  return { ...said, proof: proofOf(said, nowMs) };
}

async function answer({ hops }: Pick<RouteParts, 'hops'>, saleId: string): Promise<Reply> {
  const row = await hops.store.sale(saleId);
  if (row === undefined) throw new KiosError('sale-unknown', 'no such sale');
  return { kind: 'sale', sale: saidOf(hops, row, 'http') };
}

function refuseRefused({ refusal }: Decision): void {
  if (refusal !== undefined) throw new KiosError(refusal, 'the relay has it otherwise');
}

function differs(): never {
  throw new KiosError('ledger-differs', 'another ledger');
}

function kioskOf(saleId: string): string {
  return saleId.slice(0, saleId.indexOf('-'));
}
