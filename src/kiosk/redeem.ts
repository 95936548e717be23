// A claim at the kiosk: its code is typed or scanned, the relay grants one dispense, and what became of it is reported
// (PROTOCOL.md §7). PURE. No motor moves without a grant for the id that is on the disk, and none moves twice.
import type { Key } from '../../drivers/device.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import {
  block,
  close,
  dispense,
  forgetClaim,
  cleared,
  toIdle,
  withoutDispenser,
  type Step,
} from './phases.ts';
import { missingParts } from './missing.ts';
import type { Rules } from './rules.ts';
import { openTechnician } from './technician.ts';
import {
  maxWrongCodes,
  patience,
  retryDelayMs,
  type Effect,
  type EventOf,
  type OpenSale,
  type Phase,
  type State,
} from './state.ts';

/** Ten digits and a check digit. A technician's code is shorter. */
export const codeDigits = 11;
/** What the QR of a claim slip says: no code of a shop or of QRIS looks so, on any keyboard layout. */
const scannedForm = /^KLAIM(\d{11})$/i;
/** A journal answers in milliseconds; one that does not has failed. */
const seekMs = 10_000;

/** The text of the QR on a claim slip. `code`: eleven digits. */
export function scannedClaim(code: string): string {
  return `KLAIM${code}`;
}

/** The claim code in a reading, if it is one. */
export function claimInScan(text: string): string | undefined {
  return scannedForm.exec(text)?.[1];
}

/** The customer wants to type a code. While none is taken its digits go nowhere: they must not become an amount. */
export function beginEntry(state: State, atMs: number): Step {
  return typing(state, '', atMs, isLocked(state, atMs) ? 'claim-entry-locked' : undefined);
}

/** A key while a code is typed. */
export function typedCode(
  state: State,
  phase: Extract<Phase, { at: 'claiming' }>,
  key: Key,
  atMs: number,
  rules: Rules,
): Step {
  const { digits } = phase;
  switch (key) {
    case 'cancel':
      return toIdle(state);
    case 'clear':
      return cleared(state);
    case 'language':
      return [state, []];
    case 'backspace':
      return digits === '' ? toIdle(state) : typing(state, digits.slice(0, -1), atMs);
    case 'enter':
      if (digits.length === rules.technicianCode?.length) {
        return enterTechnician(state, digits, atMs, rules);
      }
      if (digits.length < codeDigits) return typing(state, digits, atMs, 'claim-code-short');
      return enterCode(state, digits, atMs, rules);
    default:
      // A key too many is left out: what stands on the screen is what is asked for.
      return digits.length + key.length > codeDigits
        ? typing(state, digits, atMs)
        : typing(state, digits + key, atMs);
  }
}

/** A whole code, typed or scanned. Whose it is, the journal says. */
export function enterCode(state: State, code: string, atMs: number, rules: Rules): Step {
  if (isLocked(state, atMs)) return refuse(state, ['claim-entry-locked'], atMs);
  // Goods need no paper: a claim is served with an empty printer, too.
  const required = rules.required.filter((part) => part !== 'printer');
  const missing = missingParts(state, { ...rules, required });
  if (missing.length > 0) return refuse(state, ['claim-not-now', ...missing], atMs);
  const phase = { at: 'seeking' as const, code, untilMs: atMs + seekMs };
  return [{ ...state, phase }, [{ kind: 'seek-claim', code }]];
}

/** The technician's code, typed where claim codes are or scanned; guesses count as wrong codes. */
export function enterTechnician(state: State, code: string, atMs: number, rules: Rules): Step {
  if (isLocked(state, atMs)) return refuse(state, ['claim-entry-locked'], atMs);
  return code === rules.technicianCode ? openTechnician(state, atMs) : wrongCode(state, atMs);
}

/** The journal knows whose code it is, or that it is nobody's. The intent to redeem is on the disk before it is sent. */
export function claimSought(state: State, event: EventOf<'claim-sought'>): Step {
  const { phase } = state;
  const { found, freshId: dispenseId, atMs } = event;
  if (phase.at !== 'seeking' || phase.code !== event.code) return [state, []];
  if (found === undefined) return wrongCode(state, atMs);
  const { saleId, amountIdr, items, pieces, verdict } = found;
  if (found.honoured) return refuse(forgetClaim(state, saleId), ['claim-honoured'], atMs);
  // The relay has no claim before it has heard that there were no goods.
  const unheard = state.reports.some(
    (report) => report.saleId === saleId && report.dispenseId === undefined,
  );
  if (unheard) return refuse(state, ['claim-not-now', 'relay-unreachable'], atMs);
  const sale: OpenSale = { saleId, amountIdr, items, pieces, verdict, bootId: state.bootId };
  const untilMs = atMs + patience.redeemMs;
  const redeeming = {
    at: 'redeeming' as const,
    ...{ sale, dispenseId, sent: 'no' as const, tries: 0, retryAtMs: untilMs, untilMs },
  };
  return [{ ...state, phase: redeeming }, [{ kind: 'redeem', saleId, amountIdr, dispenseId }]];
}

/** A power cut before the journal's answer was written tries no code for free: it counts as a wrong one. */
export function soughtBeforeRestart(state: State, atMs: number): Step {
  const [counted] = wrongCode(state, atMs);
  return toIdle(counted);
}

