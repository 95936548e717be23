// The sale machine: what a kiosk does about each event. PURE and total: no clock, no timers, no I/O; an event that means
// nothing in a phase changes nothing. The rooms beside it: input, answers, told (verdicts), wake, phases (moves).
import { cursorAfter, cursorSeq } from '../protocol/sale.ts';
import { dispensed, notShown, printed, reported, requestFailed } from './answers.ts';
import { pressed, scanned } from './input.ts';
import {
  doubtLedger,
  askWhy,
  ledgerDiffers,
  ledgerUntold,
  lineBack,
  lineLost,
  recovered,
  recoverFailed,
  sameLedger,
} from './ledger-check.ts';
import { neededParts, toPaper } from './missing.ts';
import { showsCode, stop, toIdle, type Step } from './phases.ts';
import { claimSought, granted, lockAfterBoot, soughtBeforeRestart } from './redeem.ts';
import { sheetTaken, slipsFound } from './technician.ts';
import { takeTold } from './told.ts';
import { woke } from './wake.ts';
import { printOwedVoids, voidsAfterRestart } from './voids.ts';
import type { Rules } from './rules.ts';
import { unheardParts } from './new-state.ts';
import {
  patience,
  type Effect,
  type EventOf,
  type KioskEvent,
  type OpenSale,
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
      return partChanged(state, event, rules);
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
    case 'catch-up-failed':
      return ledgerUntold(state, event.failure, event.atMs);
    case 'ledger-differs':
      // An answer from before the new ledger was taken says nothing of it.
      return event.asked === state.ledgerId ? ledgerDiffers(state, event.atMs) : [state, []];
    case 'recovered':
      return recovered(state, event);
    case 'recover-failed':
      return recoverFailed(state, event);
    case 'claim-sought':
      return claimSought(state, event);
    case 'granted':
      return granted(state, event);
    case 'dispensed':
      return dispensed(state, event, event.result, rules);
    case 'dispenser-recalled':
      // `never` is still no leave to start now (rule 2): the customer gets a claim.
      return dispensed(state, event, event.result, rules);
    case 'printed':
      return printed(state, event, rules);
    case 'slips-found':
      return slipsFound(state, event);
    case 'sheet':
      return sheetTaken(state, event);
    case 'not-shown':
      return notShown(state, event, rules);
    case 'woke':
      return woke(state, event.atMs);
  }
}

/** The first event of each run: nothing of the world is known any more, only what the journal says. */
function restarted(before: State, event: EventOf<'restarted'>, rules: Rules): Step {
  const newBoot = before.bootId !== event.bootId;
  const { atMs } = event;
  const reports = before.reports.map((report) => ({ ...report, retryAtMs: atMs }));
  const parts = unheardParts(neededParts(rules));
  // Kiosks check the ledger at every start, before the first charge (PROTOCOL.md §8).
  const ledger = { at: 'unknown' as const, retryAtMs: atMs };
  const fresh: State = { ...before, bootId: event.bootId, reports, parts, ledger };
  const state = voidsAfterRestart(newBoot ? inNewBoot(fresh, atMs) : fresh);
  const { phase } = state;
  switch (phase.at) {
    case 'charging': {
      if (newBoot) return stop(state, phase.sale, 'fault', atMs);
      // It is asked for again as soon as the ledger is known to be the same.
      return [{ ...state, phase: { ...phase, sent: 'maybe', retryAtMs: atMs } }, []];
    }
    case 'checking':
    case 'paying':
      return check(state, phase.sale, atMs);
    case 'stopping': {
      const [stopping, effects] = stop(state, phase.sale, phase.reason, atMs, phase.because);
      return [left(stopping), effects];
    }
    case 'dispensing': {
      return recallGoods(state, phase.sale, phase.dispenseId);
    }
    case 'redeeming':
      // Its customer may be gone: no motor starts by itself. A card that lies about its writes may have lost that one did.
      return recallGoods(state, phase.sale, phase.dispenseId);
    case 'abandoning':
      return [state, []];
    case 'idle':
    case 'entering':
    case 'basket':
    case 'asking':
    case 'blocked':
    case 'claiming':
    case 'technician':
      return toIdle(state);
    case 'seeking':
      return soughtBeforeRestart(state, atMs);
    case 'result': {
      if (!showsCode(phase)) return toIdle(state);
      // Who has the slip needs no second look; whoever pulls the plug behind him must not get one.
      if (phase.hasSlip === true) return toIdle(state);
      // The customer may not have read the code yet, and its slip may have been lost with the power.
      const shown = { ...state, phase: { ...phase, untilMs: atMs + patience.claimMs } };
      const { outcome, sale } = phase;
      return [shown, outcome === 'claim' ? [{ kind: 'print', slip: 'claim', sale }] : []];
    }
  }
}

