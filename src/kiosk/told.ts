// What a verdict from the relay does to the sale in hand. PURE. Every document here has passed its proof.
import { checkQris } from '../protocol/qris.ts';
import { isErrorCode, type ErrorCode } from '../protocol/errors.ts';
import { mayReach } from '../protocol/verdict.ts';
import {
  abandon,
  dispense,
  forgetClaim,
  justPaid,
  openClaim,
  oweClaim,
  stop,
  type Step,
} from './phases.ts';
import { printQr, qrPlace } from './missing.ts';
import { withVoid } from './voids.ts';
import type { Rules } from './rules.ts';
import {
  patience,
  retryDelayMs,
  type OpenSale,
  type Outcome,
  type State,
  type Told,
} from './state.ts';

/** The sale that this phase is about, if any. */
export function saleInHand(state: State): OpenSale | undefined {
  return 'sale' in state.phase ? state.phase.sale : undefined;
}

/**
 * Takes one document. One for another sale, with another amount or with a verdict that the table does not allow after
 * the last one changes nothing.
 */
export function takeTold(
  state: State,
  told: Told,
  via: 'http' | 'mqtt',
  atMs: number,
  rules: Rules,
): Step {
  const sale = saleInHand(state);
  if (sale?.saleId !== told.saleId) return [pastSale(state, told), []];
  if (sale.amountIdr !== told.amountIdr) return [state, []];
  if (sale.verdict !== told.verdict && !mayReach(sale.verdict, told.verdict)) return [state, []];
  switch (told.verdict) {
    case 'creating':
    case 'pending':
      return stillOpen(state, told, via, atMs, rules);
    case 'paid':
      return paid(state, told, via, atMs, rules);
    case 'denied':
    case 'cancelled':
    case 'expired':
    case 'refunded':
      return dead(state, told, atMs);
    case 'paid-late':
      return paidLate(state, atMs, rules);
  }
}

/** Money for a sale that is over, or money that went back: its customer may come with a code, or no more. */
function pastSale(state: State, { saleId, verdict, fulfilment }: Told): State {
  if (verdict === 'refunded' || fulfilment === 'done') return forgetClaim(state, saleId);
  return verdict === 'paid-late' ? oweClaim(state, saleId) : state;
}

function stillOpen(
  state: State,
  told: Told,
  via: 'http' | 'mqtt',
  atMs: number,
  rules: Rules,
): Step {
  const { phase } = state;
  if (phase.at === 'stopping') return stillNotStopped(state, told, via, atMs);
  if (phase.at !== 'charging' && phase.at !== 'checking') return [state, []];
  const sale = { ...phase.sale, verdict: told.verdict };
  if (told.verdict === 'creating' || told.expiresInMs === undefined) {
    // Midtrans is still at it, or the message could not carry a duration: ask again, soon.
    const retryAtMs = atMs + retryDelayMs(phase.tries);
    const waiting =
      phase.at === 'charging'
        ? { ...phase, sale, sent: 'maybe' as const, retryAtMs }
        : { ...phase, sale, retryAtMs };
    return [{ ...state, phase: waiting }, []];
  }
  return showQr(state, sale, told, told.expiresInMs, atMs, rules);
}

/** A QR is payable from the moment it is seen, so everything about it is checked before. */
function showQr(
  state: State,
  sale: OpenSale,
  told: Told,
  expiresInMs: number,
  atMs: number,
  rules: Rules,
): Step {
  if (told.qrString === undefined) return stop(state, sale, 'fault', atMs, 'qr-missing');
  const check = checkQris(told.qrString, sale.amountIdr, rules.payee);
  if (!check.ok) return stop(state, sale, 'fault', atMs, check.fault);
  const deadlineMs = told.askedAtMs + expiresInMs - patience.hideEarlyMs;
  const totalMs = deadlineMs - atMs;
  if (totalMs <= 0) return stop(state, sale, 'timeout', atMs);
  const place = qrPlace(state, rules, sale.qrOn) ?? sale.qrOn ?? rules.qrOn;
  const shown: OpenSale = { ...sale, deadlineMs, qrOn: place, bootId: state.bootId };
  const phase = {
    at: 'paying' as const,
    sale: shown,
    qrString: told.qrString,
    deadlineMs,
    totalMs,
    lookAtMs: atMs + (state.parts.broker.ok ? patience.lookMs : patience.lookAloneMs),
  };
  const paying = { ...state, phase };
  return place === 'paper' ? [paying, [printQr(phase, atMs)]] : [paying, []];
}

