// A kiosk of a run: everything that src/kiosk/run.ts puts together, except sockets and hardware. It dies at any write or
// effect and starts again from its card, in the same boot or in a new one.
import { ulid } from 'ulid';
import type { Key } from '../../drivers/device.ts';
import { readIdentity, type Identity } from '../../src/kiosk/identity.ts';
import { createKiosk, ignoreHalt, type NewEvent } from '../../src/kiosk/kiosk.ts';
import { isQuiet, watchPaper } from '../../src/kiosk/printer-watch.ts';
import type { Rules } from '../../src/kiosk/rules.ts';
import type { Effect, Part, PartHealth, State } from '../../src/kiosk/state.ts';
import { watchRelay } from '../../src/kiosk/watches.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { KiosError } from '../../src/protocol/errors.ts';
import { Board } from './board.ts';
import { checkAlone, checkHidden, checkPieces, checkPulse, checkShown } from './checks.ts';
import { Disk } from './disk.ts';
import { identityFolder, identityOf } from './identities.ts';
import { openRooms, standing, type Rooms } from './kiosk-rooms.ts';
import { checkEffect, noteBought, noteKnown, type Life } from './life.ts';
import { newSeen, type Seen } from './middle.ts';
import { Paper } from './paper.ts';
import type { RelayFleet } from './relay-fleet.ts';
import { Session, type SessionEnd } from './session.ts';
import { rulesOf, withOtherPrice } from './sim-rules.ts';
import { spoilClock, spoilEffect, spoilEvent } from './spoil.ts';
import type { World } from './world.ts';

const yearsMs = 10 * 365 * 24 * 3_600_000;
/** A technician comes to a kiosk that says its dispenser is out of order. */
const technicianMs = 60_000;
/** A kiosk that ended because its journal failed is started again by systemd. */
const restartMs = 5_000;

export class SimKiosk {
  readonly kioskId: string;
  readonly board: Board;
  readonly paper: Paper;
  readonly disk: Disk;
  /** Fixed while it runs. */
  rules: Rules;
  readonly #world: World;
  readonly #fleet: RelayFleet;
  readonly #session: Session;
  readonly #seen: Seen = newSeen();
  readonly #shown = new Set<string>();
  /** Its identity as a file, once there are new keys to learn. */
  #stateDir: string | undefined;
  #life: Life | undefined;
  readonly #isCopy: boolean;
  #boot: { id: string; atMs: number; wallOffMs: number };
  #boots = 0;
  #at = '';
  #displayUp = true;
  #retired = false;
  #bootsAnew = false;
  /** Called when a QR is shown for the first time. */
  onShown: (saleId: string, qrString: string) => void = () => undefined;
  /** Called when a QR comes out of the printer. */
  onPaper: (qrString: string) => void = () => undefined;

  /** @param image of the card of another machine, which this one is a copy of */
  constructor(world: World, fleet: RelayFleet, kioskId: string, image?: string) {
    this.#world = world;
    this.#isCopy = image !== undefined;
    this.#boot = { id: this.#bootName(), atMs: world.clock.monotonicMs(), wallOffMs: 0 };
    this.#fleet = fleet;
    this.kioskId = kioskId;
    this.rules = rulesOf(world.draw);
    this.disk = new Disk(world, image);
    this.disk.onMinted = (note) => {
      noteBought(world, note, this.rules);
    };
    this.#session = new Session(world, fleet, kioskId, this.#seen);
    this.paper = new Paper(world);
    this.board = new Board(world, new Map(), (id, pieces) => {
      checkPulse(world, fleet, id, this.board.pulses.get(id) ?? 0);
      checkPieces(world, id, pieces);
    });
    this.board.onPlug = () => {
      this.#tellBoard();
    };
    this.paper.onPlug = () => {
      this.#tellPrinter();
    };
    this.paper.onSlip = ({ blocks }) => {
      for (const block of blocks) if (block.kind === 'qr') this.#handedOut(block.text);
    };
    this.start();
    this.#visit();
  }

  /** For the log. */
  get name(): string {
    return this.#isCopy ? `${this.kioskId} copy` : this.kioskId;
  }

  get session(): Session {
    return this.#session;
  }

  /** Undefined while it is off. */
  get state(): State | undefined {
    return this.#life?.kiosk.state();
  }

  get claimSecret(): string {
    return identityOf(this.kioskId).enrolment.claimSecret;
  }

