// Every state that a screen is drawn for, with the longest words that it may have: for the tests of screens and display.
import type { ScreenContext } from '../../src/kiosk/screens.ts';
import { maxPastSlips, type OpenSale, type Phase, type State } from '../../src/kiosk/state.ts';
import { newState } from '../../src/kiosk/new-state.ts';
import type { ErrorCode } from '../../src/protocol/errors.ts';
import { startCursor } from '../../src/protocol/sale.ts';
import { ledgerId, qris, rules, saleA } from './machine.ts';

export const context: ScreenContext = {
  rules,
  merchant: { name: 'WARUNG BERKAH SENTOSA 123', nmid: 'ID1099000000001' },
  sandbox: true,
  nowMs: 20_000,
  claimCode: () => '1234 5678 901',
  supportText: () => 'KIOS ksk01 0.1.0\nrelay: 12 s ago\nfaults: none',
};
export const sale: OpenSale = {
  saleId: saleA,
  amountIdr: 10_000_000,
  items: [
    { id: 'kopi', name: 'Kopi susu gula aren ukuran besar sekali', priceIdr: 12_000, quantity: 99 },
  ],
  pieces: 99,
  verdict: 'pending',
  bootId: 'boot-1',
};
export const paying: Extract<Phase, { at: 'paying' }> = {
  at: 'paying',
  sale,
  qrString: qris(10_000_000),
  deadlineMs: 181_000,
  totalMs: 180_000,
  lookAtMs: 0,
};
export const result = (
  outcome: Extract<Phase, { at: 'result' }>['outcome'],
  because?: ErrorCode,
): Phase => ({
  at: 'result',
  outcome,
  sale,
  untilMs: 0,
  ...(because === undefined ? {} : { because }),
});

export const phases: Record<string, Phase> = {
  idle: { at: 'idle' },
  entering: { at: 'entering', digits: '10000000', untilMs: 0 },
  'entering too much': {
    at: 'entering',
    digits: '10000000',
    notice: 'amount-above-limit',
    untilMs: 0,
  },
  basket: {
    at: 'basket',
    items: Array.from({ length: 9 }, (_, i) => ({
      ...(sale.items[0] ?? { id: '', name: '', priceIdr: 0, quantity: 1 }),
      id: String(i),
    })),
    notice: 'barcode-check-digit',
    untilMs: 0,
  },
  asking: { at: 'asking', amountIdr: 10_000_000, items: [], untilMs: 0 },
  technician: { at: 'technician', untilMs: 0 },
  'technician, printing': { at: 'technician', paper: 'printing', untilMs: 0 },
  'technician, slips of the past': {
    ...{ at: 'technician', paper: 'printer-paper-out', untilMs: 0 },
    slips: Array.from({ length: maxPastSlips }, (_, i) => ({
      ...{ saleId: saleA, amountIdr: 10_000_000 },
      slip: i % 2 === 0 ? ('claim' as const) : ('receipt' as const),
    })),
  },
  'technician, QR for whoever helps': { at: 'technician', support: true, untilMs: 0 },
  'technician, a set-up sheet': { at: 'technician', sheet: 'sheet-unread', untilMs: 0 },
  'technician, no slips': { at: 'technician', slips: [], untilMs: 0 },
  blocked: {
    at: 'blocked',
    codes: ['relay-unreachable', 'printer-paper-out', 'dispenser-lost'],
    untilMs: 0,
  },
  charging: { at: 'charging', sale, sent: 'no', tries: 0, retryAtMs: 0, untilMs: 0 },
  checking: { at: 'checking', sale, tries: 0, retryAtMs: 0 },
  paying,
  stopping: { at: 'stopping', sale, reason: 'customer', tries: 0, retryAtMs: 0, sinceMs: 0 },
  abandoning: { at: 'abandoning', sale },
  dispensing: { at: 'dispensing', sale },
  'dispensing for a claim': { at: 'dispensing', sale, dispenseId: 'd1' },
  claiming: { at: 'claiming', digits: '123456', untilMs: 0 },
  'claiming while locked': {
    at: 'claiming',
    digits: '12345678901',
    notice: 'claim-entry-locked',
    untilMs: 0,
  },
  seeking: { at: 'seeking', code: '12345678901', untilMs: 0 },
  redeeming: {
    at: 'redeeming',
    sale,
    dispenseId: 'd1',
    sent: 'no',
    tries: 0,
    retryAtMs: 0,
    untilMs: 0,
  },
  'a claim that is not served': {
    at: 'blocked',
    codes: ['claim-not-now', 'relay-unreachable'],
    untilMs: 0,
  },
  done: result('done'),
  cancelled: result('cancelled', 'qr-merchant'),
  expired: result('expired'),
  refunded: result('refunded'),
  denied: result('denied', 'charge-try-again'),
  unsent: result('unsent', 'relay-unreachable'),
  abandoned: result('abandoned'),
  'abandoned, with Midtrans away': result('abandoned', 'gateway-down'),
  claim: result('claim', 'dispenser-unknown'),
  'a claim without a slip': { ...result('claim', 'dispenser-failed'), noSlip: true } as Phase,
};

export function stateAt(phase: Phase, language: 'id' | 'en'): State {
  const claims = { open: [saleA], wrong: 0 };
  return {
    ...newState(startCursor, ledgerId),
    ...{ bootId: 'boot-1', phase, language, claims, ledger: { at: 'same' } },
  };
}
