// GoPay's own response codes and what Midtrans makes of them on a charge (reference §7). PURE.

/** GoPay's published names, as `channel_response_message` carries them. */
const names: Readonly<Record<string, string>> = {
  '900': 'GENERIC_SERVICE_ERROR',
  '901': 'ATTRIBUTE_NOT_AVAILABLE_ERROR',
  '902': 'MALFORMED_JSON',
  '903': 'FORBIDDEN_OPERATION',
  '101': 'WALLET_NOT_FOUND',
  '102': 'MERCHANT_NOT_AUTHORIZED',
  '109': 'CURRENTLY_NOT_ALLOWED',
  '110': 'UNAUTHORIZED',
  '112': 'WALLET_BLOCKED',
  '116': 'MERCHANT_NOT_FOUND',
  '126': 'CUSTOMER_WALLET_BLOCKED',
  '127': 'SERVICE_PROVIDER_WALLET_BLOCKED',
  '130': 'SERVICE_BLOCKED',
  '132': 'TRANSACTION_IN_PROGRESS',
  '133': 'SETTLEMENT_FAILED',
  '142': 'INVALID_MERCHANT_IDENTIFIER',
  '151': 'AMEND_RESERVATION_INVALID_AMOUNT',
  '153': 'INVALID_PAYMENT_OPTION',
  '201': 'INSUFFICIENT_BALANCE',
};

export function channelMessage(code: string): string {
  return names[code] ?? 'DENIED';
}

/** The fraud detection's refusal: the only denial whose `fraud_status` is `deny`. */
export const fraudCode = '4060';

/** `deny`: a denied transaction, HTTP 200 and body 202. `error`: an error body, no transaction and no notification. */
export type Mapped =
  { kind: 'deny' } | { kind: 'error'; code: string; message?: string; validation?: string[] };

const errors: Readonly<Record<string, { code: string; message?: string; validation?: string[] }>> =
  {
    '310': { code: '400', validation: ['GoPay request is malformed'] },
    '2701': { code: '400', validation: ['currency is not supported'] },
    '153': { code: '400', validation: ['payment_option_token is invalid'] },
    '5009': { code: '400', validation: ['payment_option_token is expired'] },
    '2901': { code: '406' },
    '132': { code: '406' },
    '303': { code: '402', message: 'Missing GoPay merchant setting data' },
    '2903': { code: '402', message: 'Missing GoPay merchant setting data' },
    '110': { code: '402', message: 'GoPay merchant is unauthorized.' },
    '1703': { code: '402', message: 'GoPay merchant is not active.' },
    // 402 until January 2024.
    '112': { code: '410' },
    '902': { code: '413' },
    '101': { code: '404', message: "GoPay Wallet doesn't exist." },
  };

/** What a charge becomes when GoPay answers `code`. `as500`: the other of the two ways that 900 is passed on. */
export function mappedCode(code: string, as500: boolean): Mapped {
  if (as500 && code === '900') return { kind: 'error', code: '500' };
  const error = errors[code];
  return error === undefined ? { kind: 'deny' } : { kind: 'error', ...error };
}
