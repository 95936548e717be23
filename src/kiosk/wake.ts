// When the machine wants to be woken, and what it does then. PURE: it is told the time.
import { doubtLedger, ledgerWake, wokeLedger } from './ledger-check.ts';
import { block, resendReports, stop, toIdle, type Step } from './phases.ts';
import { wokeRedeeming } from './redeem.ts';
import { patience, retryDelayMs, type Phase, type State } from './state.ts';

/** When the machine wants a `woke` event, on the monotonic clock; undefined: never by itself. */
export function nextWake(state: State): number | undefined {
  const times = state.reports.map((report) => report.retryAtMs);
  const { phase } = state;
  const ledger = ledgerWake(state);
  if (ledger !== undefined) times.push(ledger);
  switch (phase.at) {
    case 'entering':
    case 'basket':
    case 'blocked':
    case 'result':
    case 'claiming':
    case 'asking':
    case 'technician':
    case 'seeking':
      times.push(phase.untilMs);
      break;
    case 'charging':
    case 'redeeming':
      times.push(phase.retryAtMs, phase.untilMs);
      break;
    case 'paying':
      times.push(phase.deadlineMs, phase.lookAtMs);
      break;
    case 'checking':
    case 'stopping':
      times.push(phase.retryAtMs);
      break;
    case 'idle':
    case 'abandoning':
    case 'dispensing':
      break;
  }
  return times.length === 0 ? undefined : Math.min(...times);
}

export function woke(before: State, atMs: number): Step {
  const [state, resent] = resendReports(before, atMs);
  const [asking, asked] = wokeLedger(state, atMs);
  const [next, effects] = wokePhase(asking, atMs);
  return [next, [...resent, ...asked, ...effects]];
}

function wokePhase(state: State, atMs: number): Step {
  const { phase } = state;
  switch (phase.at) {
    case 'entering':
    case 'basket':
    case 'blocked':
    case 'result':
    case 'claiming':
    case 'asking':
    case 'technician':
      return atMs >= phase.untilMs ? toIdle(state) : [state, []];
    case 'seeking':
      return atMs >= phase.untilMs ? block(state, ['claim-not-now'], atMs) : [state, []];
    case 'redeeming':
      return wokeRedeeming(state, phase, atMs);
    case 'charging': {
      if (atMs >= phase.untilMs) return stop(state, phase.sale, 'fault', atMs, 'relay-unreachable');
      if (atMs < phase.retryAtMs) return [state, []];
      if (state.ledger.at !== 'same') return askLedgerFirst(state, phase, atMs);
      const { saleId, amountIdr, items } = phase.sale;
      const again = { ...phase, tries: phase.tries + 1, retryAtMs: phase.untilMs };
      return [{ ...state, phase: again }, [{ kind: 'charge', saleId, amountIdr, items }]];
    }
    case 'checking': {
      if (atMs < phase.retryAtMs) return [state, []];
      const again = { ...phase, tries: phase.tries + 1, retryAtMs: atMs + patience.chargeMs };
      return [{ ...state, phase: again }, [{ kind: 'look', saleId: phase.sale.saleId }]];
    }
    case 'paying': {
      if (atMs >= phase.deadlineMs) return stop(state, phase.sale, 'timeout', atMs);
      if (atMs < phase.lookAtMs) return [state, []];
      const every = state.parts.broker.ok ? patience.lookMs : patience.lookAloneMs;
      const looking = { ...phase, lookAtMs: atMs + every };
      return [{ ...state, phase: looking }, [{ kind: 'look', saleId: phase.sale.saleId }]];
    }
    case 'stopping': {
      if (atMs < phase.retryAtMs) return [state, []];
      const again = { ...phase, tries: phase.tries + 1, retryAtMs: atMs + patience.chargeMs };
      const { saleId, amountIdr } = phase.sale;
      return [
        { ...state, phase: again },
        [{ kind: 'stop', saleId, amountIdr, reason: phase.reason }],
      ];
    }
    case 'idle':
    case 'abandoning':
    case 'dispensing':
      return [state, []];
  }
}

/** PROTOCOL.md §8: the ledger is checked at every connect, before the first PUT. */
function askLedgerFirst(
  state: State,
  phase: Extract<Phase, { at: 'charging' }>,
  atMs: number,
): Step {
  const waiting = { ...phase, tries: phase.tries + 1, retryAtMs: atMs + retryDelayMs(phase.tries) };
  const next = { ...state, phase: waiting };
  return state.ledger.at === 'unknown' ? doubtLedger(next, atMs) : [next, []];
}
