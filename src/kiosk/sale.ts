// The sale machine: what a kiosk does about each event. PURE and total: no clock, no timers, no I/O; an event that means
// nothing in a phase changes nothing. The rooms beside it: input, answers, told (verdicts), wake, phases (moves).
import { cursorAfter, cursorSeq } from '../protocol/sale.ts';
import { dispensed, notShown, printed, reported, requestFailed } from './answers.ts';
import { pressed, scanned } from './input.ts';
import { stop, toIdle, type Step } from './phases.ts';
import { takeTold } from './told.ts';
import { woke } from './wake.ts';
import {
  patience,
  unheardParts,
  type Effect,
  type EventOf,
  type KioskEvent,
  type OpenSale,
  type Rules,
  type State,
  type Told,
} from './state.ts';

export { nextWake } from './wake.ts';

/** The next state, and what must be done once the event is on disk. */
export function step(state: State, event: KioskEvent, rules: Rules): Step {
  switch (event.kind) {
    case 'restarted':
      return restarted(state, event, rules);
    case 'part':
      return [{ ...state, parts: { ...state.parts, [event.part]: event.health } }, []];
    case 'key':
      return pressed(state, event, rules);
    case 'scan':
      return scanned(state, event, rules);
    case 'told':
      return told(state, event, rules);
    case 'request-failed':
      return requestFailed(state, event);
    case 'reported':
      return reported(state, event);
    case 'caught-up':
      return caughtUp(state, event, rules);
    case 'dispensed':
      return dispensed(state, event.saleId, event.result, event.atMs, rules);
    case 'dispenser-recalled':
      // `never` is still no leave to start now (rule 2): the customer gets a claim.
      return dispensed(
        state,
        event.saleId,
        event.result === 'never' ? 'failed' : event.result,
        event.atMs,
        rules,
      );
    case 'printed':
      return printed(state, event, rules);
    case 'not-shown':
      return notShown(state, event);
    case 'woke':
      return woke(state, event.atMs);
  }
}

/** The first event of each run: nothing of the world is known any more, only what the journal says. */
function restarted(before: State, event: EventOf<'restarted'>, rules: Rules): Step {
  const newBoot = before.bootId !== event.bootId;
  const reports = before.reports.map((report) => ({ ...report, retryAtMs: event.atMs }));
  const parts = unheardParts(rules.required);
  const state: State = { ...before, bootId: event.bootId, reports, parts };
  const { phase } = state;
  const { atMs } = event;
  switch (phase.at) {
    case 'charging': {
      if (newBoot) return stop(state, phase.sale, 'fault', atMs);
      const { saleId, amountIdr, items } = phase.sale;
      return [
        { ...state, phase: { ...phase, sent: 'maybe' } },
        [{ kind: 'charge', saleId, amountIdr, items }],
      ];
    }
    case 'checking':
    case 'paying':
      return check(state, phase.sale, atMs);
    case 'stopping':
      return stop(state, phase.sale, phase.reason, atMs, phase.because);
    case 'dispensing':
      return [state, [{ kind: 'recall-dispenser', saleId: phase.sale.saleId }]];
    case 'abandoning':
      return [state, []];
    case 'idle':
    case 'entering':
    case 'basket':
    case 'blocked':
      return toIdle(state);
    case 'result': {
      if (phase.outcome !== 'claim') return toIdle(state);
      // The customer may not have read the code yet, and its slip may have been lost with the power.
      const shown = { ...phase, untilMs: atMs + patience.claimMs };
      const { sale } = phase;
      return [{ ...state, phase: shown }, [{ kind: 'print', slip: 'claim', sale }]];
    }
  }
}

function check(state: State, sale: OpenSale, atMs: number): Step {
  const phase = { at: 'checking' as const, sale, tries: 0, retryAtMs: atMs + patience.chargeMs };
  return [{ ...state, phase }, [{ kind: 'look', saleId: sale.saleId }]];
}

function told(state: State, event: EventOf<'told'>, rules: Rules): Step {
  const [taken, effects] = takeTold(state, event.told, event.via, event.atMs, rules);
  if (event.via === 'http') return [taken, effects];
  const [moved, acks] = moveCursor(taken, event.told);
  return [moved, [...effects, ...acks]];
}

/** PROTOCOL.md §5: the cursor moves only over a message whose `prev` it stands on; a gap is fetched. */
function moveCursor(state: State, change: Told): Step {
  const at = cursorSeq(state.cursor);
  if (change.ledgerId !== state.ledgerId)
    return [state, [{ kind: 'catch-up', since: state.cursor }]];
  if (change.seq <= at) return [state, [{ kind: 'ack', upTo: at }]];
  if (change.prev !== at) return [state, [{ kind: 'catch-up', since: state.cursor }]];
  return [{ ...state, cursor: cursorAfter(change) }, [{ kind: 'ack', upTo: change.seq }]];
}

/**
 * Only what is signed moves the cursor: the last sale of the page. The page's own words (`upTo`, `more`, its ledger) are
 * not, and another ledger is the recovery's to take.
 */
function caughtUp(state: State, event: EventOf<'caught-up'>, rules: Rules): Step {
  if (event.ledgerId !== state.ledgerId) return [state, []];
  let next = state;
  const effects: Effect[] = [];
  for (const change of event.told) {
    const [taken, wanted] = takeTold(next, change, 'http', event.atMs, rules);
    next = taken;
    effects.push(...wanted);
    if (change.seq > cursorSeq(next.cursor)) next = { ...next, cursor: cursorAfter(change) };
  }
  if (next.cursor === state.cursor) return [next, effects];
  effects.push({ kind: 'ack', upTo: cursorSeq(next.cursor) });
  if (event.more) effects.push({ kind: 'catch-up', since: next.cursor });
  return [next, effects];
}
