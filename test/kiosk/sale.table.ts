// For the table of the machine: one state of every phase, and events of every kind, aimed at it. The types see to it that no
// phase and no kind of event is left out.
import type { Key } from '../../drivers/device.ts';
import type { NewEvent } from '../../src/kiosk/kiosk.ts';
import { newState } from '../../src/kiosk/new-state.ts';
import type { OpenSale, Outcome, Phase, State, Told } from '../../src/kiosk/state.ts';
import { startCursor } from '../../src/protocol/sale.ts';
import { verdicts } from '../../src/protocol/verdict.ts';
import { code, dispenseId } from './desk.ts';
import { ledgerId, qris, saleA, saleB, tell } from './machine.ts';

/** The moment of every event; what waits is due long after it. */
export const nowMs = 1_000;
const laterMs = 100_000;
const amountIdr = 15_000;

const sale: OpenSale = {
  ...{ saleId: saleA, amountIdr, items: [], pieces: 1, verdict: 'creating', bootId: 'boot-1' },
};
const shown: OpenSale = { ...sale, verdict: 'pending', deadlineMs: laterMs, qrOn: 'display' };
const waits = { tries: 0, retryAtMs: laterMs };
const items = [{ id: 'teh', name: 'Teh', priceIdr: 5_000, quantity: 1 }];
const past = { saleId: saleB, amountIdr, slip: 'receipt' } as const;
const result = (outcome: Outcome, of: OpenSale): Phase => ({
  ...{ at: 'result', outcome, sale: of, untilMs: laterMs },
});

/** By name; each phase at least once. */
const named: Readonly<Record<Phase['at'], Phase>> = {
  idle: { at: 'idle' },
  entering: { at: 'entering', digits: '15', untilMs: laterMs },
  basket: { at: 'basket', items, untilMs: laterMs },
  asking: { at: 'asking', amountIdr, items: [], untilMs: 2_000 },
  technician: { at: 'technician', untilMs: laterMs },
  blocked: { at: 'blocked', codes: ['relay-unreachable'], untilMs: laterMs },
  charging: { at: 'charging', sale, sent: 'no', ...waits, untilMs: laterMs },
  checking: { at: 'checking', sale: shown, ...waits },
  paying: {
    ...{ at: 'paying', sale: shown, qrString: qris(amountIdr), deadlineMs: laterMs },
    ...{ totalMs: laterMs, lookAtMs: laterMs },
  },
  stopping: { at: 'stopping', sale: shown, reason: 'customer', ...waits, sinceMs: 0 },
  abandoning: { at: 'abandoning', sale: shown },
  dispensing: { at: 'dispensing', sale: { ...shown, verdict: 'paid' } },
  claiming: { at: 'claiming', digits: code, untilMs: laterMs },
  seeking: { at: 'seeking', code, untilMs: laterMs },
  redeeming: {
    ...{ at: 'redeeming', sale: { ...sale, verdict: 'paid' }, dispenseId, sent: 'no' },
    ...{ ...waits, untilMs: laterMs },
  },
  result: result('done', { ...shown, verdict: 'paid' }),
};
export const phases: Readonly<Record<string, Phase>> = {
  ...named,
  'idle-after-clear': { at: 'idle', zeros: 0 },
  'technician-printing': { at: 'technician', paper: 'printing', untilMs: laterMs },
  'technician-asked': { at: 'technician', paper: 'asked', untilMs: laterMs },
  'technician-slips': { at: 'technician', slips: [past], untilMs: laterMs },
  'technician-support': { at: 'technician', support: true, untilMs: laterMs },
  'dispensing-claim': { at: 'dispensing', sale: { ...sale, verdict: 'paid' }, dispenseId },
  'result-cancelled': result('cancelled', { ...shown, verdict: 'cancelled' }),
  'result-claim': result('claim', { ...shown, verdict: 'paid' }),
  'result-claim-read': {
    ...{ at: 'result', outcome: 'claim', sale: { ...shown, verdict: 'paid' }, untilMs: 50_000 },
  },
};

const keys: readonly Key[] = [
  ...(['0', '1', '00', '000', 'enter', 'backspace', 'clear', 'cancel', 'language'] as const),
];
const okay = { ok: true } as const;

/** The same verdict by both ways, about the sale in hand. */
function tells(): Record<string, NewEvent> {
  const all: Record<string, NewEvent> = {};
  for (const verdict of verdicts) {
    const event = tell(verdict, { askedAtMs: nowMs, settledAgoMs: 0 });
    all[`${verdict} by http`] = event;
    all[`${verdict} by mqtt`] = { ...event, via: 'mqtt' };
  }
  const other = (more: Partial<Told>): NewEvent => tell('paid', { settledAgoMs: 0, ...more });
  all['paid, another sale'] = other({ saleId: saleB });
  all['paid, another amount'] = other({ amountIdr: amountIdr + 1 });
  all['paid, with a fulfilment'] = other({ fulfilment: 'done' });
  all['paid, another ledger'] = other({ ledgerId: 'ledger-2' });
  return all;
}

function failures(): Record<string, NewEvent> {
  const all: Record<string, NewEvent> = {};
  const lost = { kind: 'lost', code: 'relay-unreachable' } as const;
  const unsent = { kind: 'unsent', code: 'relay-unreachable' } as const;
  const refused = { kind: 'refused', code: 'bad-request', retryable: false } as const;
  const unknown = { kind: 'refused', code: 'sale-unknown', retryable: false } as const;
  const cloned = { kind: 'refused', code: 'kiosk-cloned', retryable: false } as const;
  for (const request of ['charge', 'look', 'stop', 'report', 'redeem'] as const) {
    const of = request === 'redeem' ? { saleId: saleA, dispenseId } : { saleId: saleA };
    for (const [name, failure] of Object.entries({ lost, unsent, refused, unknown, cloned })) {
      all[`${request} ${name}`] = { kind: 'request-failed', request, ...of, failure };
    }
  }
  return all;
}

