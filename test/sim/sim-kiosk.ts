// A kiosk of a run: the real loop, machine and effects behind a simulated disk, line and board. It dies at any write or
// effect and starts again from its disk, in the same boot or in a new one.
import { ulid } from 'ulid';
import type { Dispenser, Key } from '../../drivers/device.ts';
import type { Supervised } from '../../drivers/supervise.ts';
import { claimCode, saleOfCode } from '../../src/protocol/claim-code.ts';
import { createPerform } from '../../src/kiosk/effects.ts';
import { createKiosk, ignoreHalt, type Kiosk, type NewEvent } from '../../src/kiosk/kiosk.ts';
import { scannedClaim } from '../../src/kiosk/redeem.ts';
import type { RelayClient } from '../../src/kiosk/relay-client.ts';
import type { Effect, Part, PartHealth, Rules, State } from '../../src/kiosk/state.ts';
import { watchRelay } from '../../src/kiosk/watches.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { startCursor } from '../../src/protocol/sale.ts';
import { silentLog } from '../../src/lib/log.ts';
import { Board } from './board.ts';
import { checkPulse, checkShown } from './checks.ts';
import { Disk } from './disk.ts';
import { createClient, Session, type LineEnd } from './line.ts';
import { merchant } from './midtrans.ts';
import { spoilClient, spoilEffect, spoilEvent } from './spoil.ts';
import type { SimRelay } from './sim-relay.ts';
import type { World } from './world.ts';

const rules: Rules = {
  limits: { minIdr: 1_000, maxIdr: 10_000_000 },
  payee: { nmid: merchant.nmid, pan: merchant.pan },
  catalogue: new Map(),
  required: ['journal', 'relay', 'display', 'dispenser'],
  qrOn: 'display',
  acceptBlindPrinter: false,
  receipts: false,
  maxPieces: 99,
};
/** Of all kiosks of all runs. */
export const claimSecret = Buffer.alloc(32, 7).toString('base64url');
const brokerLost = { ok: false, code: 'broker-unreachable' } as const;
const yearsMs = 10 * 365 * 24 * 3_600_000;
/** A technician comes to a kiosk that says its dispenser is out of order. */
const technicianMs = 60_000;

interface Life {
  alive: boolean;
  kiosk: Kiosk;
  stopping: AbortController;
  /** Sales that this life showed, or fetched as paid: only these may be dispensed by it (PROTOCOL.md §1). */
  known: Set<string>;
}

export class SimKiosk {
  readonly kioskId: string;
  readonly board: Board;
  readonly #world: World;
  readonly #relay: SimRelay;
  readonly #disk: Disk;
  readonly #session: Session;
  readonly #shown = new Set<string>();
  #life: Life | undefined;
  #boot = { id: 'boot-0', atMs: 0, wallOffMs: 0 };
  #at = '';
  /** Called when a QR is shown for the first time. */
  onShown: (saleId: string, qrString: string, deadlineMs: number) => void = () => undefined;

  constructor(world: World, relay: SimRelay, kioskId: string) {
    this.#world = world;
    this.#relay = relay;
    this.kioskId = kioskId;
    this.#disk = new Disk(world);
    this.#session = new Session(world, relay, kioskId);
    this.board = new Board(world, (saleId) => {
      const { store, midtrans } = relay;
      const pulses = this.board.pulses.get(saleId) ?? 0;
      checkPulse(world, store, midtrans.books, saleId, pulses);
    });
    this.board.onPlug = () => {
      this.#tellBoard();
    };
    relay.store.addKiosk(kioskId);
    this.start();
    this.#visit();
  }

  get session(): Session {
    return this.#session;
  }

  /** Undefined while it is off. */
  get state(): State | undefined {
    return this.#life?.kiosk.state();
  }

  /** Somebody comes back with the slip of one of this kiosk's claims, if there is any. */
  bringClaim(): void {
    const claims = this.#disk.claimed().filter(({ honoured }) => !honoured);
    const claim = claims[this.#world.draw.between(0, Math.max(0, claims.length - 1))];
    if (claim === undefined) return;
    this.#world.say('customer', `brings the claim of ${claim.saleId}`);
    const text = scannedClaim(claimCode(claimSecret, claim.saleId));
    this.#post(this.#life, { kind: 'scan', scan: { text } });
  }

  press(key: Key): void {
    this.#post(this.#life, { kind: 'key', key, freshId: this.#mintId() });
  }

  #mintId(): string {
    const { clock, draw } = this.#world;
    return `${this.kioskId}-${ulid(clock.nowMs() + this.#boot.wallOffMs, draw.unit)}`;
  }

