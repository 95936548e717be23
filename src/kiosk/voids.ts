// Slips that say VOID: what takes a QR back that is on paper, or may still come out of a printer's own memory once it has
// paper again (rule 6). PURE. Nothing here moves money or goods; it must never print a QR.
import type { Step } from './phases.ts';
import type { Effect, EventOf, OpenSale, Phase, State } from './state.ts';

/** As many as a printer without paper can be behind with; older ones are forgotten. */
const maxVoids = 3;
/** A printer that says it is well and prints nothing is not asked for ever. */
const maxTries = 10;

const printVoid = (sale: OpenSale): Effect => ({ kind: 'print', slip: 'void', sale });

/** Ends a sale whose slip may still come out, or lie in the customer's hand: the next one says that it is void. */
export function withVoid([state, effects]: Step, phase: Phase, sale: OpenSale): Step {
  const doubtful = phase.at === 'stopping' && phase.reason === 'fault' && sale.qrOn === 'paper';
  if (!doubtful) return [state, effects];
  const owed = { sale, tries: 1, isPrinting: true };
  const voids = [...(state.voids ?? []), owed].slice(-maxVoids);
  return [{ ...state, voids }, [...effects, printVoid(sale)]];
}

/** It is on paper, or may be; or the printer had none for it, and it is owed until it has. */
export function voidPrinted(state: State, { saleId, result }: EventOf<'printed'>): Step {
  const isIt = ({ sale }: { sale: OpenSale }): boolean => sale.saleId === saleId;
  const owed = (state.voids ?? []).find(isIt);
  if (owed === undefined) return [state, []];
  const isOver = result !== 'failed' || owed.tries >= maxTries;
  const voids = (state.voids ?? []).flatMap((one) => {
    if (!isIt(one)) return [one];
    return isOver ? [] : [{ ...one, isPrinting: false }];
  });
  return [withVoids(state, voids), []];
}

/** The printer can print again: what it owes comes first. */
export function printOwedVoids(state: State): Step {
  const due = (state.voids ?? []).filter(({ isPrinting }) => !isPrinting);
  if (due.length === 0) return [state, []];
  const voids = (state.voids ?? []).map((one) =>
    due.includes(one) ? { ...one, tries: one.tries + 1, isPrinting: true } : one,
  );
  return [{ ...state, voids }, due.map(({ sale }) => printVoid(sale))];
}

/** Nobody knows what became of those that were under way when the run before ended. */
export function voidsAfterRestart(state: State): State {
  const voids = (state.voids ?? []).map((one) => ({ ...one, isPrinting: false }));
  return withVoids(state, voids);
}

/** A state without any is as it was before there were any. */
function withVoids(state: State, voids: NonNullable<State['voids']>): State {
  if (voids.length > 0) return { ...state, voids };
  const { voids: none = [], ...rest } = state;
  return none.length === 0 ? state : rest;
}
