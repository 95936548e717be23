// What the answers of the relay, the dispenser and the printer do. PURE. Verdicts are in `told.ts`.
import { close, openClaim, stop, type Step } from './phases.ts';
import { saleInHand } from './told.ts';
import {
  patience,
  retryDelayMs,
  type Effect,
  type EventOf,
  type Rules,
  type State,
} from './state.ts';

export function requestFailed(state: State, event: EventOf<'request-failed'>): Step {
  const { request, saleId, failure, atMs } = event;
  if (request === 'report') return reportFailed(state, event);
  const { phase } = state;
  if (saleInHand(state)?.saleId !== saleId) return [state, []];
  if (phase.at === 'charging' && request === 'charge') {
    if (failure.kind === 'unsent' && phase.sent === 'no') {
      const untilMs = atMs + patience.resultMs;
      const { sale } = phase;
      return [
        {
          ...state,
          phase: { at: 'result', outcome: 'unsent', sale, because: failure.code, untilMs },
        },
        [],
      ];
    }
    if (failure.kind === 'refused' && !failure.retryable) {
      return stop(state, phase.sale, 'fault', atMs, failure.code);
    }
    const retryAtMs = atMs + retryDelayMs(phase.tries);
    return [{ ...state, phase: { ...phase, sent: 'maybe', retryAtMs } }, []];
  }
  if (phase.at === 'checking' && request === 'look') {
    // The relay never had it: a tombstone makes sure that it never will.
    if (failure.kind === 'refused' && failure.code === 'sale-unknown') {
      return stop(state, phase.sale, 'fault', atMs);
    }
    return [{ ...state, phase: { ...phase, retryAtMs: atMs + retryDelayMs(phase.tries) } }, []];
  }
  if (phase.at === 'stopping' && request === 'stop') {
    // An HTTP error never ends a sale; a refusal stands on the screen for whoever must mend it.
    const because = failure.kind === 'refused' ? failure.code : phase.because;
    const waiting = { ...phase, retryAtMs: atMs + retryDelayMs(phase.tries) };
    return [{ ...state, phase: because === undefined ? waiting : { ...waiting, because } }, []];
  }
  return [state, []];
}

function reportFailed(state: State, event: EventOf<'request-failed'>): Step {
  const { saleId, failure, atMs } = event;
  // The relay holds another result for this sale and the first one wins: nothing is left to say.
  if (failure.code === 'fulfilment-mismatch') return reported(state, event);
  const reports = state.reports.map((report) =>
    report.saleId === saleId ? { ...report, retryAtMs: atMs + retryDelayMs(report.tries) } : report,
  );
  return [{ ...state, reports }, []];
}

export function reported(state: State, event: { saleId: string; atMs: number }): Step {
  const reports = state.reports.filter((report) => report.saleId !== event.saleId);
  const next = { ...state, reports };
  const { phase } = state;
  if (phase.at !== 'abandoning' || phase.sale.saleId !== event.saleId) return [next, []];
  const outcome = phase.sale.verdict === 'paid' ? ('claim' as const) : ('abandoned' as const);
  const untilMs = event.atMs + (outcome === 'claim' ? patience.claimMs : patience.resultMs);
  return [{ ...next, phase: { ...phase, at: 'result', outcome, untilMs } }, []];
}

export function dispensed(
  state: State,
  saleId: string,
  result: 'done' | 'failed' | 'unknown',
  atMs: number,
  rules: Rules,
): Step {
  const { phase } = state;
  if (phase.at !== 'dispensing' || phase.sale.saleId !== saleId) return [state, []];
  const { sale } = phase;
  if (result !== 'done') {
    const code = result === 'failed' ? 'dispenser-failed' : 'dispenser-unknown';
    // It sells nothing more until somebody has been there: a board that is opened anew reports itself.
    const parts = { ...state.parts, dispenser: { ok: false as const, code } as const };
    return openClaim({ ...state, parts }, sale, { result, detail: code }, atMs);
  }
  const thanks = {
    at: 'result' as const,
    outcome: 'done' as const,
    sale,
    untilMs: atMs + patience.resultMs,
  };
  const [closed, effects] = close({ ...state, phase: thanks }, { saleId, result }, atMs);
  const receipt: Effect = { kind: 'print', slip: 'receipt', sale };
  return [closed, rules.receipts ? [...effects, receipt] : effects];
}

/** Only a QR slip matters: one that is not certainly on paper is stopped before anything else (rule 6). */
export function printed(state: State, event: EventOf<'printed'>, rules: Rules): Step {
  const { phase } = state;
  if (event.slip === 'receipt') return noReceipt(state, event);
  if (event.slip !== 'qr' || phase.at !== 'paying' || phase.sale.saleId !== event.saleId) {
    return [state, []];
  }
  const sure =
    event.result === 'printed' || (event.result === 'unknown' && rules.acceptBlindPrinter);
  if (sure) return [state, []];
  return stop(state, phase.sale, 'fault', event.atMs, event.code ?? 'printer-lost');
}

/** A QR that cannot be read is no QR: its charge is stopped. */
export function notShown(state: State, event: EventOf<'not-shown'>): Step {
  const { phase } = state;
  if (phase.at !== 'paying' || phase.sale.saleId !== event.saleId) return [state, []];
  return stop(state, phase.sale, 'fault', event.atMs, 'display-lost');
}

/** The customer is told that no receipt comes; the sale is as good as with one. */
function noReceipt(state: State, event: EventOf<'printed'>): Step {
  const { phase } = state;
  const shown = phase.at === 'result' && phase.sale.saleId === event.saleId;
  if (!shown || event.result !== 'failed') return [state, []];
  return [{ ...state, phase: { ...phase, noReceipt: true } }, []];
}
