// What a boot makes of the end of its journal. PURE. It decides nothing: whatever was decided has its state written after it.
import assert from 'node:assert';
import type { Rules } from './rules.ts';
import { step } from './sale.ts';
import type { Effect, KioskEvent, State } from './state.ts';

/** An event asked for something, or led to another phase: its state is written in the same transaction. */
export function hasMoved(before: State, after: State, effects: readonly Effect[]): boolean {
  return effects.length > 0 || after.phase.at !== before.phase.at;
}

/**
 * The last written state, and the events since, which moved nothing when they were written. By other prices or another
 * release's code one of them might move now: an Enter that was refused, with its customer long gone. Such a one is left out.
 * What else they changed (digits that were typed, which part is there) is taken; `restarted` then asks the world.
 */
export function folded(written: State, events: readonly KioskEvent[], rules: Rules): State {
  let state = written;
  for (const event of events) {
    const [next, effects] = step(state, event, rules);
    if (hasMoved(state, next, effects)) continue;
    assert(next.reports.length <= state.reports.length + 1, 'one event closes one sale at most');
    state = next;
  }
  return state;
}
