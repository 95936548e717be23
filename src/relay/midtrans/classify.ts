// Takes Midtrans' answers apart: the body says what happened, the HTTP status only where there is no body. PURE.
// Midtrans sends most errors with HTTP 200, and 407 is a success.
import { type ErrorCode } from '../../protocol/errors.ts';
import {
  type Charge,
  type ChargeOutcome,
  type ChargeState,
  type ChargeStatus,
  type RefundOutcome,
  type StatusOutcome,
  type StopOutcome,
  type StopVerb,
} from './gateway.ts';
import { type AnswerBody } from './schemas.ts';
import { parseGrossAmount, parseTime } from './wire.ts';

/** What came back: an answer with Midtrans' own code, an answer without one, or nothing. */
export type Reply =
  | { kind: 'body'; http: number; code: string; body: AnswerBody }
  | { kind: 'no-body'; http: number }
  | { kind: 'nothing'; detail: string };

/** PROTOCOL.md §2: the codes that end a charge for good, and what the kiosk is told. */
const refusals: Readonly<Record<string, ErrorCode>> = {
  '400': 'charge-invalid',
  '401': 'charge-unauthorised',
  '402': 'channel-inactive',
  '403': 'charge-invalid',
  '405': 'charge-invalid',
  '410': 'payer-blocked',
  '413': 'charge-invalid',
};

/** GoPay's GENERIC_SERVICE_ERROR: the one code that Midtrans calls intermittent. */
const tryLater = '900';

export function classifyCharge(reply: Reply): ChargeOutcome {
  if (reply.kind !== 'body') return withoutBody(reply);
  const { code, body } = reply;
  const refused = refusals[code];
  if (refused !== undefined) return { kind: 'refused', code, reason: refused };
  const state = chargeState(body.transaction_status);
  if (code === '202' || ((code === '200' || code === '201') && state === 'denied')) {
    const later = body.channel_response_code === tryLater;
    return { kind: 'refused', code, reason: later ? 'charge-try-again' : 'charge-denied' };
  }
  if (code === '200' || code === '201') {
    const charge = chargeOf(body);
    if (charge !== undefined) return { kind: 'accepted', charge };
    return { kind: 'unknown', answered: true, detail: `charge answered ${code} without an id` };
  }
  if (code === '404') return { kind: 'absent' };
  if (code === '406') return { kind: 'conflict' };
  return otherwise(reply);
}

export function classifyStatus(reply: Reply): StatusOutcome {
  if (reply.kind !== 'body') return withoutBody(reply);
  const { code, body } = reply;
  if (code === '404') return { kind: 'absent' };
  if (code === '401' || code === '402') return rejected(reply);
  // Its code says how the question went; what became of the charge is in the words. 407 is an expired charge.
  if (Number(code) >= 400 && code !== '407') return otherwise(reply);
  if (body.transaction_id === undefined || body.transaction_status === undefined) {
    return { kind: 'unknown', answered: true, detail: `status answered ${code} without a state` };
  }
  return { kind: 'found', status: statusOf(body, body.transaction_id) };
}

export function classifyStop(reply: Reply, verb: StopVerb): StopOutcome {
  if (reply.kind !== 'body') return withoutBody(reply);
  const { code, body } = reply;
  if (code === '200' || code === '407') {
    const state = chargeState(body.transaction_status);
    const asked = verb === 'expire' ? 'expired' : 'cancelled';
    if (body.transaction_status !== undefined && state !== 'expired' && state !== 'cancelled') {
      return { kind: 'conflict' };
    }
    const as = state === 'expired' || state === 'cancelled' ? state : asked;
    return { kind: 'stopped', as: code === '407' ? 'expired' : as, chargeId: body.transaction_id };
  }
  if (code === '404') return { kind: 'absent' };
  if (code === '412') return { kind: 'conflict' };
  if (code === '401' || code === '402') return rejected(reply);
  return otherwise(reply);
}

