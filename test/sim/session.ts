// A kiosk's session in the broker and its line there: messages are lost, late, doubled, out of order, forged and replayed,
// and the line falls silent. The session keeps what the kiosk has not acknowledged (PUBACK after its commit).
import type { BrokerLink } from '../../src/kiosk/broker-link.ts';
import { KiosError } from '../../src/protocol/errors.ts';
import { sale as saleSchema, type Sale } from '../../src/protocol/sale.ts';
import type { StatusMessage } from '../../src/protocol/topics.ts';
import { alterMessage, type Seen } from './middle.ts';
import type { RelayFleet } from './relay-fleet.ts';
import type { SimRelay } from './sim-relay.ts';
import type { World } from './world.ts';

/** A line that says nothing is given up after this long (keep-alive and a half). */
const silenceMs = 45_000;
const maxQueued = 100;

/** One life of a kiosk, as its session needs it. */
export interface SessionEnd {
  alive: () => boolean;
  bootId: string;
  /** Resolves when it is on the disk. @throws KiosError `bad-proof` */
  take: (document: Sale) => Promise<void>;
  changed: (up: boolean) => void;
}

export class Session {
  readonly #world: World;
  readonly #fleet: RelayFleet;
  readonly #kioskId: string;
  readonly #seen: Seen;
  #queue: string[] = [];
  #end: SessionEnd | undefined;
  #up = false;
  #connection = 0;
  #silentUntilMs = 0;
  /** Retained by the broker. */
  #status: StatusMessage | undefined;

  constructor(world: World, fleet: RelayFleet, kioskId: string, seen: Seen) {
    this.#world = world;
    this.#fleet = fleet;
    this.#kioskId = kioskId;
    this.#seen = seen;
  }

  /** A life of the kiosk begins to connect. */
  open(end: SessionEnd): void {
    this.#end = end;
    this.#connectLater(end);
  }

  /** No other boot of the kiosk than this one is let in any more. */
  expelAllBut(bootId: string): void {
    const end = this.#end;
    if (end === undefined || end.bootId === bootId) return;
    this.#end = undefined;
    if (!this.#up) return;
    this.#up = false;
    end.changed(false);
  }

  /** The kiosk is dead: the broker finds out later. */
  cut(): void {
    this.#end = undefined;
    this.#down();
  }

  /** A relay came or went; with the broker inside of it every connection goes. */
  relayChanged(relay: SimRelay): void {
    if (this.#fleet.brokerOutside) {
      if (relay.up) this.#tellStatus(relay);
      return;
    }
    const end = this.#end;
    if (relay.up || !this.#up) return;
    this.#up = false;
    end?.changed(false);
    if (end !== undefined) this.#connectLater(end);
  }

  publish(text: string): void {
    const { clock, draw, faults } = this.#world;
    if (faults.strikes('mqtt lost')) return;
    if (this.#up && faults.strikes('mqtt silent')) this.#silence();
    const copies = faults.strikes('mqtt twice') ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const slow = faults.strikes('mqtt slow');
      clock.after(slow ? draw.between(500, 60_000) : draw.between(2, 60), () => {
        this.#deliver(text);
      });
    }
  }

  /** What the kiosk's effects need of the link. */
  link(): BrokerLink {
    return {
      ack: (ledgerId, upTo) => this.#ack(ledgerId, upTo),
      status: () => undefined,
      stop: () => Promise.resolve(),
    };
  }

  get #silent(): boolean {
    return this.#world.clock.monotonicMs() < this.#silentUntilMs;
  }

  #deliver(text: string): void {
    const end = this.#end;
    if (end === undefined || !this.#up || this.#silent) {
      if (this.#queue.length < maxQueued) this.#queue.push(text);
      return;
    }
    void this.#hand(end, text);
  }

  /** As src/kiosk/broker-link.ts: poison is put away, what is not stored comes again. */
  async #hand(end: SessionEnd, text: string): Promise<void> {
    try {
      const document = saleSchema.safeParse(alterMessage(this.#world, this.#seen, text)).data;
      if (document !== undefined) await end.take(document);
    } catch (error) {
      if (!(error instanceof KiosError)) throw error;
      if (error.code === 'bad-proof') return;
      if (this.#queue.length < maxQueued) this.#queue.push(text);
    }
  }

  #ack(ledgerId: string, upTo: number): boolean {
    if (!this.#up) return false;
    const { clock, draw, faults } = this.#world;
    if (this.#silent || faults.strikes('mqtt lost')) return true;
    const payload = new TextEncoder().encode(JSON.stringify({ ledgerId, upTo }));
    clock.after(draw.between(2, 60), () => {
      void this.#fleet.any()?.presence?.message(this.#kioskId, 'ack', payload);
    });
    return true;
  }

  #silence(): void {
    const { clock, draw } = this.#world;
    const connection = this.#connection;
    this.#silentUntilMs = clock.monotonicMs() + draw.between(5_000, 120_000);
    this.#world.say('mqtt', `${this.#kioskId} silent`);
    clock.after(silenceMs, () => {
      const end = this.#end;
      if (!this.#silent || connection !== this.#connection || end === undefined) return;
      this.#down();
      end.changed(false);
      this.#connectLater(end);
    });
  }

  #down(): void {
    if (!this.#up) return;
    this.#up = false;
    const connection = this.#connection;
    const { clock, draw } = this.#world;
    clock.after(draw.between(0, silenceMs), () => {
      if (connection !== this.#connection) return;
      if (this.#fleet.brokerOutside) this.#say(false);
      else this.#fleet.any()?.presence?.gone(this.#kioskId);
    });
  }

  #connectLater(end: SessionEnd): void {
    const { clock, draw } = this.#world;
    clock.after(draw.between(100, 4_000), () => {
      if (this.#end !== end || !end.alive() || this.#up) return;
      const inside = this.#fleet.any()?.presence;
      const away = !this.#fleet.brokerOutside && inside === undefined;
      if (away || this.#silent) {
        this.#connectLater(end);
        return;
      }
      this.#up = true;
      this.#connection++;
      if (this.#fleet.brokerOutside) this.#say(true);
      else inside?.listening(this.#kioskId);
      end.changed(true);
      const kept = this.#queue;
      this.#queue = [];
      for (const text of kept) this.publish(text);
    });
  }

  /** Its status, or its will. */
  #say(online: boolean): void {
    const bootId = this.#end?.bootId ?? this.#status?.bootId ?? '';
    this.#status = {
      online,
      bootId,
      connection: this.#connection,
      version: 'run',
    };
    for (const relay of this.#fleet.relays) this.#tellStatus(relay);
  }

  #tellStatus({ presence }: SimRelay): void {
    if (this.#status === undefined) return;
    const payload = new TextEncoder().encode(JSON.stringify(this.#status));
    void presence?.message(this.#kioskId, 'status', payload);
  }
}