/** The cancel was heard and Midtrans has not confirmed it yet. In the end the relay carries on alone. */
function stillNotStopped(state: State, told: Told, via: 'http' | 'mqtt', atMs: number): Step {
  const { phase } = state;
  if (phase.at !== 'stopping' || via === 'mqtt') return [state, []];
  const sale = { ...phase.sale, verdict: told.verdict };
  // With Midtrans away it cannot be ended now, and no QR was ever shown: nobody need wait for it.
  const hopeless = phase.because === 'gateway-down' && sale.deadlineMs === undefined;
  const patienceMs = hopeless ? 0 : patience.stopMs;
  if (atMs - phase.sinceMs < patienceMs) {
    const retryAtMs = atMs + retryDelayMs(phase.tries);
    return [{ ...state, phase: { ...phase, sale, retryAtMs } }, []];
  }
  return abandon(state, { ...phase, sale }, atMs);
}

function paid(state: State, told: Told, via: 'http' | 'mqtt', atMs: number, rules: Rules): Step {
  const { phase } = state;
  switch (phase.at) {
    case 'abandoning':
      // Final at the kiosk from its journal record on: the relay opens the claim.
      return [{ ...state, phase: { ...phase, sale: { ...phase.sale, verdict: 'paid' } } }, []];
    case 'charging':
    case 'checking':
    case 'stopping':
      // A queued message may be older than this run: only a verdict that is fetched now counts.
      if (via === 'mqtt') return [state, [{ kind: 'look', saleId: told.saleId }]];
      break;
    case 'paying':
      break;
    default:
      return [state, []];
  }
  const sale: OpenSale = { ...phase.sale, verdict: 'paid' };
  // Somebody has already done something for this money: an old or cloned card must not do it again.
  if (told.fulfilment !== undefined) return [{ ...state, phase: { at: 'idle' } }, []];
  if (!isServed(state, sale, told, atMs)) {
    return openClaim(state, sale, { result: 'failed', detail: 'not-served' }, atMs);
  }
  return dispense(justPaid(state, sale.amountIdr, atMs, rules), sale);
}

/** Whether the customer of this sale can still be standing here (PROTOCOL.md §6 "Served"). */
function isServed(state: State, sale: OpenSale, told: Told, atMs: number): boolean {
  if (state.phase.at === 'stopping' && state.phase.left === true) return false;
  if (sale.bootId !== state.bootId) {
    return told.settledAgoMs !== undefined && told.settledAgoMs <= patience.servedAfterBootMs;
  }
  if (wasAwayLong(state.phase, told)) return false;
  if (sale.deadlineMs === undefined) return true;
  return atMs <= sale.deadlineMs + patience.hideEarlyMs + patience.servedAfterDeadlineMs;
}

/** It may have stood still for its journal meanwhile, and have sent the customer away with the number of a claim. */
function wasAwayLong(phase: State['phase'], { askedAtMs, settledAgoMs }: Told): boolean {
  const restartMs = restartOf(phase);
  if (restartMs === undefined || settledAgoMs === undefined) return false;
  return restartMs - (askedAtMs - settledAgoMs) > patience.servedAfterBootMs;
}

function restartOf(phase: State['phase']): number | undefined {
  if (phase.at === 'checking') return phase.sinceMs;
  return phase.at === 'stopping' ? phase.restartMs : undefined;
}

function dead(state: State, told: Told, atMs: number): Step {
  const { phase } = state;
  switch (phase.at) {
    case 'charging':
    case 'checking':
    case 'paying':
    case 'stopping':
    case 'abandoning': {
      const sale = { ...phase.sale, verdict: told.verdict };
      const because = 'because' in phase ? phase.because : reasonOf(told);
      const outcome = outcomeOf(told.verdict);
      const result = {
        at: 'result' as const,
        outcome,
        sale,
        ...(because === undefined ? {} : { because }),
        untilMs: atMs + patience.resultMs,
      };
      return withVoid([{ ...state, phase: result }, []], phase, sale);
    }
    default:
      return [state, []];
  }
}

function outcomeOf(verdict: Told['verdict']): Outcome {
  return verdict === 'denied' || verdict === 'expired' || verdict === 'refunded'
    ? verdict
    : 'cancelled';
}

function reasonOf(told: Told): ErrorCode | undefined {
  return told.reason !== undefined && isErrorCode(told.reason) ? told.reason : undefined;
}

/** Money for a sale that is over, or that must not be honoured here: never a motor, always a claim. */
function paidLate(state: State, atMs: number, rules: Rules): Step {
  const { phase } = state;
  if (!('sale' in phase) || phase.at === 'dispensing' || phase.at === 'redeeming') {
    return [state, []];
  }
  // The same word again prints no second slip, and takes no thanks for a claim that was honoured off the screen.
  if (phase.at === 'result' && phase.sale.verdict === 'paid-late') return [state, []];
  const sale: OpenSale = { ...phase.sale, verdict: 'paid-late' };
  const result = {
    at: 'result' as const,
    outcome: 'claim' as const,
    sale,
    untilMs: atMs + patience.claimMs,
  };
  const owing = justPaid(oweClaim(state, sale.saleId), sale.amountIdr, atMs, rules);
  return [{ ...owing, phase: result }, [{ kind: 'print', slip: 'claim', sale }]];
}
