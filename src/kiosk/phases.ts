// The moves between phases that more than one event can cause. PURE.
import type { ErrorCode } from '../protocol/errors.ts';
import type { SaleItem } from '../protocol/sale.ts';
import type { Rules } from './rules.ts';
import {
  maxOpenClaims,
  patience,
  type Effect,
  type OpenSale,
  type Phase,
  type Report,
  type State,
  type StopReason,
} from './state.ts';
import { amountFault, piecesOf } from './entry.ts';
import { missingParts } from './missing.ts';
import { withVoid } from './voids.ts';

export type Step = readonly [State, readonly Effect[]];

/** An answer to a report that never comes is asked for again after this long. */
const reportPatienceMs = 30_000;

/** Starts a sale if it can be finished (rule 8); else says what is missing. Nothing was sent so far. */
export function sell(
  state: State,
  amountIdr: number,
  items: readonly SaleItem[],
  freshId: string,
  atMs: number,
  rules: Rules,
): Step {
  const fault = amountFault(amountIdr, rules.limits);
  if (fault !== undefined) return block(state, [fault], atMs);
  const missing = missingParts(state, rules);
  if (missing.length > 0) return block(state, missing, atMs);
  const { paid, phase: before } = state;
  if (before.at !== 'asking' && paid?.amountIdr === amountIdr && atMs < paid.untilMs) {
    const untilMs = atMs + patience.entryMs;
    return [{ ...state, phase: { at: 'asking', amountIdr, items, untilMs } }, []];
  }
  const sale: OpenSale = {
    saleId: freshId,
    amountIdr,
    items,
    pieces: piecesOf(amountIdr, items, rules),
    verdict: 'creating',
    bootId: state.bootId,
  };
  const untilMs = atMs + patience.chargeMs;
  const phase = {
    at: 'charging' as const,
    sale,
    sent: 'no' as const,
    tries: 0,
    retryAtMs: untilMs,
    untilMs,
  };
  return [{ ...state, phase }, [{ kind: 'charge', saleId: freshId, amountIdr, items }]];
}

/** From here on the same amount again is asked about. */
export function justPaid(state: State, amountIdr: number, atMs: number, rules: Rules): State {
  if (rules.askAgainMs === undefined) return state;
  return { ...state, paid: { amountIdr, untilMs: atMs + rules.askAgainMs } };
}

/** Ready for the next customer. */
export function toIdle(state: State): Step {
  return [{ ...state, phase: { at: 'idle' } }, []];
}

/** Whether this screen carries the code of a claim: without a QR nobody can have paid for what was abandoned. */
export function showsCode({
  outcome,
  sale,
}: Pick<Extract<Phase, { at: 'result' }>, 'outcome' | 'sale'>): boolean {
  return outcome === 'claim' || (outcome === 'abandoned' && sale.deadlineMs !== undefined);
}

/** Ready as well, and CLEAR was the last key: 00 may follow (redeem.ts). */
export function cleared(state: State): Step {
  return [{ ...state, phase: { at: 'idle', zeros: 0 } }, []];
}

/** Says why not, for a moment. */
export function block(
  state: State,
  codes: readonly ErrorCode[],
  atMs: number,
  forMs: number = patience.noticeMs,
): Step {
  return [{ ...state, phase: { at: 'blocked', codes, untilMs: atMs + forMs } }, []];
}

/** Asks the relay to end the charge. The QR is gone from this moment on. */
export function stop(
  state: State,
  sale: OpenSale,
  reason: StopReason,
  atMs: number,
  because?: ErrorCode,
): Step {
  const { phase: before } = state;
  const restartMs = before.at === 'checking' ? before.sinceMs : undefined;
  const phase = {
    at: 'stopping' as const,
    sale,
    reason,
    ...(because === undefined ? {} : { because }),
    tries: 0,
    retryAtMs: atMs + patience.chargeMs,
    sinceMs: atMs,
    ...(restartMs === undefined ? {} : { restartMs }),
  };
  const { saleId, amountIdr } = sale;
  return [{ ...state, phase }, [{ kind: 'stop', saleId, amountIdr, reason }]];
}

/**
 * The one place from which goods move. The event that leads here is on disk before the effect runs (rule 1).
 * @param dispenseId of the relay's grant, for a claim; without it the sale's own dispense.
 */