const found = {
  saleId: saleB,
  amountIdr,
  items: [],
  pieces: 1,
  verdict: 'paid',
  honoured: false,
} as const;

/** Events of every kind, by name within the kind. */
const kinds: Readonly<Record<NewEvent['kind'], Readonly<Record<string, NewEvent>>>> = {
  restarted: {
    'in the same boot': { kind: 'restarted', bootId: 'boot-1' },
    'in a new boot': { kind: 'restarted', bootId: 'boot-2' },
  },
  part: {
    'display lost': { kind: 'part', part: 'display', health: { ok: false, code: 'display-lost' } },
    'dispenser back': { kind: 'part', part: 'dispenser', health: okay },
    'relay lost': { kind: 'part', part: 'relay', health: { ok: false, code: 'relay-unreachable' } },
    'broker lost': {
      ...{ kind: 'part', part: 'broker', health: { ok: false, code: 'broker-unreachable' } },
    },
  },
  key: Object.fromEntries(keys.map((key) => [key, { kind: 'key', key, freshId: saleB }])),
  scan: {
    'an item': { kind: 'scan', scan: { text: '96385074' } },
    nonsense: { kind: 'scan', scan: { text: 'hello' } },
    'a claim': { kind: 'scan', scan: { text: `KLAIM${code}` } },
    'a technician': { kind: 'scan', scan: { text: 'TEKNISI314159' } },
  },
  told: tells(),
  'request-failed': failures(),
  reported: { 'this sale': { kind: 'reported', saleId: saleA } },
  'caught-up': {
    'nothing new': { kind: 'caught-up', told: [], ledgerId, more: false },
    'this sale paid': {
      ...{ kind: 'caught-up', ledgerId, more: false },
      told: [tell('paid', { settledAgoMs: 0 }).told],
    },
    'another ledger': { kind: 'caught-up', told: [], ledgerId: 'ledger-2', more: false },
  },
  'catch-up-failed': {
    lost: { kind: 'catch-up-failed', failure: { kind: 'lost', code: 'relay-unreachable' } },
    cloned: {
      kind: 'catch-up-failed',
      failure: { kind: 'refused', code: 'kiosk-cloned', retryable: false },
    },
  },
  'ledger-differs': {
    'this one': { kind: 'ledger-differs', asked: ledgerId },
    'one of before': { kind: 'ledger-differs', asked: 'ledger-0' },
  },
  recovered: {
    all: { kind: 'recovered', post: 'all', ledgerId: 'ledger-2', recovering: false },
  },
  'recover-failed': { '': { kind: 'recover-failed', code: 'relay-unreachable' } },
  'claim-sought': {
    found: { kind: 'claim-sought', code, freshId: dispenseId, found },
    'not found': { kind: 'claim-sought', code, freshId: dispenseId },
  },
  granted: { '': { kind: 'granted', saleId: saleA, dispenseId, amountIdr } },
  dispensed: {
    done: { kind: 'dispensed', saleId: saleA, result: 'done' },
    failed: { kind: 'dispensed', saleId: saleA, result: 'failed' },
    unknown: { kind: 'dispensed', saleId: saleA, result: 'unknown' },
    'done for the claim': { kind: 'dispensed', saleId: saleA, dispenseId, result: 'done' },
    'failed for the claim': { kind: 'dispensed', saleId: saleA, dispenseId, result: 'failed' },
  },
  'dispenser-recalled': {
    never: { kind: 'dispenser-recalled', saleId: saleA, result: 'never' },
    done: { kind: 'dispenser-recalled', saleId: saleA, result: 'done' },
    'never for the claim': {
      ...{ kind: 'dispenser-recalled', saleId: saleA, dispenseId, result: 'never' },
    },
  },
  printed: {
    'qr printed': { kind: 'printed', slip: 'qr', saleId: saleA, result: 'printed' },
    'qr failed': { kind: 'printed', slip: 'qr', saleId: saleA, result: 'failed' },
    'receipt failed': { kind: 'printed', slip: 'receipt', saleId: saleA, result: 'failed' },
    'claim failed': { kind: 'printed', slip: 'claim', saleId: saleA, result: 'failed' },
    'void failed': { kind: 'printed', slip: 'void', saleId: saleA, result: 'failed' },
    'day printed': { kind: 'printed', slip: 'day', result: 'printed' },
    'reprint unknown': { kind: 'printed', slip: 'reprint', saleId: saleB, result: 'unknown' },
  },
  'slips-found': { '': { kind: 'slips-found', slips: [past] } },
  sheet: {
    taken: { kind: 'sheet', result: 'taken' },
    refused: { kind: 'sheet', result: 'sheet-not-now' },
  },
  'not-shown': { '': { kind: 'not-shown', saleId: saleA } },
  woke: { '': { kind: 'woke' } },
};

export const events: readonly (readonly [name: string, event: NewEvent])[] = Object.entries(
  kinds,
).flatMap(([kind, variants]) =>
  Object.entries(variants).map(([name, event]) => [`${kind} ${name}`.trim(), event] as const),
);

/** A kiosk in this phase with everything well. */
export function stateIn(phase: Phase): State {
  const calm = newState(startCursor, ledgerId);
  return { ...calm, bootId: 'boot-1', ledger: { at: 'same' }, phase };
}