/** Whether the goods of this sale, or of this dispense for its claim, are out is the dispenser's to say. */
function recallGoods(state: State, sale: OpenSale, dispenseId: string | undefined): Step {
  const granted = dispenseId === undefined ? {} : { dispenseId };
  return [
    { ...state, phase: { at: 'dispensing', sale, ...granted } },
    [{ kind: 'recall-dispenser', saleId: sale.saleId, ...granted }],
  ];
}

/** Moments of another boot mean nothing in this one. */
function inNewBoot(before: State, atMs: number): State {
  const { paid: _before, ...state } = before;
  return lockAfterBoot(state, atMs);
}

/** What is being recovered stays so until the relay has taken it. */
function ledgerAgrees(state: State, atMs: number): State {
  if (state.ledger.at !== 'unknown') return state;
  const agreed: State = { ...state, ledger: sameLedger(state, atMs) };
  const { phase } = state;
  // A charge that waited for this need not wait longer.
  return phase.at === 'charging' && phase.sent === 'maybe' && phase.retryAtMs < phase.untilMs
    ? { ...agreed, phase: { ...phase, retryAtMs: Math.min(phase.retryAtMs, atMs) } }
    : agreed;
}

/** Its customer had turned away, or its time was over: after a restart nobody waits for goods (PROTOCOL.md §6 "Served"). */
function left(state: State): State {
  const { phase } = state;
  return phase.at === 'stopping' ? { ...state, phase: { ...phase, left: true } } : state;
}

function check(state: State, sale: OpenSale, atMs: number): Step {
  const retryAtMs = atMs + patience.chargeMs;
  const phase = { at: 'checking' as const, sale, tries: 0, retryAtMs, sinceMs: atMs };
  return [{ ...state, phase }, [{ kind: 'look', saleId: sale.saleId }]];
}

function told(state: State, event: EventOf<'told'>, rules: Rules): Step {
  const [taken, effects] = takeTold(state, event.told, event.via, event.atMs, rules);
  if (event.told.ledgerId !== state.ledgerId) {
    const [doubting, asked] = doubtLedger(taken, event.atMs);
    return [doubting, [...effects, ...asked]];
  }
  if (event.via === 'http') return [taken, effects];
  const [moved, acks] = moveCursor(taken, event.told);
  return [moved, [...effects, ...acks]];
}

function partChanged(before: State, event: EventOf<'part'>, rules: Rules): Step {
  const { part, health, atMs } = event;
  const state = { ...before, parts: { ...before.parts, [part]: health } };
  if (part === 'printer' && health.ok) return printOwedVoids(state);
  if (part === 'display' && !health.ok) return toPaper(state, atMs, rules) ?? [state, []];
  if (part !== 'relay' && part !== 'broker') return [state, []];
  if (part === 'relay' && !health.ok) return [lineLost(state, atMs), []];
  // A broker that turned this kiosk out may do so because the relay no longer knows it: that is asked at once.
  if (!health.ok) return before.parts.broker.ok ? askWhy(state) : [state, []];
  // A broker's line is lost with the relay that it is in; one elsewhere costs a question.
  return before.parts[part].ok ? [state, []] : lineBack(lineLost(state, atMs), atMs);
}

/** PROTOCOL.md §5: the cursor moves only over a message whose `prev` it stands on; a gap is fetched. */
function moveCursor(state: State, change: Told): Step {
  const at = cursorSeq(state.cursor);
  if (change.seq <= at) return [state, [{ kind: 'ack', upTo: at }]];
  if (change.prev !== at) return [state, [{ kind: 'catch-up', since: state.cursor }]];
  return [{ ...state, cursor: cursorAfter(change) }, [{ kind: 'ack', upTo: change.seq }]];
}

/**
 * Only what is signed moves the cursor: the last sale of the page. The page's own words (`upTo`, `more`, its ledger) are
 * not, and another ledger is the recovery's to take.
 */
function caughtUp(state: State, event: EventOf<'caught-up'>, rules: Rules): Step {
  if (event.ledgerId !== state.ledgerId) return ledgerDiffers(state, event.atMs);
  let next = ledgerAgrees(state, event.atMs);
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
