// Drives the machine through recorded entries once more: it must come to the same states, and so to the same screens.
// Computes, does no I/O.
import { ChainWalk, type Anchor, type Row } from './journal-chain.ts';
import { readRules } from './journal-rules.ts';
import { completed, newState } from './new-state.ts';
import type { Rules } from './rules.ts';
import { step } from './sale.ts';
import { sceneOf } from './screens.ts';
import type { KioskEvent, State } from './state.ts';

export interface Replayed {
  events: number;
  states: number;
  screens: number;
  /** Versions of kios that wrote the entries. */
  versions: readonly string[];
  /** The first place where it went otherwise, or where the record was altered. */
  fault?: { entry: number; why: string };
}

/** A screen that another one took the place of. */
export interface ShownScreen {
  entry: number;
  /** When the entry was written. */
  at: string;
  phase: State['phase']['at'];
  heading: string;
}

/**
 * Replays until the first difference.
 * @param rows oldest first, without a gap. Nothing is compared before their first `state`.
 * @param before the entry before the first of them. @param rules what the machine went by there
 */
export function replay(
  rows: Iterable<Row>,
  before: Anchor,
  rules: unknown,
  onScreen: (screen: ShownScreen) => void = () => undefined,
): Replayed {
  const walk = new ChainWalk(before);
  const run = new Run(rules, onScreen);
  for (const row of rows) {
    const altered = walk.take(row);
    const why = altered?.why ?? run.take(row);
    if (why !== undefined) return { ...run.counted(), fault: { entry: row.number, why } };
  }
  return run.counted();
}

class Run {
  #state: State | undefined;
  #rules: Rules | undefined;
  readonly #versions = new Set<string>();
  readonly #onScreen: (screen: ShownScreen) => void;
  #shown = '';
  #events = 0;
  #states = 0;
  #screens = 0;

  constructor(rules: unknown, onScreen: (screen: ShownScreen) => void) {
    this.#onScreen = onScreen;
    this.#useRules(rules);
  }

  counted(): Omit<Replayed, 'fault'> {
    const [events, states, screens] = [this.#events, this.#states, this.#screens];
    return { events, states, screens, versions: [...this.#versions] };
  }

  /** Why this entry is not what the machine does; undefined: it is. */
  take(row: Row): string | undefined {
    const body: unknown = JSON.parse(row.body);
    switch (row.kind) {
      case 'rules':
        this.#useRules(body);
        return undefined;
      case 'pruned':
        return undefined;
      case 'state':
        return this.#compare(body);
      case 'event':
        return this.#step(row, body);
    }
  }

  #useRules(body: unknown): void {
    const read = readRules(body);
    if (read === undefined) return;
    this.#rules = read.rules;
    this.#versions.add(read.version);
  }

  #step(row: Row, body: unknown): string | undefined {
    if (this.#state === undefined || this.#rules === undefined) return undefined;
    // The chain vouches that an earlier run wrote it.
    const event = body as KioskEvent;
    try {
      [this.#state] = step(this.#state, event, this.#rules);
    } catch (error) {
      return `the machine breaks on it: ${String(error)}`;
    }
    this.#events += 1;
    this.#look(row, this.#state, event.atMs);
    return undefined;
  }

  #compare(body: unknown): string | undefined {
    // As the boot that takes it up does.
    const recorded = completed(body as State, newState('', ''));
    const reached = this.#state;
    this.#state = recorded;
    if (reached === undefined) return undefined;
    this.#states += 1;
    if (canonical(reached) === canonical(recorded)) return undefined;
    const rules = this.#rules;
    const same = rules !== undefined && look(reached, rules, 0) === look(recorded, rules, 0);
    const parts = Object.keys(recorded).filter(
      (name) =>
        canonical(reached[name as keyof State]) !== canonical(recorded[name as keyof State]),
    );
    const what = same ? 'the screen is the same, the state is not' : 'another screen';
    return `${what}: reached ${reached.phase.at}, recorded ${recorded.phase.at} (${parts.join(', ')})`;
  }

  #look(row: Row, state: State, atMs: number): void {
    if (this.#rules === undefined) return;
    const { heading } = sceneOf(state, context(this.#rules, atMs));
    const shown = `${state.phase.at} ${look(state, this.#rules, 0)}`;
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#screens += 1;
    this.#onScreen({ entry: row.number, at: row.at, phase: state.phase.at, heading });
  }
}

/** Everything on the screen. @param nowMs monotonic; the same one for screens that are compared */
function look(state: State, rules: Rules, nowMs: number): string {
  return canonical(sceneOf(state, context(rules, nowMs)));
}

/** Names and codes are the kiosk's own affair: they are the same on both sides. */
function context(rules: Rules, nowMs: number): Parameters<typeof sceneOf>[1] {
  const merchant = { name: '', nmid: rules.payee.nmid };
  return { rules, merchant, sandbox: false, nowMs, claimCode: (saleId) => saleId };
}

/** One text for equal values, whatever the order of their fields. */
function canonical(value: unknown): string {
  return JSON.stringify([value], (_name, one: unknown) =>
    typeof one === 'object' && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );
}
