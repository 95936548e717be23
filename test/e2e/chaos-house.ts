// A kiosk, a relay, Mosquitto, PostgreSQL and a twin, each a real process; everything but the twin can be killed, and
// comes back as systemd would bring it. It judges nothing.
import { systemClock, wait } from '../../src/lib/clock.ts';
import { startMosquitto, type MosquittoServer } from '../relay/mosquitto-server.ts';
import { startPostgres, type PostgresServer } from '../relay/postgres-server.ts';
import { killable, type Killable, type Round } from './chaos-plan.ts';
import { openWire, type Wire } from './chaos-wire.ts';
import type { Program } from './program.ts';
import { World } from './world.ts';

const restartMs = 200;
/** Customers come at once; a kiosk that has just been started needs a second or two until it sells. */
const saleWithinMs = 6000;
/** What cannot start within so many tries is broken. */
const maxStarts = 50;
const partLimitMs = 90_000;

/** One that does not end or does not come back is told by its name, not by a test that never ends. */
async function within(what: string, doing: Promise<void>): Promise<void> {
  const limit = new AbortController();
  const late = wait(systemClock, partLimitMs, limit.signal).then(() => {
    if (!limit.signal.aborted) throw new Error(`${what} took more than ${partLimitMs / 1000} s`);
  });
  await Promise.race([doing, late]).finally(() => {
    limit.abort();
  });
}

export class ChaosHouse {
  readonly wire: Wire;
  readonly postgres: PostgresServer;
  readonly #mosquitto: MosquittoServer;
  readonly databaseUrl: string;
  #world: World | undefined;
  /** Processes that ended though nobody had killed them, with the end of what they said. */
  readonly died: string[] = [];
  #down = new Set<Killable>();
  /** Every start that is under way: none may outlive the house. */
  readonly #raising = new Set<Promise<void>>();
  #ending = false;

  private constructor(
    wire: Wire,
    postgres: PostgresServer,
    mosquitto: MosquittoServer,
    databaseUrl: string,
  ) {
    this.wire = wire;
    this.postgres = postgres;
    this.#mosquitto = mosquitto;
    this.databaseUrl = databaseUrl;
  }

  /** @param expiresInMs how long a QR stays payable */
  static async start(expiresInMs: number): Promise<ChaosHouse> {
    const wire = openWire();
    const [postgres, mosquitto] = await Promise.all([startPostgres(), startMosquitto(wire.host)]);
    const house = new ChaosHouse(wire, postgres, mosquitto, await postgres.newDatabase());
    try {
      await house.#furnish(expiresInMs);
    } catch (error) {
      await house.end();
      throw error;
    }
    return house;
  }

  get world(): World {
    if (this.#world === undefined) throw new Error('the house is not furnished');
    return this.#world;
  }

  async #furnish(expiresInMs: number): Promise<void> {
    const { wire } = this;
    const mosquitto = this.#mosquitto;
    const brokerDoor = await wire.door(Number(new URL(mosquitto.url).port));
    this.#world = await World.start({
      expiresInMs,
      relay: {
        mqtt: undefined,
        broker: { ...mosquitto.broker, publicUrl: `mqtts://${wire.host}:${brokerDoor}` },
        store: { postgres: { url: this.databaseUrl } },
      },
      twin: { notifications: { timeScale: 0.01, delayMs: 50 } },
      launch: { through: wire.through, env: { NODE_EXTRA_CA_CERTS: mosquitto.caFile } },
      relayFor: async (port) => `http://127.0.0.1:${await wire.nearDoor(port)}`,
    });
    this.#watch('kiosk', this.#world.kiosk);
    this.#watch('relay', this.#world.relay);
  }

  /** Breaks what the round says, and mends it. Resolves when all of it runs again. */
  async suffer({ afterMs, kills, wire }: Round): Promise<void> {
    await this.#saleBegun();
    await wait(systemClock, afterMs);
    // All of it comes to its end, also when a part of it fails: nothing may be started later on.
    const ends = await Promise.allSettled([
      ...kills.map(async ({ part, startMs, downMs }) => {
        await wait(systemClock, startMs);
        await within(`kill -9 of the ${part}`, this.#kill(part));
        await wait(systemClock, downMs);
        const raising = this.#raise(part);
        this.#raising.add(raising);
        await within(`a start of the ${part}`, raising);
        this.#raising.delete(raising);
      }),
      this.#cutWire(wire),
    ]);
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  /** What is killed between two sales says little; but a kiosk that sells nothing is no way out. */
  async #saleBegun(): Promise<void> {
    const endMs = systemClock.monotonicMs() + saleWithinMs;
    while (systemClock.monotonicMs() < endMs) {
      const { lastPhase } = this.world.kiosk;
      if (lastPhase === 'charging' || lastPhase === 'paying') return;
      await wait(systemClock, 20);
    }
  }

  async #cutWire(wire: Round['wire']): Promise<void> {
    if (wire === undefined) return;
    await wait(systemClock, wire.startMs);
    this.wire.strike(wire.fault);
    await wait(systemClock, wire.forMs);
    this.wire.heal();
  }

  async #kill(part: Killable): Promise<void> {
    this.#down.add(part);
    switch (part) {
      case 'kiosk':
        return this.world.kiosk.kill();
      case 'relay':
        return this.world.relay.kill();
      case 'broker':
        return this.#mosquitto.kill();
      case 'store':
        return this.postgres.kill();
    }
  }

  async #raise(part: Killable): Promise<void> {
    switch (part) {
      case 'kiosk':
        await this.world.startKiosk();
        this.#watch(part, this.world.kiosk);
        break;
      case 'relay':
        // Without its store a relay does not start.
        await this.#untilStarted(async () => {
          await this.world.relay.kill();
          await this.world.startRelay();
        });
        this.#watch(part, this.world.relay);
        break;
      case 'broker':
        await this.#mosquitto.start();
        break;
      case 'store':
        // A backend that outlived its parent for a moment holds the shared memory: PostgreSQL ends with 1.
        await this.#untilStarted(() => this.postgres.start());
        break;
    }
    this.#down.delete(part);
  }

  /** Again and again, as systemd does it. */
  async #untilStarted(start: () => Promise<void>): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await start();
        return;
      } catch (error) {
        if (tries >= maxStarts || this.#ending) throw error;
        await wait(systemClock, restartMs);
      }
    }
  }

  #watch(part: Killable, program: Program): void {
    void program.exited.then(() => {
      if (this.#down.has(part)) return;
      this.died.push(`${part}: ${program.output.slice(-2000)}`);
    });
  }

  async end(): Promise<void> {
    this.#ending = true;
    this.#down = new Set(killable);
    await this.#world?.end();
    await Promise.allSettled(this.#raising);
    // Whatever had come up meanwhile.
    await this.#world?.end();
    await Promise.all([this.postgres.stop(), this.#mosquitto.stop(), this.wire.end()]);
  }
}
