// The state of a kiosk that knows nothing yet: at its very first start, and of its parts at every start. PURE.
import type { ErrorCode } from '../protocol/errors.ts';
import type { Part, PartHealth, State } from './state.ts';

/** What a part is called when it is not there. */
export const lostCode: Readonly<Record<Part, ErrorCode>> = {
  keypad: 'keypad-lost',
  scanner: 'scanner-lost',
  display: 'display-lost',
  printer: 'printer-lost',
  dispenser: 'dispenser-lost',
  relay: 'relay-unreachable',
  broker: 'broker-unreachable',
  journal: 'journal-failed',
  operator: 'out-of-service',
};

/** At the start of a run nobody has heard of any part; what is required counts as missing until it reports. */
export function unheardParts(required: readonly Part[]): State['parts'] {
  const of = (part: Part): PartHealth =>
    required.includes(part) ? { ok: false, code: lostCode[part] } : { ok: true };
  return {
    keypad: of('keypad'),
    scanner: of('scanner'),
    display: of('display'),
    printer: of('printer'),
    dispenser: of('dispenser'),
    relay: of('relay'),
    broker: of('broker'),
    journal: of('journal'),
    operator: of('operator'),
  };
}

/** A kiosk that has never run. */
export function newState(cursor: string, ledgerId: string): State {
  return {
    bootId: '',
    language: 'id',
    parts: unheardParts([]),
    phase: { at: 'idle' },
    reports: [],
    cursor,
    ledgerId,
    ledger: { at: 'unknown', retryAtMs: 0 },
    claims: { open: [], wrong: 0 },
  };
}

/** A state that an earlier version may have written, which lacks what was not known then. */
export function completed(written: Partial<State> | undefined, fresh: State): State {
  return { ...fresh, ...written, parts: { ...fresh.parts, ...written?.parts } };
}
