// The kiosk's only loop: event → `step` → journal → effects → one timer. Effects run only when the event that asked for
// them is on the disk; keys and screens do not wait for it. It decides nothing itself.
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { folded, hasMoved } from './fold.ts';
import type { Entry, Journal } from './journal.ts';
import { notesOf, withoutProofs } from './notes.ts';
import type { SaleNote } from './past-sales.ts';
import { nextWake, step } from './sale.ts';
import type { Rules } from './rules.ts';
import { completed, newState } from './new-state.ts';
import type { Effect, KioskEvent, State } from './state.ts';

/** Without the time, which the loop adds. */
export type NewEvent = KioskEvent extends infer E
  ? E extends KioskEvent
    ? Omit<E, 'atMs'>
    : never
  : never;

export interface Kiosk {
  /** Takes an event. Resolves when it is on the disk; rejects when the journal has failed. */
  post(event: NewEvent): Promise<void>;
  state(): State;
  /** How long the journal has owed an answer, in milliseconds; undefined: it owes none. */
  journalOwesMs(): number | undefined;
  /** The first event of this run: asks the world about whatever the journal left open. */
  start(bootId: string): Promise<void>;
  /** Writes what is still unwritten and takes no more events. */
  stop(): Promise<void>;
}

export interface KioskOptions {
  rules: Rules;
  journal: Journal;
  clock: Clock;
  log: Log;
  /** Where a kiosk that has never run begins. */
  cursor: string;
  ledgerId: string;
  language: State['language'];
  /** Does one effect; posts its outcome as events. Never throws. */
  perform: (effect: Effect) => void;
  /** The state changed, or a second passed while a QR is live. */
  draw: (state: State) => void;
  /** The journal cannot be written: nothing may be sold any more. Called once. */
  halted: (error: unknown) => void;
}

interface Stepped {
  event: KioskEvent;
  effects: readonly Effect[];
  notes: readonly SaleNote[];
  /** It asked for something, or led to another phase. */
  moved: boolean;
  stored: PromiseWithResolvers<undefined>;
}

/** Events that ask for nothing wait this long for company before they are written. */
const gatherMs = 1000;
/** More unwritten events than this are never held back. */
const maxGathered = 200;
/** A boot reads no more than so many events after the last written state. */
const eventsPerState = 1000;
const drawEveryMs = 1000;

