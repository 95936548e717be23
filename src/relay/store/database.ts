// One database under the store, whichever it is: how rows are read, and how a durable step is made.
import { type Kysely, type Transaction } from 'kysely';
import { type Tables } from './schema.ts';

export type Tx = Transaction<Tables>;

/** The right to publish to one kiosk. */
export interface KioskHold {
  /** False once it was lost (the database went away) or given back: then another relay may have it. */
  held(): boolean;
  release(): Promise<void>;
}

export interface Database {
  readonly dialect: 'sqlite' | 'postgres';
  /** For reads, and for single statements that are a durable step by themselves. */
  readonly db: Kysely<Tables>;
  /** For schema changes, which may take as long as they take. */
  forSchema<T>(work: (db: Kysely<Tables>) => Promise<T>): Promise<T>;
  /** The store's clock (PROTOCOL.md §3): deadlines of many relays are compared with one clock alone. */
  nowMs(): number;
  /**
   * One durable step: all of it or nothing. When it resolves it is on the disk. Steps that are asked for in one turn of
   * the loop may share one sync; each of them still succeeds or fails alone. `work` may be run again after a conflict
   * with another relay, so it must change nothing but rows, and it must wait for nothing but `tx`.
   */
  transact<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /**
   * Whoever holds a kiosk publishes to it; nobody else does, on no other relay. Undefined: another one holds it, or the
   * database cannot be asked. The hold ends by itself when this process does.
   */
  holdKiosk(kioskId: string): Promise<KioskHold | undefined>;
  /** Tells every relay on this database that this kiosk has something new. Best effort: whoever misses it, polls. */
  announce(kioskId: string): Promise<void>;
  /** Hears `announce` of every relay, this one too. */
  onAnnounced(wake: (kioskId: string) => void): void;
  close(): Promise<void>;
}