export function dispense(state: State, sale: OpenSale, dispenseId?: string): Step {
  const { saleId, pieces } = sale;
  const granted = dispenseId === undefined ? {} : { dispenseId };
  return [
    { ...state, phase: { at: 'dispensing', sale, ...granted } },
    [{ kind: 'dispense', saleId, ...granted, pieces }],
  ];
}

/** Whether both speak of the same dispense: of the sale itself, or of one redemption of its claim. */
export function isSameReport(
  one: Pick<Report, 'saleId' | 'dispenseId'>,
  other: Pick<Report, 'saleId' | 'dispenseId'>,
): boolean {
  return one.saleId === other.saleId && one.dispenseId === other.dispenseId;
}

/** Notes what the kiosk did and reports it until the relay has taken it. */
export function close(
  state: State,
  report: Pick<Report, 'saleId' | 'dispenseId' | 'result' | 'detail'>,
  atMs: number,
): Step {
  const noted: Report = { ...report, tries: 0, retryAtMs: atMs + reportPatienceMs };
  const reports = [...state.reports.filter((other) => !isSameReport(other, report)), noted];
  return [{ ...state, reports }, [{ kind: 'report', ...report }]];
}

/** The relay answers and cannot bring the charge to an end: it is handed over for good. */
export function abandon(
  state: State,
  phase: Extract<Phase, { at: 'stopping' }>,
  atMs: number,
): Step {
  const { sale, because } = phase;
  const why = because === undefined ? {} : { because };
  const abandoning = { ...state, phase: { at: 'abandoning' as const, sale, ...why } };
  const closed = close(abandoning, { saleId: sale.saleId, result: 'abandoned' }, atMs);
  // Its charge may live on, and the kiosk has done with it: nothing later takes its slip back.
  return withVoid(closed, phase, sale);
}

/** Sends again what is due. */
export function resendReports(state: State, atMs: number): Step {
  const due = state.reports.filter((report) => report.retryAtMs <= atMs);
  if (due.length === 0) return [state, []];
  const reports = state.reports.map((report) =>
    due.includes(report)
      ? { ...report, tries: report.tries + 1, retryAtMs: atMs + reportPatienceMs }
      : report,
  );
  const effects = due.map(({ saleId, dispenseId, result, detail }) => ({
    kind: 'report' as const,
    saleId,
    ...(dispenseId === undefined ? {} : { dispenseId }),
    result,
    ...(detail === undefined ? {} : { detail }),
  }));
  return [{ ...state, reports }, effects];
}

/** Why goods did not come although the dispenser can do its work. */
const blameless: ReadonlySet<string> = new Set(['not-served', 'never-started']);

/** Money is here and goods are not, or nobody knows: the customer gets a code. */
export function openClaim(
  state: State,
  sale: OpenSale,
  report: { result: 'failed' | 'unknown'; detail: string },
  atMs: number,
): Step {
  const because = report.result === 'failed' ? 'dispenser-failed' : 'dispenser-unknown';
  const phase = {
    at: 'result' as const,
    outcome: 'claim' as const,
    sale,
    ...(blameless.has(report.detail) ? {} : { because: because as ErrorCode }),
    untilMs: atMs + patience.claimMs,
  };
  const owing = { ...oweClaim(state, sale.saleId), phase };
  const [closed, effects] = close(owing, { saleId: sale.saleId, ...report }, atMs);
  const print: Effect = { kind: 'print', slip: 'claim', sale };
  return [closed, [...effects, print]];
}

/** It sells nothing more until somebody has been there, or the board was opened anew. One that is away stays away. */
export function withoutDispenser(
  state: State,
  code: 'dispenser-failed' | 'dispenser-unknown',
): State {
  if (!state.parts.dispenser.ok) return state;
  return { ...state, parts: { ...state.parts, dispenser: { ok: false, code } } };
}

/** Remembers that a customer may come back with a code for this sale. */
export function oweClaim(state: State, saleId: string): State {
  const others = state.claims.open.filter((other) => other !== saleId);
  const open = [...others, saleId].slice(-maxOpenClaims);
  return { ...state, claims: { ...state.claims, open } };
}

/** Its goods are out, or its money went back. */
export function forgetClaim(state: State, saleId: string): State {
  if (!state.claims.open.includes(saleId)) return state;
  const open = state.claims.open.filter((other) => other !== saleId);
  return { ...state, claims: { ...state.claims, open } };
}
