// The two lines between a kiosk and its relay: HTTP calls that are lost, late or doubled on either way, and an MQTT session
// that keeps what it could not deliver. Nothing is lost here that the world could not lose.
import type { BrokerLink } from '../../src/kiosk/broker-link.ts';
import type { Answer, RelayClient } from '../../src/kiosk/relay-client.ts';
import type { RequestFailure, Told } from '../../src/kiosk/state.ts';
import type { Call, Reply, Said } from './relay-routes.ts';
import type { SimRelay } from './sim-relay.ts';
import type { World } from './world.ts';

/** As in src/kiosk/relay-client.ts. */
const chargeTimeoutMs = 15_000;
const timeoutMs = 8_000;
/** A line that says nothing is given up after this long (keep-alive and a half). */
const silenceMs = 45_000;
const maxQueued = 100;

/** One life of a kiosk, as its lines need it. */
export interface LineEnd {
  alive: () => boolean;
  monotonicMs: () => number;
  told: (told: Told) => void;
  changed: (up: boolean) => void;
}

/** The kiosk's calls over HTTP. */
export function createClient(
  world: World,
  relay: SimRelay,
  kioskId: string,
  end: LineEnd,
): RelayClient {
  const sale = async (call: Call, limitMs = timeoutMs): Promise<Answer<Told>> => {
    const askedAtMs = end.monotonicMs();
    const reply = await request(world, relay, call, limitMs);
    if (reply.kind === 'sale') return { ok: true, value: { ...reply.sale, askedAtMs } };
    return failed(reply);
  };
  const plain = async (call: Call): Promise<Answer<unknown>> => {
    const reply = await request(world, relay, call, timeoutMs);
    return reply.kind === 'ok' ? { ok: true, value: undefined } : failed(reply);
  };
  return {
    charge: (effect) => sale(effect, chargeTimeoutMs),
    look: (saleId) => sale({ kind: 'look', saleId }),
    stop: (effect) => sale(effect, chargeTimeoutMs),
    report: (effect) => sale(effect),
    async recover(body) {
      const reply = await request(world, relay, { kind: 'give-back', kioskId, body }, timeoutMs);
      return reply.kind === 'recovered' ? { ok: true, value: reply.answer } : failed(reply);
    },
    redeem: (effect) => plain(effect),
    redeemResult: (redemption) => plain({ kind: 'redeem-result', ...redemption }),
    async changes(since, ledgerId) {
      const askedAtMs = end.monotonicMs();
      const call = { kind: 'changes', kioskId, since, ledgerId } as const;
      const reply = await request(world, relay, call, timeoutMs);
      if (reply.kind !== 'page') return failed(reply);
      const { sales, ...page } = reply.page;
      const told = sales.map((said) => ({ ...said, askedAtMs }));
      return { ok: true, value: { told, answer: { ...page, sales: [] } } };
    },
    ack: (ledgerId, upTo) => plain({ kind: 'ack', kioskId, ledgerId, upTo }),
    probe: () => plain({ kind: 'probe' }),
    brokerToken: () => Promise.resolve(''),
    prove: () => Promise.reject(new Error('a run has no proofs')),
  };
}

function failed(reply: Reply): { ok: false; failure: RequestFailure } {
  return { ok: false, failure: reply.kind === 'failed' ? reply.failure : lost };
}

const lost: RequestFailure = { kind: 'lost', code: 'relay-unreachable' };
const unsent: RequestFailure = { kind: 'unsent', code: 'relay-unreachable' };

