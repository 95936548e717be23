// The moves between phases that more than one event can cause. PURE.
import type { ErrorCode } from '../protocol/errors.ts';
import type { SaleItem } from '../protocol/sale.ts';
import {
  maxReports,
  patience,
  type Effect,
  type OpenSale,
  type Report,
  type Rules,
  type State,
  type StopReason,
} from './state.ts';
import { amountFault } from './entry.ts';

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
  const sale: OpenSale = {
    saleId: freshId,
    amountIdr,
    items,
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

/** What keeps this kiosk from selling, by the same codes on the screen and in the status message. */
export function missingParts(state: State, rules: Rules): readonly ErrorCode[] {
  const codes = rules.required.flatMap((part) => {
    const health = state.parts[part];
    return health.ok ? [] : [health.code];
  });
  return state.reports.length >= maxReports ? [...codes, 'relay-unreachable'] : codes;
}

/** Ready for the next customer. */
export function toIdle(state: State): Step {
  return [{ ...state, phase: { at: 'idle' } }, []];
}

/** Says why not, for a moment. */
export function block(state: State, codes: readonly ErrorCode[], atMs: number): Step {
  return [{ ...state, phase: { at: 'blocked', codes, untilMs: atMs + patience.noticeMs } }, []];
}

/** Asks the relay to end the charge. The QR is gone from this moment on. */
export function stop(
  state: State,
  sale: OpenSale,
  reason: StopReason,
  atMs: number,
  because?: ErrorCode,
): Step {
  const phase = {
    at: 'stopping' as const,
    sale,
    reason,
    ...(because === undefined ? {} : { because }),
    tries: 0,
    retryAtMs: atMs + patience.chargeMs,
    sinceMs: atMs,
  };
  const { saleId, amountIdr } = sale;
  return [{ ...state, phase }, [{ kind: 'stop', saleId, amountIdr, reason }]];
}

/** The one place from which goods move. The event that leads here is on disk before the effect runs (rule 1). */
export function dispense(state: State, sale: OpenSale): Step {
  const { saleId, amountIdr, items } = sale;
  return [
    { ...state, phase: { at: 'dispensing', sale } },
    [{ kind: 'dispense', saleId, amountIdr, items }],
  ];
}

/** Notes what the kiosk did and reports it until the relay has taken it. */
export function close(
  state: State,
  report: Pick<Report, 'saleId' | 'result' | 'detail'>,
  atMs: number,
): Step {
  const noted: Report = { ...report, tries: 0, retryAtMs: atMs + reportPatienceMs };
  const reports = [...state.reports.filter((other) => other.saleId !== report.saleId), noted];
  return [{ ...state, reports }, [{ kind: 'report', ...report }]];
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
  const effects = due.map(({ saleId, result, detail }) => ({
    kind: 'report' as const,
    saleId,
    result,
    ...(detail === undefined ? {} : { detail }),
  }));
  return [{ ...state, reports }, effects];
}

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
    ...(report.detail === 'not-served' ? {} : { because: because as ErrorCode }),
    untilMs: atMs + patience.claimMs,
  };
  const [closed, effects] = close({ ...state, phase }, { saleId: sale.saleId, ...report }, atMs);
  const print: Effect = { kind: 'print', slip: 'claim', sale };
  return [closed, [...effects, print]];
}
