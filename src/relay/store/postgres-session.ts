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
  const { clock, random, log } = parts;
  let live: Live | undefined;
  let closed = false;
  let offsetMs = 0;
  let wake: ((kioskId: string) => void) | undefined;
  let cancel: (() => void) | undefined;
  const untold = new Set<string>();
  let telling: Promise<void> | undefined;

  async function begin(): Promise<void> {
    const client = parts.connect();
    const fresh: Live = { client, held: new Set() };
    client.on('error', (error) => {
      lose(fresh, error);
    });
    client.on('end', () => {
      lose(fresh, new Error('the connection ended'));
    });
    client.on('notification', ({ processId, payload }) => {
      // Our own come back to us, but we have told ourselves already.
      if (payload !== undefined && processId !== processIdOf(client)) wake?.(payload);
    });
    try {
      await client.connect();
      await client.query(`listen ${channel}`);
      offsetMs = await measure(client, clock);
    } catch (error) {
      void client.end().catch(() => undefined);
      throw error;
    }
    if (closed) {
      await client.end();
      return;
    }
    live = fresh;
    schedule(measureMs, keepTime);
  }

  /** Whatever happened to it: it is not used any more. */
  function lose(lost: Live, error: unknown): void {
    if (live !== lost) return;
    live = undefined;
    lost.held.clear();
    void lost.client.end().catch(() => undefined);
    if (closed) return;
    log.warn({ error: String(error) }, 'store.session-lost');
    schedule(0, () => comeBack(1));
  }

  async function comeBack(attempt: number): Promise<void> {
    try {
      await begin();
      log.info({}, 'store.session-back');
    } catch (error) {
      log.debug({ error: String(error) }, 'store.session-failed');
      schedule(backoffMs(reconnectPause, attempt, random()), () => comeBack(attempt + 1));
    }
  }

  async function keepTime(): Promise<void> {
    const here = live;
    if (here === undefined) return;
    try {
      offsetMs = await measure(here.client, clock);
      if (live === here) schedule(measureMs, keepTime);
    } catch (error) {
      lose(here, error);
    }
  }

  function schedule(afterMs: number, then: () => Promise<void>): void {
    cancel?.();
    if (!closed) cancel = clock.after(afterMs, () => void then());
  }

  async function ask(here: Live, text: string, values: unknown[]): Promise<unknown> {
    try {
      const { rows } = await here.client.query<{ answer: unknown }>(text, values);
      return rows[0]?.answer;
    } catch (error) {
      lose(here, error);
      return undefined;
    }
  }

  /** One statement at a time; what comes meanwhile goes with the next. */
  async function tell(): Promise<void> {
    for (let here = live; here !== undefined && untold.size > 0; here = live) {
      const kioskIds = [...untold];
      untold.clear();
      const text = `select count(pg_notify('${channel}', id)) as answer from unnest($1::text[]) as id`;
      await ask(here, text, [kioskIds]);
    }
    untold.clear();
    telling = undefined;
  }

  async function hold(kioskId: string): Promise<KioskHold | undefined> {
    const here = live;
    if (here === undefined || here.held.has(kioskId)) return undefined;
    here.held.add(kioskId);
    const lock = 'select pg_try_advisory_lock(hashtextextended($1, $2)) as answer';
    if ((await ask(here, lock, [kioskId, lockSeed])) !== true) {
      here.held.delete(kioskId);
      return undefined;
    }
    return {
      held: () => here.held.has(kioskId),
      async release() {
        if (!here.held.has(kioskId)) return;
        const unlock = 'select pg_advisory_unlock(hashtextextended($1, $2)) as answer';
        await ask(here, unlock, [kioskId, lockSeed]);
        here.held.delete(kioskId);
      },
    };
  }

  await begin();
  return {
    nowMs: () => Math.round(clock.monotonicMs() + offsetMs),
    hold,
    announce(kioskId) {
      wake?.(kioskId);
      if (untold.size < maxUntold) untold.add(kioskId);
      telling ??= Promise.resolve().then(tell);
      return Promise.resolve();
    },
    onAnnounced(told) {
      wake = told;
    },
    async close() {
      closed = true;
      cancel?.();
      await telling;
      const last = live;
      live = undefined;
      await last?.client.end().catch(() => undefined);
    },
  };
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
