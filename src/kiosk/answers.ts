// What the answers of the relay, the dispenser and the printer do. PURE. Verdicts are in `told.ts`.
import { relayRecovers, saleUnknown, turnedAway } from './ledger-check.ts';
import { toPaper } from './missing.ts';
import {
  abandon,
  close,
  isSameReport,
  openClaim,
  oweClaim,
  showsCode,
  stop,
  withoutDispenser,
  type Step,
} from './phases.ts';
import { redeemed, redeemFailed } from './redeem.ts';
import { technicianPrinted } from './technician.ts';
import { saleInHand } from './told.ts';
import { voidPrinted } from './voids.ts';
import type { Rules } from './rules.ts';
import {
  patience,
  retryDelayMs,
  type Effect,
  type EventOf,
  type Report,
  type State,
} from './state.ts';

/** A relay that refuses a redemption's result has it otherwise: it is told so often, so far apart. */
const maxRefusals = 5;
const refusedAgainMs = 60_000;

export function requestFailed(before: State, event: EventOf<'request-failed'>): Step {
  const { request, saleId, failure, atMs } = event;
  const state =
    failure.code === 'recovering' ? relayRecovers(before, atMs) : turnedAway(before, failure, atMs);
  if (request === 'report') return reportFailed(state, event);
  if (request === 'redeem') return redeemFailed(state, event);
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
  const unknown = failure.kind === 'refused' && failure.code === 'sale-unknown';
  if (phase.at === 'checking' && request === 'look') {
    // The relay never had it: a tombstone makes sure that it never will. A relay of which that is not sure is asked again.
    if (unknown && state.ledger.at === 'same') return stop(state, phase.sale, 'fault', atMs);
    return [{ ...state, phase: { ...phase, retryAtMs: atMs + retryDelayMs(phase.tries) } }, []];
  }
  if (phase.at === 'stopping' && request === 'stop') {
    // An HTTP error never ends a sale; a refusal stands on the screen for whoever must mend it.
    const because = failure.kind === 'refused' ? failure.code : phase.because;
    const waiting = { ...phase, retryAtMs: atMs + retryDelayMs(phase.tries) };
    const told = because === undefined ? waiting : { ...waiting, because };
    // The relay has another amount under this id (somebody on the line altered ours): no cancel of ours ever fits it.
    const hopeless = because === 'sale-mismatch' && atMs - phase.sinceMs >= patience.stopMs;
    return hopeless ? abandon(state, told, atMs) : [{ ...state, phase: told }, []];
  }
  // It has shown us the QR of this sale, signed: it has lost its memory.
  if (phase.at === 'paying' && unknown) return saleUnknown(state, atMs);
  return [state, []];
}

function reportFailed(state: State, event: EventOf<'request-failed'>): Step {
  const { failure, atMs } = event;
  // The relay holds another result for this sale and the first one wins: nothing is left to say.
  if (failure.code === 'fulfilment-mismatch') return reported(state, event);
  const reports = state.reports.flatMap((report) =>
    isSameReport(report, event) ? reportAgain(report, failure, atMs) : [report],
  );
  const waiting = { ...state, reports };
  return failure.code === 'sale-unknown' ? saleUnknown(waiting, atMs) : [waiting, []];
}

/** None: a redemption's result that the relay has refused often enough. It is locked there, and the journal has it. */
function reportAgain(
  report: Report,
  failure: EventOf<'request-failed'>['failure'],
  atMs: number,
): readonly Report[] {
  const final = failure.kind === 'refused' && !failure.retryable;
  if (report.dispenseId === undefined || !final) {
    return [{ ...report, retryAtMs: atMs + retryDelayMs(report.tries) }];
  }
  const refusals = (report.refusals ?? 0) + 1;
  if (refusals >= maxRefusals) return [];
  return [{ ...report, refusals, retryAtMs: atMs + refusedAgainMs }];
}