export function classifyRefund(reply: Reply): RefundOutcome {
  if (reply.kind !== 'body') return withoutBody(reply);
  const { code, body } = reply;
  if (code === '200') {
    return { kind: 'accepted', refundedIdr: parseGrossAmount(body.refund_amount) ?? 0 };
  }
  if (code === '406') return { kind: 'duplicate' };
  if (code === '429' || code.startsWith('5')) return otherwise(reply);
  return { kind: 'refused', code, detail: body.status_message ?? '' };
}

/** Midtrans' word for the state, whatever its case. */
export function chargeState(text: string | undefined): ChargeState {
  switch (text?.toLowerCase()) {
    case 'pending':
      return 'pending';
    case 'settlement':
    case 'capture':
      return 'settled';
    case 'deny':
    case 'failure':
      return 'denied';
    case 'cancel':
      return 'cancelled';
    case 'expire':
      return 'expired';
    case 'refund':
    case 'partial_refund':
      return 'refunded';
    default:
      return 'other';
  }
}

function chargeOf(body: AnswerBody): Charge | undefined {
  if (body.transaction_id === undefined) return undefined;
  // By name, never by place. The second form carries a frame around the QR.
  const image =
    body.actions?.find((action) => action.name === 'generate-qr-code') ??
    body.actions?.find((action) => action.name === 'generate-qr-code-v2');
  const chargedAtMs = parseTime(body.transaction_time);
  const expiresAtMs = parseTime(body.expiry_time ?? body.expire_time);
  return {
    chargeId: body.transaction_id,
    amountIdr: parseGrossAmount(body.gross_amount),
    currency: body.currency,
    merchantId: body.merchant_id,
    ...(body.qr_string === undefined ? {} : { qrString: body.qr_string }),
    ...(image === undefined ? {} : { imageUrl: image.url }),
    ...(chargedAtMs === undefined ? {} : { chargedAtMs }),
    ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
  };
}

function statusOf(body: AnswerBody, chargeId: string): ChargeStatus {
  const settledAtMs = parseTime(body.settlement_time);
  const expiresAtMs = parseTime(body.expiry_time ?? body.expire_time);
  const state = chargeState(body.transaction_status);
  const amountIdr = parseGrossAmount(body.gross_amount);
  const refunds = body.refunds ?? [];
  const whole = body.transaction_status?.toLowerCase() === 'refund' ? (amountIdr ?? 0) : 0;
  return {
    saleId: body.order_id,
    chargeId,
    state,
    amountIdr,
    currency: body.currency,
    merchantId: body.merchant_id,
    fraud: body.fraud_status?.toLowerCase(),
    refundedIdr: parseGrossAmount(body.refund_amount) ?? whole,
    refundConfirmed:
      refunds.length > 0 && refunds.every((refund) => refund.bank_confirmed_at != null),
    ...(settledAtMs === undefined ? {} : { settledAtMs }),
    ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
    ...(body.issuer === undefined ? {} : { issuer: body.issuer }),
  };
}

type Shared = Extract<StatusOutcome, { kind: 'try-again' | 'unknown' }>;

/** Any other code of Midtrans' own: it did answer, and what it did is not known. */
function otherwise(reply: Extract<Reply, { kind: 'body' }>): Shared {
  if (reply.code === '429') return { kind: 'try-again', detail: 'rate limited' };
  return { kind: 'unknown', answered: true, detail: `Midtrans answered ${reply.code}` };
}

function withoutBody(reply: Exclude<Reply, { kind: 'body' }>): Shared {
  if (reply.kind === 'nothing') return { kind: 'unknown', answered: false, detail: reply.detail };
  if (reply.http === 429) return { kind: 'try-again', detail: 'rate limited' };
  // 202: the same Idempotency-Key is still running. A page of a firewall or a gateway says nothing about Midtrans.
  return { kind: 'unknown', answered: false, detail: `HTTP ${reply.http} without Midtrans' words` };
}

function rejected(reply: Extract<Reply, { kind: 'body' }>): StatusOutcome & { kind: 'rejected' } {
  const { code, body } = reply;
  return { kind: 'rejected', code, detail: body.status_message ?? '' };
}
