// The code on a claim slip: ten digits and a check digit, short enough for a keypad. The kiosk can make it while the
// relay is away, because both know the claim secret (PROTOCOL.md §7).
import { createHmac } from 'node:crypto';

const digits = 10;

/** `claimSecret`: base64url, 32 bytes, from enrolment. */
export function claimCode(claimSecret: string, saleId: string): string {
  const mac = createHmac('sha256', Buffer.from(claimSecret, 'base64url')).update(saleId).digest();
  const number = mac.readBigUInt64BE(0) % 10n ** BigInt(digits);
  const body = number.toString().padStart(digits, '0');
  return `${body}${luhnDigit(body)}`;
}

/** The sale, among these, whose code this is. */
export function saleOfCode<T extends { saleId: string }>(
  claimSecret: string,
  code: string,
  sales: readonly T[],
): T | undefined {
  return sales.find(({ saleId }) => claimCode(claimSecret, saleId) === code);
}

/** Eleven digits, the last of which fits the others. */
export function isClaimCode(text: string): boolean {
  return /^\d{11}$/.test(text) && luhnDigit(text.slice(0, digits)) === text.slice(digits);
}

/** ISO/IEC 7812-1 Annex B: catches every single wrong digit and most swapped neighbours. */
export function luhnDigit(body: string): string {
  let sum = 0;
  for (let i = body.length - 1, double = true; i >= 0; i--, double = !double) {
    const digit = Number(body[i]) * (double ? 2 : 1);
    sum += digit > 9 ? digit - 9 : digit;
  }
  return String((10 - (sum % 10)) % 10);
}

/** `1234 5678 901`: how screens and slips write it. */
export function formatClaimCode(code: string): string {
  return `${code.slice(0, 4)} ${code.slice(4, 8)} ${code.slice(8)}`;
}
