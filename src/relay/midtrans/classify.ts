// Takes Midtrans' answers apart: the body says what happened, the HTTP status only where there is no body. PURE.
// Midtrans sends most errors with HTTP 200, and 407 is a success.
import { type ErrorCode } from '../../protocol/errors.ts';
import {
  type Charge,
  type ChargeOutcome,
  type ChargeState,
  type ChargeStatus,
  type Refund,
  type RefundOutcome,
  type StatusOutcome,
  type StopOutcome,
  type StopVerb,
} from './gateway.ts';
import { type AnswerBody } from './schemas.ts';
import { parseGrossAmount, parseTime } from './wire.ts';

/** What came back: an answer with Midtrans' own code, an answer without one, or nothing. */
export type Reply =
  | { kind: 'body'; http: number; code: string; body: AnswerBody; retryAfterMs?: number }
  | { kind: 'no-body'; http: number; retryAfterMs?: number }
  | { kind: 'nothing'; detail: string }
  /** No connection: not a byte was sent. */
  | { kind: 'unsent'; detail: string };

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
  const whose = body.order_id === undefined ? {} : { saleId: body.order_id };
  const refused = refusals[code];
  if (refused !== undefined) return { kind: 'refused', code, reason: refused, ...whose };
  const state = chargeState(body.transaction_status);
  if (code === '202' || ((code === '200' || code === '201') && state === 'denied')) {
    const reason = body.channel_response_code === tryLater ? 'charge-try-again' : 'charge-denied';
    return { kind: 'refused', code, reason, ...whose };
  }
  if (code === '200' || code === '201') {
    const charge = chargeOf(body);
    if (charge !== undefined) return { kind: 'accepted', charge };
    return { kind: 'unknown', answered: true, detail: `charge answered ${code} without its ids` };
  }
  if (code === '404') return { kind: 'absent' };
  if (code === '406') return { kind: 'conflict' };
  return otherwise(reply);
}

export function classifyStatus(reply: Reply): StatusOutcome {
  if (reply.kind !== 'body') return withoutBody(reply);
  const { code, body } = reply;
  if (code === '404') return { kind: 'absent' };
  if (isOurFault(code)) return rejected(reply);
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
    return {
      kind: 'stopped',
      as: code === '407' ? 'expired' : as,
      saleId: body.order_id,
      chargeId: body.transaction_id,
    };
  }
  if (code === '404') return { kind: 'absent' };
  if (code === '412') return { kind: 'conflict' };
  if (isOurFault(code)) return rejected(reply);
  return otherwise(reply);
}

/** PROTOCOL.md §3 calls 401 and 402 unknown; 410 was once "merchant deactivated" (midtrans.md §6): a person must look. */
function isOurFault(code: string): boolean {
  return code === '401' || code === '402' || code === '410';
}

/** midtrans.md §5, §6, §8.4: the codes by which a refund was not made. Every other one leaves it open. */
const refundRefusals = new Set([
  ...['202', '400', '401', '402', '403', '404', '405'],
  ...['408', '410', '411', '412', '413', '414'],
]);

export function classifyRefund(reply: Reply): RefundOutcome {
  if (reply.kind !== 'body') return withoutBody(reply);
  const { code, body } = reply;
  if (code === '200') {
    return { kind: 'accepted', refundedIdr: parseGrossAmount(body.refund_amount) ?? 0 };
  }
  if (code === '406') return { kind: 'duplicate' };
  if (!refundRefusals.has(code)) return otherwise(reply);
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
  if (body.transaction_id === undefined || body.order_id === undefined) return undefined;
  // By name, never by place. The second form carries a frame around the QR.
  const image =
    body.actions?.find((action) => action.name === 'generate-qr-code') ??
    body.actions?.find((action) => action.name === 'generate-qr-code-v2');
  const chargedAtMs = parseTime(body.transaction_time);
  const expiresAtMs = parseTime(body.expiry_time ?? body.expire_time);
  return {
    saleId: body.order_id,
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
    ...(refunds.length === 0 ? {} : { refunds: refunds.map(refundOf) }),
    ...(settledAtMs === undefined ? {} : { settledAtMs }),
    ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
    ...(body.issuer === undefined ? {} : { issuer: body.issuer }),
  };
}

function refundOf(refund: NonNullable<AnswerBody['refunds']>[number]): Refund {
  return {
    key: refund.refund_key ?? undefined,
    amountIdr: parseGrossAmount(refund.refund_amount ?? undefined),
    confirmed: refund.bank_confirmed_at != null,
  };
}

type Shared = Extract<StatusOutcome, { kind: 'try-again' | 'unsent' | 'unknown' }>;

/** Any other code of Midtrans' own: it did answer, and what it did is not known. */
function otherwise(reply: Extract<Reply, { kind: 'body' }>): Shared {
  if (reply.code === '429') return rateLimited(reply);
  const ailing = reply.code.startsWith('5') ? { ailing: true as const } : {};
  return { kind: 'unknown', answered: true, ...ailing, detail: `Midtrans answered ${reply.code}` };
}

function withoutBody(reply: Exclude<Reply, { kind: 'body' }>): Shared {
  if (reply.kind === 'unsent') return { ...reply, why: 'unreachable' };
  if (reply.kind === 'nothing') return { kind: 'unknown', answered: false, detail: reply.detail };
  if (reply.http === 429) return rateLimited(reply);
  // 202: the same Idempotency-Key is still running. A page of a firewall or a gateway says nothing about Midtrans.
  const running = reply.http === 202 ? { running: true as const } : {};
  const detail = `HTTP ${reply.http} without Midtrans' words`;
  return { kind: 'unknown', answered: false, ...running, detail };
}

function rateLimited({ retryAfterMs }: { retryAfterMs?: number }): Shared {
  const wish = retryAfterMs === undefined ? {} : { retryAfterMs };
  return { kind: 'try-again', detail: 'rate limited', ...wish };
}

function rejected(reply: Extract<Reply, { kind: 'body' }>): StatusOutcome & { kind: 'rejected' } {
  const { code, body } = reply;
  return { kind: 'rejected', code, detail: body.status_message ?? '' };
}
