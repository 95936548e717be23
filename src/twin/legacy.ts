// The older and the thinner bodies that Midtrans still sends (reference §4.1, §4.2, §8.1), on demand. PURE.
import type { Body } from './answers.ts';

/**
 * `no-qr-string`, `no-framed-image`, `no-expiry-time`: a charge's answer without what is "not guaranteed".
 * `expire-time`: its other spelling. `old-gopay`: GoPay's first answer, without merchant, currency, fraud state and frame.
 * `upper-case`: `PENDING` in get-status, `ACCEPT` there and in notifications. `relabelled`: a `gopay` charge that another
 * wallet paid is called `qris` from then on.
 */
export const legacyForms = [
  'no-qr-string',
  'no-framed-image',
  'no-expiry-time',
  'expire-time',
  'old-gopay',
  'upper-case',
  'relabelled',
] as const;
export type LegacyForm = (typeof legacyForms)[number];

/** Where a body is sent. */
export type Occasion = 'charge' | 'status' | 'notification';

const notInOldGopay = [
  'merchant_id',
  'currency',
  'fraud_status',
  'channel_response_code',
  'channel_response_message',
];

/** The body as the older forms have it. */
export function aged(
  body: Body,
  forms: readonly LegacyForm[] | undefined,
  occasion: Occasion,
): Body {
  return (forms ?? []).reduce((now, form) => agedBy(now, form, occasion), body);
}

function agedBy(body: Body, form: LegacyForm, occasion: Occasion): Body {
  if (form === 'upper-case') return occasion === 'charge' ? body : upperCased(body, occasion);
  if (form === 'relabelled') {
    const byQris = body['merchant_cross_reference_id'] !== undefined;
    return byQris ? { ...body, payment_type: 'qris' } : body;
  }
  if (occasion !== 'charge') return body;
  switch (form) {
    case 'no-qr-string':
      return without(body, ['qr_string']);
    case 'no-expiry-time':
      return without(body, ['expiry_time']);
    case 'expire-time':
      return { ...without(body, ['expiry_time']), expire_time: body['expiry_time'] };
    case 'no-framed-image':
      return withoutFrame(body);
    case 'old-gopay':
      if (body['payment_type'] !== 'gopay') return body;
      return {
        ...withoutFrame(without(body, notInOldGopay)),
        status_message: 'GO-PAY billing created',
      };
  }
}

function without(body: Body, names: readonly string[]): Body {
  return Object.fromEntries(Object.entries(body).filter(([name]) => !names.includes(name)));
}

function withoutFrame(body: Body): Body {
  const { actions } = body;
  if (!Array.isArray(actions)) return body;
  const kept = actions.filter(
    (each: { name?: unknown }) => each.name !== 'generate-qr-code-v2',
  ) as unknown[];
  return { ...body, actions: kept };
}

function upperCased(body: Body, occasion: Occasion): Body {
  const upper = (name: string): Body =>
    typeof body[name] === 'string' ? { [name]: body[name].toUpperCase() } : {};
  return {
    ...body,
    ...upper('fraud_status'),
    ...(occasion === 'status' ? upper('transaction_status') : {}),
  };
}