export function reported(
  state: State,
  event: Pick<Report, 'saleId' | 'dispenseId'> & { atMs: number },
): Step {
  const reports = state.reports.filter((report) => !isSameReport(report, event));
  const next = { ...state, reports };
  const { phase } = state;
  if (phase.at !== 'abandoning' || !isSameReport(phase.sale, event)) return [next, []];
  const outcome = phase.sale.verdict === 'paid' ? ('claim' as const) : ('abandoned' as const);
  const result = { ...phase, at: 'result' as const, outcome };
  const untilMs = event.atMs + (showsCode(result) ? patience.claimMs : patience.resultMs);
  // Without a QR nobody can have paid.
  const owing = phase.sale.deadlineMs === undefined ? next : oweClaim(next, event.saleId);
  return [{ ...owing, phase: { ...result, untilMs } }, []];
}

export function dispensed(
  state: State,
  order: Pick<Report, 'saleId' | 'dispenseId'> & { atMs: number },
  result: 'done' | 'failed' | 'unknown' | 'never',
  rules: Rules,
): Step {
  const { phase } = state;
  const { saleId, dispenseId, atMs } = order;
  if (phase.at !== 'dispensing' || phase.sale.saleId !== saleId) return [state, []];
  if (phase.dispenseId !== dispenseId) return [state, []];
  if (dispenseId !== undefined) return redeemed(state, phase, dispenseId, result, atMs, rules);
  const { sale } = phase;
  if (result === 'never') {
    // We ended before the order left: nothing fell, and nothing is wrong with the dispenser.
    return openClaim(state, sale, { result: 'failed', detail: 'never-started' }, atMs);
  }
  if (result !== 'done') {
    const code = result === 'failed' ? 'dispenser-failed' : 'dispenser-unknown';
    return openClaim(withoutDispenser(state, code), sale, { result, detail: code }, atMs);
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

/** Of the slips of a sale only its QR matters: one that is not certainly on paper is stopped before anything else (rule 6). */
export function printed(state: State, event: EventOf<'printed'>, rules: Rules): Step {
  const { phase } = state;
  if (event.slip === 'receipt' || event.slip === 'claim') return noSlip(state, event);
  if (event.slip === 'void') return voidPrinted(state, event);
  if (event.slip === 'day' || event.slip === 'reprint') return technicianPrinted(state, event);
  if (event.slip !== 'qr' || phase.at !== 'paying' || phase.sale.saleId !== event.saleId) {
    return [state, []];
  }
  const sure =
    event.result === 'printed' || (event.result === 'unknown' && rules.acceptBlindPrinter);
  if (sure) return [state, []];
  return stop(state, phase.sale, 'fault', event.atMs, event.code ?? 'printer-lost');
}

/** A QR that cannot be read is no QR: it comes on paper, or its charge is stopped. */
export function notShown(state: State, event: EventOf<'not-shown'>, rules: Rules): Step {
  const { phase } = state;
  if (phase.at !== 'paying' || phase.sale.saleId !== event.saleId) return [state, []];
  // What is on paper needs no panel.
  if (phase.sale.qrOn === 'paper') return [state, []];
  const onPaper = toPaper(state, event.atMs, rules);
  if (onPaper !== undefined) return onPaper;
  return stop(state, phase.sale, 'fault', event.atMs, 'display-no-qr');
}

/** What became of the slip of a sale that is over. The customer is told that none comes: a sale is as good without its receipt, a claim is as good with its code alone. */
function noSlip(state: State, event: EventOf<'printed'>): Step {
  const { phase } = state;
  if (phase.at !== 'result' || phase.sale.saleId !== event.saleId) return [state, []];
  const ends = event.slip === 'receipt' ? 'done' : 'claim';
  if (phase.outcome !== ends || event.result === 'unknown') return [state, []];
  if (event.result === 'failed') return [{ ...state, phase: { ...phase, noSlip: true } }, []];
  return ends === 'claim' ? [{ ...state, phase: { ...phase, hasSlip: true } }, []] : [state, []];
}
