// What keeps a kiosk from selling (rule 8), and where a QR goes: onto the display or onto paper, whichever works. PURE.
import type { ErrorCode } from '../protocol/errors.ts';
import { ledgerCode } from './ledger-check.ts';
import type { Step } from './phases.ts';
import type { Rules } from './rules.ts';
import {
  maxReports,
  type Effect,
  type Part,
  type Phase,
  type QrPlace,
  type State,
} from './state.ts';

const partOf = { display: 'display', paper: 'printer' } as const;

/** What keeps this kiosk from selling, by the same codes on the screen and in the status message. */
export function missingParts(state: State, rules: Rules): readonly ErrorCode[] {
  const codes = [...neededNow(state, rules), 'operator' as const].flatMap((part) => {
    const health = state.parts[part];
    return health.ok ? [] : [health.code];
  });
  const ledger = state.parts.relay.ok ? ledgerCode(state.ledger) : undefined;
  const waiting = state.reports.length >= maxReports ? ['relay-unreachable' as const] : [];
  return [...new Set([...codes, ...waiting, ...(ledger === undefined ? [] : [ledger])])];
}

/** The parts as the relay is told of them: one that is there and cannot be used says why, by the screen's code. */
export function toldParts(state: State, rules: Rules): State['parts'] {
  const { parts } = state;
  const told = Object.values(parts).flatMap((part) => (part.ok ? [] : [part.code]));
  const code = missingParts(state, rules).find((one) => !told.includes(one));
  return code === undefined ? parts : { ...parts, relay: { ok: false, code } };
}

/** Everything whose absence could keep this kiosk from selling. */
export function neededParts({ required, qrElsewhere }: Rules): readonly Part[] {
  return qrElsewhere === true ? [...new Set([...required, ...Object.values(partOf)])] : required;
}

/** Of two places for the QR one is enough. */
function neededNow(state: State, rules: Rules): readonly Part[] {
  const needed = neededParts(rules);
  if (rules.qrElsewhere !== true || qrPlace(state, rules) === undefined) return needed;
  return needed.filter((part) => part !== 'display' && part !== 'printer');
}

/** Where the QR of a sale goes now; undefined: nowhere. @param before where it went already. */
export function qrPlace(state: State, rules: Rules, before?: QrPlace): QrPlace | undefined {
  const first = before ?? rules.qrOn;
  const other = first === 'display' ? 'paper' : 'display';
  const places: readonly QrPlace[] = rules.qrElsewhere === true ? [first, other] : [first];
  return places.find((place) => state.parts[partOf[place]].ok);
}

/** The QR on paper, with what is left of its life. */
export function printQr(phase: Extract<Phase, { at: 'paying' }>, atMs: number): Effect {
  const { sale, qrString } = phase;
  return { kind: 'print', slip: 'qr', sale, qrString, leftMs: phase.deadlineMs - atMs };
}

/** The panel shows no QR (any more): the same QR comes out of the printer, if there is one that serves for it. */
export function toPaper(state: State, atMs: number, rules: Rules): Step | undefined {
  const { phase } = state;
  if (phase.at !== 'paying' || phase.sale.qrOn !== 'display') return undefined;
  if (rules.qrElsewhere !== true || !state.parts.printer.ok) return undefined;
  const onPaper = { ...phase, sale: { ...phase.sale, qrOn: 'paper' as const } };
  return [{ ...state, phase: onPaper }, [printQr(onPaper, atMs)]];
}