  crash(): void {
    const life = this.#life;
    if (life === undefined) return;
    const { clock, draw, faults, count } = this.#world;
    count.crashes++;
    this.#life = undefined;
    life.alive = false;
    life.stopping.abort();
    this.#disk.lose();
    this.#session.cut();
    const cut = faults.strikes('kiosk power cut');
    this.#world.say(this.kioskId, cut ? 'lost its power' : 'crashed');
    const long = cut && draw.chance(300);
    const offMs = cut ? draw.between(5_000, long ? 900_000 : 60_000) : draw.between(100, 10_000);
    clock.after(offMs, () => {
      if (cut) this.#newBoot();
      this.start();
    });
  }

  /** A life begins: the journal is folded, the lines and devices are opened. */
  start(): void {
    const world = this.#world;
    const boot = this.#boot;
    const mortal = { alive: true, stopping: new AbortController(), known: new Set<string>() };
    const alive = (): boolean => mortal.alive;
    const clock = world.clock.ofLife(alive, boot.atMs, boot.wallOffMs);
    const journal = this.#disk.journal(alive, () => {
      this.crash();
    });
    const kiosk = createKiosk({
      ...{ rules, journal, clock, log: silentLog, cursor: startCursor, language: 'id' },
      ledgerId: this.#relay.store.ledgerId,
      perform: (effect) => {
        this.#perform(life, effect, real);
      },
      draw: (state) => {
        this.#drawn(life, state);
      },
      halted: (error) => {
        world.broke(`the journal halted: ${String(error)}`);
      },
    });
    const life: Life = Object.assign(mortal, { kiosk });
    const end: LineEnd = {
      alive,
      monotonicMs: () => clock.monotonicMs(),
      told: (told) => {
        this.#post(life, { kind: 'told', via: 'mqtt', told });
      },
      changed: (up) => {
        this.#onPart(life, 'broker', up ? { ok: true } : brokerLost);
        if (up) real({ kind: 'catch-up', since: kiosk.state().cursor });
      },
    };
    const honest = createClient(world, this.#relay, this.kioskId, end);
    const { bug, draw } = world;
    const client = bug === undefined ? honest : spoilClient(bug, honest, draw);
    const real = this.#effects(life, client, clock);
    this.#life = life;
    world.say(this.kioskId, `starts in ${boot.id} at ${kiosk.state().phase.at}`);
    void this.#begin(life, boot.id, end, client);
  }

  /** The real effects over this life's lines and the board. */
  #effects(life: Life, client: RelayClient, clock: Clock): (effect: Effect) => void {
    return createPerform({
      ...{ client, clock, log: silentLog, signal: life.stopping.signal },
      onPart: (part, health) => {
        this.#onPart(life, part, health);
      },
      link: () => this.#session.link(),
      devices: () => ({
        printer: undefined,
        dispenser: this.#dispenser(),
        healths: () => [],
        stop: () => Promise.resolve(),
      }),
      post: (event) => {
        this.#post(life, event);
      },
      ledgerId: () => life.kiosk.state().ledgerId,
      proved: () => this.#disk.proved(),
      seekClaim: (code) => saleOfCode(claimSecret, code, this.#disk.claimed()),
      mintId: () => this.#mintId(),
      slip: () => ({ blocks: [] }),
    });
  }

  #onPart(life: Life, part: Part, health: PartHealth): void {
    if (!life.alive || life.kiosk.state().parts[part].ok === health.ok) return;
    this.#post(life, { kind: 'part', part, health });
  }

  /** What run.ts does once the machine is there. */
  async #begin(life: Life, bootId: string, end: LineEnd, client: RelayClient): Promise<void> {
    await life.kiosk.start(bootId);
    for (const part of ['journal', 'display'] as const) {
      this.#post(life, { kind: 'part', part, health: { ok: true } });
    }
    this.#tellBoard();
    this.#session.open(end);
    const clock = this.#world.clock.ofLife(end.alive);
    const onPart = (part: Part, health: PartHealth): void => {
      this.#onPart(life, part, health);
    };
    await watchRelay(client, onPart, life.kiosk, clock, life.stopping.signal);
  }

  #post(life: Life | undefined, event: NewEvent): void {
    if (life?.alive !== true) return;
    const { bug } = this.#world;
    if (event.kind === 'told' && event.via === 'http' && event.told.verdict === 'paid') {
      life.known.add(event.told.saleId);
    }
    if (event.kind === 'caught-up') {
      for (const { saleId, verdict } of event.told) if (verdict === 'paid') life.known.add(saleId);
    }
    const taken = bug === undefined ? [event] : spoilEvent(bug, event, life.kiosk.state());
    for (const each of taken) ignoreHalt(life.kiosk.post(each));
    if (bug === 'pulse-for-every-paid' && event.kind === 'told' && event.told.verdict === 'paid') {
      const { saleId, amountIdr } = event.told;
      const { signal } = life.stopping;
      void this.board.connection()?.dispense({ id: saleId, amountIdr }, signal);
    }
  }

  #perform(life: Life, effect: Effect, real: (effect: Effect) => void): void {
    const { faults, bug } = this.#world;
    if (!life.alive) return;
    if (faults.strikes('kiosk crash')) {
      this.crash();
      return;
    }
    const wanted = bug === undefined ? effect : spoilEffect(bug, effect, life.kiosk.state());
    this.#checkEffect(life, wanted);
    real(wanted);
    if (faults.strikes('kiosk crash')) this.crash();
  }

  /** Rule 1, and that only a verdict of this life moves a motor. */
  #checkEffect(life: Life, effect: Effect): void {
    const world = this.#world;
    if (effect.kind === 'charge' && !this.#disk.knowsCharge(effect.saleId)) {
      world.broke(`${effect.saleId} is charged and not on the disk`);
    }
    if (effect.kind !== 'dispense') return;
    const id = effect.dispenseId ?? effect.saleId;
    world.say(this.kioskId, `dispenses ${id}`);
    if (!this.#disk.knowsDispense(id)) world.broke(`${id} is dispensed and not on the disk`);
    if (effect.dispenseId !== undefined) return;
    if (!life.known.has(effect.saleId)) {
      world.broke(`${effect.saleId} is dispensed on a verdict that was not fetched in this life`);
    }
  }

  #drawn(life: Life, state: State): void {
    if (!life.alive) return;
    const { phase } = state;
    const saleId = 'sale' in phase ? phase.sale.saleId : '';
    const at = `${phase.at} ${saleId}`;
    if (at === this.#at) return;
    this.#at = at;
    this.#world.say(this.kioskId, 'outcome' in phase ? `${at} ${phase.outcome}` : at);
    if (phase.at !== 'paying') return;
    life.known.add(saleId);
    const { store, midtrans } = this.#relay;
    checkShown(this.#world, store, midtrans.books, state, this.#shown);
    if (this.#shown.has(saleId)) return;
    this.#shown.add(saleId);
    this.#world.count.shown++;
    this.onShown(saleId, phase.qrString, phase.deadlineMs - phase.totalMs);
  }

  #dispenser(): Supervised<Dispenser> {
    return {
      current: () => this.board.connection(),
      health: () => ({ state: 'up' }),
      stop: () => Promise.resolve(),
    };
  }

  /** As the supervised connection does when it is lost or there again. */
  #tellBoard(): void {
    const lost = { ok: false, code: 'dispenser-lost' } as const;
    const health: PartHealth = this.board.plugged ? { ok: true } : lost;
    this.#post(this.#life, { kind: 'part', part: 'dispenser', health });
  }

  #visit(): void {
    this.#world.clock.after(technicianMs, () => {
      if (this.state?.parts.dispenser.ok === false) this.#tellBoard();
      this.#visit();
    });
  }

  #newBoot(): void {
    const { clock, draw } = this.#world;
    const number = Number(this.#boot.id.slice('boot-'.length)) + 1;
    const jumps = draw.chance(200);
    const wallOffMs = jumps ? draw.between(-yearsMs, yearsMs) : 0;
    this.#boot = { id: `boot-${number}`, atMs: clock.monotonicMs(), wallOffMs };
  }
}