export function createKiosk(options: KioskOptions): Kiosk {
  const { rules, journal, clock, log, perform, draw, halted } = options;
  const tail = journal.tail();
  const fresh = { ...newState(options.cursor, options.ledgerId), language: options.language };
  // The journal's own hash chain vouches that these are what an earlier run wrote.
  const written = tail.events as readonly KioskEvent[];
  let state = folded(completed(tail.state as State | undefined, fresh), written, rules);
  let eventsSinceState = written.length;
  let unwritten: Stepped[] = [];
  let writing: Promise<void> | undefined;
  let askedMs: number | undefined;
  let failure: unknown;
  let closed = false;
  let cancelWake = (): void => undefined;
  let cancelGather: (() => void) | undefined;
  let cancelTick: (() => void) | undefined;

  const post = async (event: NewEvent): Promise<void> => {
    if (failure !== undefined) throw failure as Error;
    if (closed) return;
    await orCrash(() => take(event));
  };

  /** Decides, draws, and leaves the rest to the disk. Resolves when the event is on it. */
  const take = (event: NewEvent): Promise<undefined> => {
    const timed: KioskEvent = { ...event, atMs: clock.monotonicMs() };
    const [next, effects] = step(state, timed, rules);
    logPhase(log, state, next);
    // A release from before set-up sheets may fold this journal one day: it must find the state after one, not the event.
    const isNews = timed.kind === 'sheet';
    const moved = hasMoved(state, next, effects) || isNews;
    const notes = notesOf(state, timed, next);
    const urgent = isUrgent(timed) || next.claims !== state.claims;
    state = next;
    const stored = Promise.withResolvers<undefined>();
    unwritten.push({ event: timed, effects, notes, moved, stored });
    if (effects.length > 0 || urgent || unwritten.length >= maxGathered) write();
    else cancelGather ??= clock.after(gatherMs, write);
    // The screen does not wait for the disk, but no picture may stand between the disk and the goods.
    if (!handsOver(effects)) draw(state);
    armWake();
    armTick();
    return stored.promise;
  };

  const armWake = (): void => {
    cancelWake();
    const at = nextWake(state);
    if (at === undefined || closed) return;
    cancelWake = clock.after(at - clock.monotonicMs(), () => {
      ignoreHalt(post({ kind: 'woke' }));
    });
  };

  /** The time left and the moving mark change without an event. */
  const armTick = (): void => {
    if (state.phase.at !== 'paying' || cancelTick !== undefined || closed) return;
    cancelTick = clock.after(drawEveryMs, () => {
      cancelTick = undefined;
      draw(state);
      armTick();
    });
  };

  /** Starts writing unless a write is under way; that one takes up whatever came meanwhile. */
  const write = (): void => {
    cancelGather?.();
    cancelGather = undefined;
    writing ??= writeAll().finally(() => {
      writing = undefined;
    });
  };

  const writeAll = async (): Promise<void> => {
    while (unwritten.length > 0 && failure === undefined) {
      const batch = unwritten;
      unwritten = [];
      askedMs = clock.monotonicMs();
      try {
        await journal.append(
          entriesOf(batch),
          batch.flatMap(({ notes }) => notes),
        );
      } catch (error) {
        halt(error, batch);
        return;
      } finally {
        askedMs = undefined;
      }
      for (const { effects, stored } of batch) {
        stored.resolve(undefined);
        effects.forEach(perform);
      }
      if (batch.some(({ effects }) => handsOver(effects))) draw(state);
    }
    if (failure !== undefined || state.phase.at !== 'idle') return;
    try {
      journal.rest?.();
    } catch (error) {
      halt(error, []);
    }
  };

  /** Called in the same turn as the batch is taken, when `state` is exactly what the batch folds to. */
  const entriesOf = (batch: readonly Stepped[]): Entry[] => {
    const at = new Date(clock.nowMs()).toISOString();
    const entries: Entry[] = batch.map(({ event }) => ({
      kind: 'event',
      at,
      body: withoutProofs(event),
    }));
    eventsSinceState += batch.length;
    // A later run may have other prices, limits or code: what was decided is written down, never decided again.
    const decided = batch.some(({ moved }) => moved);
    if (decided || eventsSinceState >= eventsPerState) {
      entries.push({ kind: 'state', at, body: state });
      eventsSinceState = 0;
    }
    return entries;
  };

  const halt = (error: unknown, batch: readonly Stepped[]): void => {
    failure = error;
    log.error({ err: error }, 'journal.failed');
    cancelWake();
    cancelTick?.();
    for (const { stored } of [...batch, ...unwritten]) stored.reject(error);
    halted(error);
  };

  return {
    post,
    state: () => state,
    journalOwesMs: () => (askedMs === undefined ? undefined : clock.monotonicMs() - askedMs),
    start: async (bootId) => {
      await post({ kind: 'restarted', bootId });
    },
    stop: async () => {
      closed = true;
      cancelWake();
      cancelTick?.();
      write();
      await writing;
    },
  };
}

/** A bug is no answer to whoever posted, and he may not listen: it ends the process, and the next one boots. */
function orCrash<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
    throw error;
  }
}

/** Marks a promise whose rejection is already told through `halted`. */
export function ignoreHalt(posted: Promise<void>): void {
  posted.catch(() => undefined);
}

function handsOver(effects: readonly Effect[]): boolean {
  return effects.some(({ kind }) => kind === 'dispense');
}

/**
 * On the disk soon: what the relay or a start said, since somebody waits for it, and what a pulled plug must not undo: that
 * a slip is on paper, that a code was wrong.
 */
function isUrgent(event: KioskEvent): boolean {
  switch (event.kind) {
    case 'restarted':
    case 'told':
    case 'caught-up':
    case 'reported':
    case 'recovered':
    case 'claim-sought':
    case 'printed':
      return true;
    default:
      return false;
  }
}

/** What a customer sees change, with the reason where there is one. */
function logPhase(log: Log, before: State, { phase }: State): void {
  const outcome = 'outcome' in before.phase ? before.phase.outcome : undefined;
  if (phase.at === before.phase.at && (phase.at !== 'result' || phase.outcome === outcome)) return;
  log.info(
    {
      from: before.phase.at,
      to: phase.at,
      ...('sale' in phase ? { saleId: phase.sale.saleId } : {}),
      ...('outcome' in phase ? { outcome: phase.outcome } : {}),
      ...('because' in phase ? { because: phase.because } : {}),
      ...('codes' in phase ? { codes: phase.codes } : {}),
    },
    'sale.phase',
  );
}
