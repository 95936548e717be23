// When the machine wants to be woken, and what it does then. PURE: it is told the time.
import { resendReports, stop, toIdle, type Step } from './phases.ts';
import { patience, type State } from './state.ts';

/** When the machine wants a `woke` event, on the monotonic clock; undefined: never by itself. */
export function nextWake(state: State): number | undefined {
  const times = state.reports.map((report) => report.retryAtMs);
  const { phase } = state;
  switch (phase.at) {
    case 'entering':
    case 'basket':
    case 'blocked':
    case 'result':
      times.push(phase.untilMs);
      break;
    case 'charging':
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
  const [next, effects] = wokePhase(state, atMs);
  return [next, [...resent, ...effects]];
}

function wokePhase(state: State, atMs: number): Step {
  const { phase } = state;
  switch (phase.at) {
    case 'entering':
    case 'basket':
    case 'blocked':
    case 'result':
      return atMs >= phase.untilMs ? toIdle(state) : [state, []];
    case 'charging': {
      if (atMs >= phase.untilMs) return stop(state, phase.sale, 'fault', atMs, 'relay-unreachable');
      if (atMs < phase.retryAtMs) return [state, []];
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
