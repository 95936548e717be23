// The kiosk's journal in a run: it keeps what was synced. A batch under way when the power goes is kept or lost as a whole.
import { DatabaseSync } from 'node:sqlite';
import type { Entry, Journal } from '../../src/kiosk/journal.ts';
import {
  PastSales,
  type ClaimedSale,
  type ProvedSale,
  type SaleNote,
} from '../../src/kiosk/past-sales.ts';
import type { KioskEvent, State } from '../../src/kiosk/state.ts';
import type { World } from './world.ts';

export class Disk {
  readonly #world: World;
  #state: State | undefined;
  #events: KioskEvent[] = [];
  #writes = 0;
  #underWay: readonly [readonly Entry[], readonly SaleNote[]] | undefined;
  /** Sales whose intent is on the disk: to charge, to dispense. */
  readonly #charged = new Set<string>();
  readonly #dispensed = new Set<string>();
  readonly #past = new PastSales(new DatabaseSync(':memory:'));

  constructor(world: World) {
    this.#world = world;
  }

  knowsCharge(saleId: string): boolean {
    return this.#charged.has(saleId);
  }

  knowsDispense(saleId: string): boolean {
    return this.#dispensed.has(saleId);
  }

  proved(): readonly ProvedSale[] {
    return this.#past.proved();
  }

  /** Sales of the past that a claim code can belong to. */
  claimed(): readonly ClaimedSale[] {
    return this.#past.claimed();
  }

  /** The power goes: what was under way is on the disk, or it is not. */
  lose(): void {
    if (this.#underWay !== undefined && this.#world.draw.chance(500))
      this.#write(...this.#underWay);
    this.#underWay = undefined;
  }

  /** The journal of one life of the kiosk, which may end before or after any write. */
  journal(alive: () => boolean, crash: () => void): Journal {
    const { clock, draw, faults, bug } = this.#world;
    const append: Journal['append'] = (entries, notes = []) => {
      if (!alive()) return new Promise(() => undefined);
      this.#underWay = [entries, notes];
      const synced = Promise.withResolvers<undefined>();
      if (faults.strikes('kiosk crash')) crash();
      clock.after(draw.between(1, 40), () => {
        if (!alive()) return;
        this.#underWay = undefined;
        this.#write(entries, notes);
        if (faults.strikes('kiosk crash')) crash();
        else synced.resolve(undefined);
      });
      return bug === 'effect-before-journal' ? Promise.resolve() : synced.promise;
    };
    return {
      append,
      tail: () => ({ state: copy(this.#state), events: copy(this.#events) }),
      verify: () => undefined,
      read: () => [],
      proved: () => this.proved(),
      claimed: () => this.claimed(),
      close: () => undefined,
    };
  }

  #write(entries: readonly Entry[], notes: readonly SaleNote[]): void {
    this.#past.note(notes, ++this.#writes);
    for (const { kind, body } of entries) {
      if (kind === 'event') {
        const event = body as KioskEvent;
        this.#events.push(event);
        if (event.kind === 'key') this.#charged.add(event.freshId);
        continue;
      }
      this.#state = body as State;
      this.#events = [];
      const { phase } = this.#state;
      if (phase.at === 'dispensing') this.#dispensed.add(phase.dispenseId ?? phase.sale.saleId);
    }
  }
}

/** As it comes back from a file. */
function copy<T>(value: T): T {
  return value === undefined ? value : (JSON.parse(JSON.stringify(value)) as T);
}
