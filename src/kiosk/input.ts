// What keys and scans do in each phase. PURE.
import type { Key } from '../../drivers/device.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { SaleItem } from '../protocol/sale.ts';
import {
  addToBasket,
  basketTotalIdr,
  findScanned,
  removeFromBasket,
  typeDigits,
  typedFault,
} from './entry.ts';
import { block, cleared, sell, showsCode, stop, toIdle, type Step } from './phases.ts';
import {
  beginEntry,
  claimInScan,
  enterCode,
  enterTechnician,
  giveUp,
  typedCode,
} from './redeem.ts';
import type { Rules } from './rules.ts';
import { patience, type EventOf, type Phase, type State } from './state.ts';
import { technicianInScan, technicianKey } from './technician.ts';

export function pressed(state: State, event: EventOf<'key'>, rules: Rules): Step {
  const { key, atMs } = event;
  if (key === 'language') {
    return [{ ...state, language: state.language === 'id' ? 'en' : 'id' }, []];
  }
  const { phase } = state;
  switch (phase.at) {
    case 'idle':
      return phase.zeros === undefined
        ? typed(state, '', event, rules)
        : afterClear(state, phase.zeros, event, rules);
    case 'blocked':
      return typed(state, '', event, rules);
    case 'entering':
      return typed(state, phase.digits, event, rules);
    case 'basket':
      if (key === 'enter') {
        return sell(state, basketTotalIdr(phase.items), phase.items, event.freshId, atMs, rules);
      }
      if (key === 'clear') return cleared(state);
      if (key === 'cancel') return toIdle(state);
      if (key === 'backspace') return basket(state, removeFromBasket(phase.items), atMs);
      return [state, []];
    case 'result':
      // A claim code must be read: only a deliberate key puts it away.
      if (showsCode(phase) && (!isClosingKey(key) || isHasty(phase.untilMs, atMs))) {
        return [state, []];
      }
      if (key === 'clear') return cleared(state);
      return isClosingKey(key) ? toIdle(state) : typed(state, '', event, rules);
    case 'asking':
      return askedAgain(state, phase, event, rules);
    case 'technician':
      return technicianKey(state, phase, key, atMs);
    case 'claiming':
      return typedCode(state, phase, key, atMs, rules);
    case 'redeeming':
      return key === 'cancel' ? giveUp(state, phase, atMs) : [state, []];
    case 'charging':
    case 'checking':
    case 'paying':
      return key === 'cancel' ? stop(state, phase.sale, 'customer', atMs) : [state, []];
    case 'stopping':
    case 'abandoning':
    case 'dispensing':
    case 'seeking':
      return [state, []];
  }
}

/** Enter is a yes; anything else leaves, and a digit begins another amount. */
function askedAgain(
  state: State,
  { amountIdr, items, untilMs }: Extract<Phase, { at: 'asking' }>,
  event: EventOf<'key'>,
  rules: Rules,
): Step {
  const { key, freshId, atMs } = event;
  if (key !== 'enter') return typed(state, '', event, rules);
  // The second Enter of a hurried hand was not meant for this question.
  if (atMs < untilMs - patience.entryMs + patience.bounceMs) return [state, []];
  return sell(state, amountIdr, items, freshId, atMs, rules);
}

/** It was meant for what stood on the screen before the claim code. */
function isHasty(untilMs: number, atMs: number): boolean {
  return atMs < untilMs - patience.claimMs + patience.readMs;
}

function isClosingKey(key: Key): boolean {
  return key === 'enter' || key === 'cancel' || key === 'clear';
}

/** CLEAR and then 00, or 0 twice on keypads without that key: no amount begins so. */
function afterClear(state: State, before: number, event: EventOf<'key'>, rules: Rules): Step {
  const { key, atMs } = event;
  if (key !== '0' && key !== '00') return typed(state, '', event, rules);
  const zeros = before + key.length;
  return zeros < 2 ? [{ ...state, phase: { at: 'idle', zeros } }, []] : beginEntry(state, atMs);
}

/** A key while an amount may be typed; `digits` are those before it. */
function typed(state: State, digits: string, event: EventOf<'key'>, rules: Rules): Step {
  const { key, atMs } = event;
  switch (key) {
    case 'cancel':
      return toIdle(state);
    case 'clear':
      return cleared(state);
    case 'backspace':
      return entering(state, digits.slice(0, -1), atMs);
    case 'enter':
      return sellTyped(state, Number(digits), event, rules);
    case 'language':
      return [state, []];
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
    case '00':
    case '000': {
      const { value, notice } = typeDigits(digits, key, rules.limits);
      return notice === undefined
        ? entering(state, value, atMs)
        : noticed(state, value, notice, atMs);
    }
  }
}

function sellTyped(state: State, amountIdr: number, event: EventOf<'key'>, rules: Rules): Step {
  const fault = typedFault(amountIdr, rules);
  if (fault !== undefined && amountIdr > 0)
    return noticed(state, String(amountIdr), fault, event.atMs);
  return sell(state, amountIdr, [], event.freshId, event.atMs, rules);
}

/** The amount stays as it is, with the reason why it will not do. */
function noticed(state: State, digits: string, notice: ErrorCode, atMs: number): Step {
  const untilMs = atMs + patience.entryMs;
  return [{ ...state, phase: { at: 'entering', digits, notice, untilMs } }, []];
}

function entering(state: State, digits: string, atMs: number): Step {
  if (digits === '') return toIdle(state);
  return [{ ...state, phase: { at: 'entering', digits, untilMs: atMs + patience.entryMs } }, []];
}

function basket(state: State, items: readonly SaleItem[], atMs: number): Step {
  if (items.length === 0) return toIdle(state);
  return [{ ...state, phase: { at: 'basket', items, untilMs: atMs + patience.entryMs } }, []];
}

export function scanned(state: State, event: EventOf<'scan'>, rules: Rules): Step {
  const { phase } = state;
  const { atMs } = event;
  const free =
    phase.at === 'idle' ||
    phase.at === 'blocked' ||
    phase.at === 'entering' ||
    phase.at === 'basket' ||
    phase.at === 'asking' ||
    phase.at === 'claiming' ||
    (phase.at === 'result' && !showsCode(phase));
  if (!free) return [state, []];
  const code = phase.at === 'basket' ? undefined : claimInScan(event.scan.text);
  if (code !== undefined) return enterCode(state, code, atMs, rules);
  const card = rules.technicianCode === undefined ? undefined : technicianInScan(event.scan.text);
  if (card !== undefined) return enterTechnician(state, card, atMs, rules);
  const items = phase.at === 'basket' ? phase.items : [];
  const found = findScanned(event.scan, rules);
  if (typeof found === 'string') {
    if (phase.at !== 'basket') return block(state, [found], atMs);
    return [{ ...state, phase: { ...phase, notice: found, untilMs: atMs + patience.entryMs } }, []];
  }
  const { value, notice } = addToBasket(items, found, rules);
  if (value.length === 0) return block(state, [notice ?? 'amount-above-limit'], atMs);
  const untilMs = atMs + patience.entryMs;
  const next = { at: 'basket' as const, items: value, untilMs };
  return [{ ...state, phase: notice === undefined ? next : { ...next, notice } }, []];
}
