// The technician's screen: how each part does, slips of the past, the day sheet, back to service. PURE. It moves no motor and
// no money; while it is open nobody buys.
import type { Key } from '../../drivers/device.ts';
import { block, cleared, toIdle, type Step } from './phases.ts';
import { maxPastSlips, patience, type EventOf, type Phase, type State } from './state.ts';

type Technician = Extract<Phase, { at: 'technician' }>;

/** What the barcode of a technician's card says: no code of a shop, of QRIS or of a claim looks so. */
const scannedForm = /^TEKNISI(\d{6,10})$/i;

/** The technician's code in a reading, if it is one. */
export function technicianInScan(text: string): string | undefined {
  return scannedForm.exec(text)?.[1];
}

export function openTechnician(state: State, atMs: number): Step {
  return [show(state, {}, atMs), []];
}

/** A key on the technician's screen: a digit, Enter for back to service, cancel for one screen back. */
export function technicianKey(state: State, phase: Technician, key: Key, atMs: number): Step {
  const { slips, support } = phase;
  if (key === 'enter') return toIdle(mended(state));
  if (key === 'clear') return cleared(state);
  if (key === 'cancel' || key === 'backspace') {
    return slips === undefined && support === undefined
      ? toIdle(state)
      : [show(state, {}, atMs), []];
  }
  if (support === true) return [show(state, { support }, atMs), []];
  // One slip after the other: what became of the first stands on the screen before the next is asked for.
  if (phase.paper === 'printing' || phase.paper === 'asked') return [state, []];
  if (slips !== undefined) {
    const past = /^[1-9]$/.test(key) ? slips[Number(key) - 1] : undefined;
    if (past === undefined) return [show(state, { slips }, atMs), []];
    const printing = show(state, { slips, paper: 'printing' }, atMs);
    return [printing, [{ kind: 'print', slip: 'reprint', past }]];
  }
  if (key === '1') return [show(state, { paper: 'asked' }, atMs), [{ kind: 'seek-slips' }]];
  if (key === '2') {
    return [show(state, { paper: 'printing' }, atMs), [{ kind: 'print', slip: 'day' }]];
  }
  if (key === '3') return [show(state, { support: true }, atMs), []];
  return [show(state, {}, atMs), []];
}

/** The journal's answer. */
export function slipsFound(state: State, event: EventOf<'slips-found'>): Step {
  const { phase } = state;
  if (phase.at !== 'technician' || phase.paper !== 'asked') return [state, []];
  return [show(state, { slips: event.slips.slice(0, maxPastSlips) }, event.atMs), []];
}

/** What became of a day sheet or a copy, told where it was asked for. */
export function technicianPrinted(state: State, event: EventOf<'printed'>): Step {
  const { phase } = state;
  if (phase.at !== 'technician' || phase.paper !== 'printing') return [state, []];
  const { slips } = phase;
  const paper = event.result === 'failed' ? (event.code ?? 'printer-lost') : event.result;
  return [show(state, { ...(slips === undefined ? {} : { slips }), paper }, event.atMs), []];
}

/** What became of a set-up sheet. A customer who holds one up gets a word; who is being served is not disturbed. */
export function sheetTaken(state: State, { result, atMs }: EventOf<'sheet'>): Step {
  const { phase } = state;
  if (phase.at === 'technician') {
    const untilMs = atMs + (result === 'taking' ? patience.sheetMs : patience.technicianMs);
    const { support: _closed, ...page } = phase;
    return [{ ...state, phase: { ...page, sheet: result, untilMs } }, []];
  }
  if (phase.at !== 'idle' && phase.at !== 'blocked') return [state, []];
  if (result === 'taking' || result === 'taken') return [state, []];
  return block(state, [result], atMs);
}

/** Somebody was there and says that the dispenser is well: that word is what it waited for. One that is away stays so. */
function mended(state: State): State {
  const { dispenser } = state.parts;
  if (dispenser.ok) return state;
  if (dispenser.code !== 'dispenser-failed' && dispenser.code !== 'dispenser-unknown') return state;
  return { ...state, parts: { ...state.parts, dispenser: { ok: true } } };
}

function show(
  state: State,
  page: Pick<Technician, 'slips' | 'support' | 'paper'>,
  atMs: number,
): State {
  return { ...state, phase: { at: 'technician', ...page, untilMs: atMs + patience.technicianMs } };
}