function wrongCode(state: State, atMs: number): Step {
  const wrong = state.claims.wrong + 1;
  if (wrong < maxWrongCodes) {
    return refuse({ ...state, claims: { ...state.claims, wrong } }, ['claim-code-wrong'], atMs);
  }
  const claims = { open: state.claims.open, wrong: 0, lockedUntilMs: atMs + patience.lockMs };
  return refuse({ ...state, claims }, ['claim-entry-locked'], atMs);
}

/** The relay's grant for exactly this dispense: the only thing besides `paid` that moves a motor. */
export function granted(state: State, event: EventOf<'granted'>): Step {
  const { phase } = state;
  if (phase.at !== 'redeeming' || phase.dispenseId !== event.dispenseId) return [state, []];
  const { sale, dispenseId } = phase;
  if (sale.saleId !== event.saleId || sale.amountIdr !== event.amountIdr) return [state, []];
  const claims = { open: state.claims.open, wrong: 0 };
  return dispense({ ...state, claims }, sale, dispenseId);
}

/** The relay gives no grant, or is not heard. */
export function redeemFailed(state: State, event: EventOf<'request-failed'>): Step {
  const { phase } = state;
  const { failure, atMs } = event;
  if (phase.at !== 'redeeming' || phase.dispenseId !== event.dispenseId) return [state, []];
  if (failure.kind === 'refused' && !failure.retryable) return refuse(state, [failure.code], atMs);
  if (failure.kind === 'unsent' && phase.sent === 'no') {
    return refuse(state, ['claim-not-now', failure.code], atMs);
  }
  const retryAtMs = atMs + retryDelayMs(phase.tries);
  return [{ ...state, phase: { ...phase, sent: 'maybe', retryAtMs } }, []];
}

export function wokeRedeeming(
  state: State,
  phase: Extract<Phase, { at: 'redeeming' }>,
  atMs: number,
): Step {
  if (atMs >= phase.untilMs) return giveUp(state, phase, atMs);
  if (atMs < phase.retryAtMs) return [state, []];
  const { sale, dispenseId } = phase;
  const { saleId, amountIdr } = sale;
  const again = { ...phase, sent: 'maybe' as const, tries: phase.tries + 1 };
  return [
    { ...state, phase: { ...again, retryAtMs: phase.untilMs } },
    [{ kind: 'redeem', saleId, amountIdr, dispenseId }],
  ];
}

/**
 * The relay may have granted it without our hearing: it is told that nothing fell, so that the claim is free again.
 * From this event on, which is on the disk, no grant for this id moves anything.
 */
export function giveUp(
  state: State,
  { sale, dispenseId }: Extract<Phase, { at: 'redeeming' }>,
  atMs: number,
): Step {
  const report = { saleId: sale.saleId, dispenseId, result: 'failed' as const };
  const [closed, effects] = close(state, report, atMs);
  const [blocked] = refuse(closed, ['claim-not-now'], atMs);
  return [blocked, effects];
}

/** What the dispenser says of a redemption. */
export function redeemed(
  state: State,
  phase: Extract<Phase, { at: 'dispensing' }>,
  dispenseId: string,
  result: 'done' | 'failed' | 'unknown' | 'never',
  atMs: number,
  rules: Rules,
): Step {
  const { sale } = phase;
  const said = result === 'never' ? 'failed' : result;
  const report = { saleId: sale.saleId, dispenseId, result: said };
  if (result === 'done') {
    const thanks: Phase = {
      ...{ at: 'result', outcome: 'done', sale, untilMs: atMs + patience.resultMs },
    };
    const over = { ...forgetClaim(state, sale.saleId), phase: thanks };
    const [closed, effects] = close(over, report, atMs);
    const receipt: Effect = { kind: 'print', slip: 'receipt', sale };
    return [closed, rules.receipts ? [...effects, receipt] : effects];
  }
  const untilMs = atMs + patience.claimMs;
  // The slip that brought the customer here stays good, and its code stands on the screen.
  const still = { at: 'result' as const, outcome: 'claim' as const, sale, untilMs };
  // We ended before the order left: nothing is wrong with the dispenser.
  if (result === 'never') return close({ ...state, phase: still }, report, atMs);
  const code = result === 'failed' ? 'dispenser-failed' : 'dispenser-unknown';
  const broken = withoutDispenser(state, code);
  return close({ ...broken, phase: { ...still, because: code } }, report, atMs);
}

/** A new boot cannot tell how much of the lock is over: it begins anew. */
export function lockAfterBoot(state: State, atMs: number): State {
  if (state.claims.lockedUntilMs === undefined) return state;
  return { ...state, claims: { ...state.claims, lockedUntilMs: atMs + patience.lockMs } };
}

function isLocked({ claims }: State, atMs: number): boolean {
  return claims.lockedUntilMs !== undefined && atMs < claims.lockedUntilMs;
}

function typing(state: State, digits: string, atMs: number, notice?: ErrorCode): Step {
  const untilMs = atMs + patience.entryMs;
  const phase = { at: 'claiming' as const, digits, untilMs };
  return [{ ...state, phase: notice === undefined ? phase : { ...phase, notice } }, []];
}

function refuse(state: State, codes: readonly ErrorCode[], atMs: number): Step {
  return block(state, codes, atMs, patience.refusedMs);
}
