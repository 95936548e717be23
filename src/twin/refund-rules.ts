// Until when and at what hour a paid charge can be refunded (reference §8.4; Midtrans "Refund Transactions"). PURE.
import type { Transaction } from './transaction.ts';

const dayMs = 24 * 3_600_000;
const minuteMs = 60_000;
/** Jakarta's day begins seven hours before that of UTC. */
const jakartaOffsetMs = 7 * 3_600_000;

/** Midtrans' pages say 45 and 180 days for GoPay; the shorter one is safe to rely on. */
const onUsDays = { gopay: 45, 'airpay shopee': 365 } as const;
const offUsDays = 7;

/** ShopeePay refunds nothing between 23:55 and 06:00 in Jakarta. */
const shopeeOpensMs = 6 * 60 * minuteMs;
const shopeeClosesMs = (23 * 60 + 55) * minuteMs;

/** `on-us`: the payer's wallet and the acquirer of the QR are the same house. */
export function isOnUs(transaction: Transaction): boolean {
  return transaction.issuer === undefined || transaction.issuer === transaction.acquirer;
}

/** True when Midtrans would refuse any refund of it at this moment, whatever the amount. */
export function isClosedForRefunds(transaction: Transaction, atMs: number): boolean {
  const { acquirer, settledAtMs = atMs } = transaction;
  const days = isOnUs(transaction) ? onUsDays[acquirer] : offUsDays;
  if (atMs - settledAtMs > days * dayMs) return true;
  if (acquirer !== 'airpay shopee') return false;
  const timeOfDayMs = (atMs + jakartaOffsetMs) % dayMs;
  return timeOfDayMs < shopeeOpensMs || timeOfDayMs >= shopeeClosesMs;
}