  press(key: Key): void {
    this.post({ kind: 'key', key, freshId: this.#mintId() });
  }

  scan(text: string): void {
    this.post({ kind: 'scan', scan: { text } });
  }

  /** NTP arrives, or a battery dies: the wall clock is somewhere else from now on. */
  jumpClock(): void {
    const { draw } = this.#world;
    this.#boot.wallOffMs = draw.chance(500) ? 0 : draw.between(-yearsMs, yearsMs);
  }

  setDisplay(up: boolean): void {
    this.#displayUp = up;
    const health = up ? ok : ({ ok: false, code: 'display-lost' } as const);
    this.post({ kind: 'part', part: 'display', health });
  }

  #mintId(): string {
    const { clock, draw } = this.#world;
    const nowMs = clock.nowMs() + this.#boot.wallOffMs;
    return `${this.kioskId}-${ulid(nowMs, draw.unit)}`;
  }

  /** Its process ends, by itself or with the power. */
  crash(): void {
    const { draw, faults } = this.#world;
    const cut = faults.strikes('kiosk power cut');
    const long = cut && draw.chance(300);
    const hours = long && faults.strikes('kiosk off for hours');
    const most = hours ? 11_000_000 : long ? 900_000 : 60_000;
    this.end(cut, cut ? draw.between(5_000, most) : draw.between(100, 10_000));
  }

  end(cut: boolean, offMs: number, meanwhile: () => void = () => undefined): void {
    const life = this.#life;
    if (life === undefined) return;
    const { clock, count } = this.#world;
    count.crashes++;
    this.#life = undefined;
    life.alive = false;
    life.stopping.abort();
    this.disk.lose();
    this.#session.cut();
    this.#world.say(this.name, cut ? 'lost its power' : 'ended');
    clock.after(offMs, () => {
      meanwhile();
      if (cut || this.#bootsAnew) this.#newBoot();
      this.start();
    });
  }

  /** Switched off and on again, by somebody who stands before it. */
  bootAnew(): void {
    this.#bootsAnew = true;
    this.end(true, this.#world.draw.between(5_000, 60_000));
  }

  /** Taken out of service, for good. */
  retire(): void {
    this.#retired = true;
    this.end(true, 0);
  }

  /** A life begins: the journal is folded, the lines and devices are opened. */
  start(): void {
    const world = this.#world;
    if (this.#retired) return;
    if (world.faults.strikes('price changes')) this.rules = withOtherPrice(world.draw, this.rules);
    const boot = this.#boot;
    const mortal = {
      alive: true,
      stopping: new AbortController(),
      known: new Set<string>(),
    };
    const alive = (): boolean => mortal.alive;
    const honest = world.clock.ofLife(alive, boot.atMs, () => this.#boot.wallOffMs);
    const clock = world.bug === undefined ? honest : spoilClock(world.bug, honest);
    if (this.#fleet.rotated) this.#stateDir ??= identityFolder(this.kioskId);
    const dir = this.#stateDir;
    const identity = dir === undefined ? identityOf(this.kioskId) : readIdentity(dir);
    const journal = this.disk.journal(alive, () => {
      this.crash();
    });
    const { cursor, ledgerId } = identity.enrolment;
    const kiosk = createKiosk({
      ...{
        rules: this.rules,
        journal,
        clock,
        log: silentLog,
        cursor,
        ledgerId,
        language: 'id',
      },
      perform: (effect) => {
        this.#perform(life, effect, rooms.perform);
      },
      draw: (state) => {
        this.#drawn(life, state);
      },
      halted: () => {
        world.say(this.name, 'its journal failed');
        this.end(false, restartMs);
      },
    });
    const life: Life = Object.assign(mortal, { kiosk });
    const rooms = this.#rooms(life, identity, clock);
    this.#life = life;
    world.say(this.name, `starts in ${boot.id} at ${kiosk.state().phase.at}`);
    void this.#begin(life, rooms);
  }

  #rooms(life: Life, identity: Identity, clock: Clock): Rooms {
    return openRooms({
      ...{ world: this.#world, fleet: this.#fleet, seen: this.#seen, identity, clock },
      ...{ stateDir: this.#stateDir ?? '', bootId: this.#boot.id, disk: this.disk },
      ...{ session: this.#session, board: this.board, paper: this.paper },
      signal: life.stopping.signal,
      alive: () => life.alive,
      ledgerId: () => life.kiosk.state().ledgerId,
      mintId: () => this.#mintId(),
      onPart: (part, health) => {
        this.#onPart(life, part, health);
      },
      post: (event) => {
        ignoreHalt(this.#post(life, event));
      },
    });
  }

  /** What run.ts does once the machine is there. */
  async #begin(life: Life, { clock, client, perform }: Rooms): Promise<void> {
    const { kiosk, stopping } = life;
    try {
      await kiosk.start(this.#boot.id);
    } catch (error) {
      // As run.ts: a kiosk that cannot write holds no device. `halted` has ended this life.
      if (error instanceof KiosError) return;
      throw error;
    }
    const onPart = (part: Part, health: PartHealth): void => {
      this.#onPart(life, part, health);
    };
    onPart('journal', ok);
    if (this.#displayUp) onPart('display', ok);
    this.#tellBoard();
    this.#tellPrinter();
    const end: SessionEnd = {
      alive: () => life.alive,
      bootId: this.#boot.id,
      take: async (document) => {
        const told = await client.prove(document, clock.monotonicMs());
        await this.#post(life, { kind: 'told', via: 'mqtt', told });
      },
      changed: (up) => {
        onPart('broker', up ? ok : { ok: false, code: 'broker-unreachable' });
        if (up) perform({ kind: 'catch-up', since: kiosk.state().cursor });
      },
    };
    // The broker lets one of two in who have the same name; the copy makes do without.
    if (!this.#isCopy) this.#session.open(end);
    const printer = standing(() => this.paper.connection());
    if (this.rules.qrOn === 'paper') {
      void watchPaper({
        printer,
        clock,
        onPart,
        signal: stopping.signal,
        mayAsk: () => isQuiet(kiosk.state()),
      });
    }
    await watchRelay(client, onPart, kiosk, clock, stopping.signal);
  }

  post(event: NewEvent): void {
    if (this.#life !== undefined) ignoreHalt(this.#post(this.#life, event));
  }

  #onPart(life: Life, part: Part, health: PartHealth): void {
    if (!life.alive || life.kiosk.state().parts[part].ok === health.ok) return;
    ignoreHalt(this.#post(life, { kind: 'part', part, health }));
  }

  /** Resolves when it is on the disk; never for a life that is over. */
  async #post(life: Life, event: NewEvent): Promise<void> {
    if (!life.alive) return new Promise(() => undefined);
    const { bug } = this.#world;
    noteKnown(life, event);
    const taken = bug === undefined ? [event] : spoilEvent(bug, event, life.kiosk.state());
    const posted = taken.map((each) => life.kiosk.post(each));
    for (const each of posted) ignoreHalt(each);
    if (bug === 'pulse-for-every-paid' && event.kind === 'told' && event.told.verdict === 'paid') {
      const order = { id: event.told.saleId, pieces: 1 };
      void this.board.connection()?.dispense(order, life.stopping.signal);
    }
    await Promise.all(posted);
  }

  #perform(life: Life, effect: Effect, real: (effect: Effect) => void): void {
    const { faults, bug } = this.#world;
    if (!life.alive) return;
    if (faults.strikes('kiosk crash')) {
      this.crash();
      return;
    }
    const wanted =
      bug === undefined ? effect : spoilEffect(bug, effect, life.kiosk.state(), this.rules);
    checkEffect(this.#world, this, life, wanted);
    real(wanted);
    if (faults.strikes('kiosk crash')) this.crash();
  }

  #drawn(life: Life, state: State): void {
    if (!life.alive) return;
    const { phase } = state;
    const saleId = 'sale' in phase ? phase.sale.saleId : '';
    const at = `${phase.at} ${saleId}`;
    if (at === this.#at) return;
    this.#at = at;
    this.#world.say(this.name, 'outcome' in phase ? `${at} ${phase.outcome}` : at);
    if (phase.at !== 'paying') return;
    life.known.add(saleId);
    if (this.#world.faults.strikes('qr unreadable')) {
      ignoreHalt(this.#post(life, { kind: 'not-shown', saleId }));
    }
    checkShown(this.#world, this.#fleet, state, this.#shown);
    checkHidden(this.#world, saleId, phase.totalMs, () => life.alive && this.#at === at);
    if (this.#shown.has(saleId)) return;
    this.#shown.add(saleId);
    this.#world.count.shown++;
    this.onShown(saleId, phase.qrString);
  }

  #bootName(): string {
    return `${this.#isCopy ? 'copy' : 'boot'}-${this.#boots}`;
  }

  /** A slip with a QR on it is in somebody's hand. */
  #handedOut(qrString: string): void {
    const saleId = this.#fleet.midtrans.books.findByQr(qrString)?.orderId;
    if (saleId === undefined) return;
    this.#world.say('printer', `hands out the QR of ${saleId}`);
    checkAlone(this.#world, this.#fleet, saleId, this.#shown);
    this.#shown.add(saleId);
    this.onPaper(qrString);
  }

  /** As the supervised connection does when it is lost or there again. */
  #tellBoard(): void {
    const lost = { ok: false, code: 'dispenser-lost' } as const;
    this.post({
      kind: 'part',
      part: 'dispenser',
      health: this.board.plugged ? ok : lost,
    });
  }

  #tellPrinter(): void {
    const lost = { ok: false, code: 'printer-lost' } as const;
    this.post({
      kind: 'part',
      part: 'printer',
      health: this.paper.plugged ? ok : lost,
    });
  }

  #visit(): void {
    this.#world.clock.after(technicianMs, () => {
      if (this.state?.parts.dispenser.ok === false) this.#tellBoard();
      if (this.state?.parts.display.ok === false && this.#displayUp) this.setDisplay(true);
      this.#visit();
    });
  }

  #newBoot(): void {
    const { clock, draw, bug } = this.#world;
    const wallOffMs = draw.chance(200) ? draw.between(-yearsMs, yearsMs) : 0;
    this.#boots++;
    this.#bootsAnew = false;
    this.#boot = {
      id: bug === 'same-boot-after-power-cut' ? this.#boot.id : this.#bootName(),
      atMs: clock.monotonicMs(),
      wallOffMs,
    };
  }
}

const ok = { ok: true } as const;