/** One request; late and lost ones may still be done at the relay. */
function request(world: World, relay: SimRelay, call: Call, limitMs: number): Promise<Reply> {
  const { clock, draw, faults } = world;
  const answer = Promise.withResolvers<Reply>();
  const finish = (reply: Reply): void => {
    cancel();
    answer.resolve(reply);
  };
  const cancel = clock.after(limitMs, () => {
    finish({ kind: 'failed', failure: lost });
  });
  const delayMs = (): number =>
    faults.strikes('http slow') ? draw.between(500, 30_000) : draw.between(2, 80);
  if (!relay.up) {
    clock.after(draw.between(1, 20), () => {
      finish({ kind: 'failed', failure: unsent });
    });
    return answer.promise;
  }
  if (faults.strikes('http request lost')) return answer.promise;
  const copies = faults.strikes('http twice') ? 2 : 1;
  for (let copy = 0; copy < copies; copy++) {
    clock.after(delayMs(), () => {
      const served = relay.call(call);
      if (served === undefined) {
        finish({ kind: 'failed', failure: lost });
        return;
      }
      void served.then((reply) => {
        if (faults.strikes('http answer lost')) return;
        clock.after(delayMs(), () => {
          finish(reply);
        });
      });
    });
  }
  return answer.promise;
}

/** The kiosk's persistent session in the broker, and the line to it. */
export class Session {
  readonly #world: World;
  readonly #relay: SimRelay;
  readonly #kioskId: string;
  #queue: Said[] = [];
  #end: LineEnd | undefined;
  #up = false;
  #connection = 0;
  #silentUntilMs = 0;

  constructor(world: World, relay: SimRelay, kioskId: string) {
    this.#world = world;
    this.#relay = relay;
    this.#kioskId = kioskId;
  }

  /** A life of the kiosk begins to connect. */
  open(end: LineEnd): void {
    this.#end = end;
    this.#connectLater(end);
  }

  /** The kiosk is dead: the broker finds out later. */
  cut(): void {
    this.#end = undefined;
    this.#down();
  }

  /** The broker inside the relay died and forgot what it kept. */
  relayDied(): void {
    this.#queue = [];
    const end = this.#end;
    if (!this.#up || end === undefined) return;
    this.#down();
    end.changed(false);
    this.#connectLater(end);
  }

  /** The relay hands over a document. */
  publish(said: Said): void {
    const { clock, draw, faults } = this.#world;
    if (faults.strikes('mqtt lost')) return;
    if (this.#up && faults.strikes('mqtt silent')) this.#silence();
    const copies = faults.strikes('mqtt twice') ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const slow = faults.strikes('mqtt slow');
      clock.after(slow ? draw.between(500, 60_000) : draw.between(2, 60), () => {
        this.#deliver(said);
      });
    }
  }

  /** What effects.ts needs of the link. */
  link(): BrokerLink | undefined {
    return {
      ack: (ledgerId, upTo) => this.#ack(ledgerId, upTo),
      status: () => undefined,
      stop: () => Promise.resolve(),
    };
  }

  get #silent(): boolean {
    return this.#world.clock.monotonicMs() < this.#silentUntilMs;
  }

  #deliver(said: Said): void {
    const end = this.#end;
    if (end === undefined || !this.#up || this.#silent) {
      if (this.#queue.length < maxQueued) this.#queue.push(said);
      return;
    }
    end.told({ ...said, askedAtMs: end.monotonicMs() });
  }

  #ack(ledgerId: string, upTo: number): boolean {
    if (!this.#up) return false;
    const { clock, draw, faults } = this.#world;
    if (this.#silent || faults.strikes('mqtt lost')) return true;
    const payload = new TextEncoder().encode(JSON.stringify({ ledgerId, upTo }));
    clock.after(draw.between(2, 60), () => {
      void this.#relay.presence?.message(this.#kioskId, 'ack', payload);
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
      if (connection === this.#connection) this.#relay.presence?.gone(this.#kioskId);
    });
  }

  #connectLater(end: LineEnd): void {
    const { clock, draw } = this.#world;
    clock.after(draw.between(100, 4_000), () => {
      if (this.#end !== end || !end.alive() || this.#up) return;
      const { presence } = this.#relay;
      if (presence === undefined || this.#silent) {
        this.#connectLater(end);
        return;
      }
      this.#up = true;
      this.#connection++;
      presence.listening(this.#kioskId);
      end.changed(true);
      const kept = this.#queue;
      this.#queue = [];
      for (const said of kept) this.publish(said);
    });
  }
}
