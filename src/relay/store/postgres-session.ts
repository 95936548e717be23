// A relay's own session at PostgreSQL: its holds on kiosks, what it tells the other relays and hears of them, and the
// server's clock. When it is lost all holds are lost with it, and none is given until it is back.
import { type Client } from 'pg';
import { backoffMs } from '../../lib/backoff.ts';
import { type Clock } from '../../lib/clock.ts';
import { type Log } from '../../lib/log.ts';
import { type Database, type KioskHold } from './database.ts';

export interface PostgresSession extends Pick<
  Database,
  'nowMs' | 'announce' | 'onAnnounced' | 'close'
> {
  hold(kioskId: string): Promise<KioskHold | undefined>;
}

export interface SessionParts {
  /** A client that is not connected yet. */
  connect: () => Client;
  clock: Clock;
  random: () => number;
  log: Log;
}

const channel = 'kios_moved';
/** Tells our locks from those of anybody else in this database. */
const lockSeed = 1_262_058_323;
const reconnectPause = { firstMs: 200, maxMs: 10_000 } as const;
const measureMs = 60_000;
/** The quickest of these questions tells the clock best. */
const measurements = 3;
/** What waits to be told while the server is slow; above it the others poll. */
const maxUntold = 10_000;

/** One connection of the session, from LISTEN to its end. */
interface Live {
  client: Client;
  held: Set<string>;
}

/** @throws what the first connection throws; later ones are tried again for ever. */
export async function openSession(parts: SessionParts): Promise<PostgresSession> {
  const session = new Session(parts);
  await session.begin();
  return session;
}

class Session implements PostgresSession {
  readonly #parts: SessionParts;
  #live: Live | undefined;
  #closed = false;
  #offsetMs = 0;
  #wake: ((kioskId: string) => void) | undefined;
  #cancel: (() => void) | undefined;
  readonly #untold = new Set<string>();
  #telling: Promise<void> | undefined;

  constructor(parts: SessionParts) {
    this.#parts = parts;
  }

  async begin(): Promise<void> {
    const client = this.#parts.connect();
    const fresh: Live = { client, held: new Set() };
    this.#listen(fresh);
    try {
      await client.connect();
      await client.query(`listen ${channel}`);
      this.#offsetMs = await measure(client, this.#parts.clock);
    } catch (error) {
      void client.end().catch(() => undefined);
      throw error;
    }
    if (this.#closed) {
      await client.end();
      return;
    }
    this.#live = fresh;
    this.#schedule(measureMs, () => this.#keepTime());
  }

  nowMs(): number {
    return Math.round(this.#parts.clock.monotonicMs() + this.#offsetMs);
  }

  announce(kioskId: string): Promise<void> {
    this.#wake?.(kioskId);
    if (this.#untold.size < maxUntold) this.#untold.add(kioskId);
    this.#telling ??= Promise.resolve().then(() => this.#tell());
    return Promise.resolve();
  }

  onAnnounced(told: (kioskId: string) => void): void {
    this.#wake = told;
  }

  async hold(kioskId: string): Promise<KioskHold | undefined> {
    const here = this.#live;
    if (here === undefined || here.held.has(kioskId)) return undefined;
    here.held.add(kioskId);
    const lock = 'select pg_try_advisory_lock(hashtextextended($1, $2)) as answer';
    if ((await this.#ask(here, lock, [kioskId, lockSeed])) !== true) {
      here.held.delete(kioskId);
      return undefined;
    }
    return {
      held: () => here.held.has(kioskId),
      release: async () => {
        if (!here.held.has(kioskId)) return;
        const unlock = 'select pg_advisory_unlock(hashtextextended($1, $2)) as answer';
        await this.#ask(here, unlock, [kioskId, lockSeed]);
        here.held.delete(kioskId);
      },
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel?.();
    await this.#telling;
    const last = this.#live;
    this.#live = undefined;
    await last?.client.end().catch(() => undefined);
  }

  #listen(fresh: Live): void {
    const { client } = fresh;
    client.on('error', (error) => {
      this.#lose(fresh, error);
    });
    client.on('end', () => {
      this.#lose(fresh, new Error('the connection ended'));
    });
    client.on('notification', ({ processId, payload }) => {
      // Our own come back to us, but we have told ourselves already.
      if (payload !== undefined && processId !== processIdOf(client)) this.#wake?.(payload);
    });
  }

  /** Whatever happened to it: it is not used any more. */
  #lose(lost: Live, error: unknown): void {
    if (this.#live !== lost) return;
    this.#live = undefined;
    lost.held.clear();
    void lost.client.end().catch(() => undefined);
    if (this.#closed) return;
    this.#parts.log.warn({ error: String(error) }, 'store.session-lost');
    this.#schedule(0, () => this.#comeBack(1));
  }

  async #comeBack(attempt: number): Promise<void> {
    const { log, random } = this.#parts;
    try {
      await this.begin();
      log.info({}, 'store.session-back');
    } catch (error) {
      log.debug({ error: String(error) }, 'store.session-failed');
      const afterMs = backoffMs(reconnectPause, attempt, random());
      this.#schedule(afterMs, () => this.#comeBack(attempt + 1));
    }
  }

  async #keepTime(): Promise<void> {
    const here = this.#live;
    if (here === undefined) return;
    try {
      this.#offsetMs = await measure(here.client, this.#parts.clock);
      if (this.#live === here) this.#schedule(measureMs, () => this.#keepTime());
    } catch (error) {
      this.#lose(here, error);
    }
  }

  #schedule(afterMs: number, then: () => Promise<void>): void {
    this.#cancel?.();
    if (!this.#closed) this.#cancel = this.#parts.clock.after(afterMs, () => void then());
  }

  async #ask(here: Live, text: string, values: unknown[]): Promise<unknown> {
    try {
      const { rows } = await here.client.query<{ answer: unknown }>(text, values);
      return rows[0]?.answer;
    } catch (error) {
      this.#lose(here, error);
      return undefined;
    }
  }

  /** One statement at a time; what comes meanwhile goes with the next. */
  async #tell(): Promise<void> {
    for (let here = this.#live; here !== undefined && this.#untold.size > 0; here = this.#live) {
      const kioskIds = [...this.#untold];
      this.#untold.clear();
      const text = `select count(pg_notify('${channel}', id)) as answer from unnest($1::text[]) as id`;
      await this.#ask(here, text, [kioskIds]);
    }
    this.#untold.clear();
    this.#telling = undefined;
  }
}

/** What to add to our monotonic clock to have the server's wall clock; wrong by half a round trip at most. */
async function measure(client: Client, clock: Clock): Promise<number> {
  let best = { tripMs: Infinity, offsetMs: 0 };
  for (let i = 0; i < measurements; i++) {
    const sentMs = clock.monotonicMs();
    const { rows } = await client.query<{ now: number }>(
      'select (extract(epoch from clock_timestamp()) * 1000)::float8 as now',
    );
    const backMs = clock.monotonicMs();
    const [row] = rows;
    if (row === undefined) throw new Error('the server does not tell its time');
    const tripMs = backMs - sentMs;
    if (tripMs < best.tripMs) best = { tripMs, offsetMs: row.now - (sentMs + backMs) / 2 };
  }
  return best.offsetMs;
}

/** pg has it, its types do not. */
function processIdOf(client: Client): unknown {
  return 'processID' in client ? client.processID : undefined;
}
