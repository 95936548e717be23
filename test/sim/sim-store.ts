// The store of a run: the relay's own, on SQLite in memory, one database for all runs of a process. It outlives the relays,
// remembers what was committed for the checks, and passes over polls that cannot find anything.
import assert from 'node:assert';
import { isDeepStrictEqual } from 'node:util';
import { CompiledQuery, type Compilable } from 'kysely';
import type { Decision } from '../../src/relay/ledger-rules.ts';
import type { ClaimRow, SaleRow } from '../../src/relay/sale-row.ts';
import type { Database } from '../../src/relay/store/database.ts';
import { joinStore, openStore } from '../../src/relay/store/open.ts';
import { openSqlite } from '../../src/relay/store/sqlite.ts';
import { statement } from '../../src/relay/store/statement.ts';
import type { Store } from '../../src/relay/store/store.ts';
import type { World } from './world.ts';

export const firstLedgerId = 'ledger-1';

/** Each after those that it refers to. */
const tables = [
  'meta',
  'keys',
  'kiosks',
  'boots',
  'enrolments',
  'sales',
  'claims',
  'outbox',
  'notices',
] as const;
type TableName = (typeof tables)[number];

/** What a table held at a backup. */
export type Backup = ReadonlyMap<TableName, readonly Record<string, unknown>[]>;

let clock: () => number = () => 0;
let opened: { database: Database; store: Store } | undefined;

/** Making the tables costs as much as a run: they are made once. */
async function openOnce(): Promise<{ database: Database; store: Store }> {
  if (opened === undefined) {
    const database = openSqlite(':memory:', () => clock());
    opened = { database, store: await openStore(database, firstLedgerId) };
  }
  return opened;
}

/** Methods that change nothing; after any other one the rows are read again. */
const reading = new Set<string | symbol>([
  ...['sale', 'saleAt', 'changes', 'claim', 'claims', 'kiosk', 'keys', 'isRecovering'],
  ...['presentLedgerId', 'dueOutbox', 'salesNoticed', 'kiosksToTell'],
]);
/** They change no sale and no claim, or only when it is looked at next. */
const besides = new Set<string | symbol>([
  ...['noteStatus', 'noteBoot', 'allOffline', 'resend', 'acked', 'sent', 'check', 'addKey'],
  ...['takeDue', 'takeDueClaims', 'takeNotices', 'settleNotices', 'addEnrolment'],
]);
/** What is asked for again and again, mostly in vain. */
export type Poll = (typeof polls)[number];
/** When each poll can find something first, as the rows stand. */
const dueQuery = `select
  (select min(ask_at_ms) from sales) as take_due,
  (select min(ask_at_ms) from claims) as take_due_claims,
  (select min(next_at_ms) from notices where state = 'unconfirmed') as sales_noticed,
  (select min(next_at_ms) from outbox join kiosks using (kiosk_id) where online = 1) as kiosks_to_tell`;
const polls = ['takeDue', 'takeDueClaims', 'salesNoticed', 'kiosksToTell'] as const;
type Due = Record<Poll, number | null>;

type Method = (...args: unknown[]) => Promise<unknown>;

export class SimStore {
  /** As committed last. */
  readonly sales = new Map<string, SaleRow>();
  readonly claims = new Map<string, ClaimRow>();
  /** Called after a commit that may have changed this sale. */
  onCommit: (before: SaleRow | undefined, saleId: string) => void = () => undefined;
  readonly #world: World;
  readonly #database: Database;
  #store: Store;
  /** Counts what may have changed rows. */
  #commits = 0;
  #due: { commits: number; at: Due } | undefined;

  private constructor(world: World, { database, store }: { database: Database; store: Store }) {
    this.#world = world;
    this.#database = database;
    this.#store = store;
  }

  static async empty(world: World): Promise<SimStore> {
    clock = () => world.clock.nowMs();
    const made = new SimStore(world, await openOnce());
    const ledger = [{ name: 'ledgerId', value: firstLedgerId }];
    await made.#load(new Map([['meta', ledger]]));
    return made;
  }

  /** The ledger's own store, with the run's eyes on it. */
  get store(): Store {
    return new Proxy(this.#store, {
      get: (target, name): unknown => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function' || name === 'nowMs') return value;
        const call: Method = (...args) => Promise.resolve(Reflect.apply(value, target, args));
        return (...args: unknown[]) => this.#watched(String(name), call, args);
      },
    });
  }

  /** False: this poll would find nothing now, for certain. */
  mayFind(poll: Poll): boolean {
    if (this.#due?.commits !== this.#commits) return true;
    const atMs = this.#due.at[poll];
    return atMs !== null && atMs <= this.#world.clock.nowMs();
  }

  /** Verdicts that a kiosk has not acknowledged. */
  async unacknowledged(): Promise<number> {
    return (await this.#read<{ n: number }>('select count(*) as n from outbox'))[0]?.n ?? 0;
  }

  async backup(): Promise<Backup> {
    const copy = new Map<TableName, readonly Record<string, unknown>[]>();
    for (const name of tables) {
      copy.set(name, await this.#database.db.selectFrom(name).selectAll().execute());
    }
    return copy;
  }

  /** As `kios relay restored`: the backup's rows, and a new ledger on them. */
  async restore(backup: Backup, ledgerId: string): Promise<void> {
    await this.#load(backup);
    await this.#store.beginLedger(ledgerId);
    this.#store = await joinStore(this.#database);
    await this.#readAll();
  }

  /** Changes a row behind the relay's back. */
  async spoil(sqlText: string, ...values: unknown[]): Promise<void> {
    await this.#database.db.executeQuery(CompiledQuery.raw(sqlText, values));
  }

  async #load(rows: Backup): Promise<void> {
    const { db } = this.#database;
    for (const name of tables.toReversed()) await this.#read(`delete from ${name}`);
    for (const name of tables) {
      // The rows are this table's own, as it gave them.
      for (const row of rows.get(name) ?? []) {
        await db.insertInto(name).values(row).execute();
      }
    }
    this.sales.clear();
    this.claims.clear();
    await this.#readAll();
  }

  #watched(name: string, call: Method, args: unknown[]): Promise<unknown> {
    return this.#world.clock.hold(async () => {
      const poll = polls.find((each) => each === name);
      if (poll !== undefined && !(await this.#isDue(poll))) return [];
      const result = await call(...args);
      if (!reading.has(name)) await this.#committed(name, result);
      return result;
    });
  }

  /** False: nothing can have come since the last commit. */
  async #isDue(poll: Poll): Promise<boolean> {
    if (this.#due?.commits !== this.#commits) {
      const commits = this.#commits;
      const [at] = await this.#read<Due>(dueQuery);
      assert(at !== undefined, 'a row of sums is always there');
      this.#due = { commits, at };
    }
    return this.mayFind(poll);
  }

  /** What was decided is taken for what was stored; `reread` holds both side by side. */
  async #committed(name: string, result: unknown): Promise<void> {
    this.#commits++;
    if (besides.has(name)) return;
    switch (name) {
      case 'put':
        return this.#decided((result as Awaited<ReturnType<Store['put']>>)?.decision);
      case 'cancel':
      case 'move':
      case 'answerNotices':
        return this.#decided(result as Awaited<ReturnType<Store['move']>>);
      case 'keepNotice': {
        const { sale } = result as Awaited<ReturnType<Store['keepNotice']>>;
        if (sale !== undefined) this.#stands(sale, this.claims.get(sale.saleId));
        return;
      }
      case 'moveClaim': {
        const moved = result as Awaited<ReturnType<Store['moveClaim']>>;
        if (moved !== undefined) this.#stands(moved.sale, moved.decision.claim);
        return;
      }
      default:
        return this.#readAll();
    }
  }

  async #decided(decision: Decision | undefined): Promise<void> {
    if (decision === undefined) return;
    const { saleId } = decision.row;
    const standing = this.sales.get(saleId);
    const sale = decision.refusal === undefined ? { ...decision.row } : standing;
    let claim = this.claims.get(saleId);
    if (decision.claim !== undefined) {
      [claim] = await this.#read<ClaimRow>('select * from claims where sale_id = ?', saleId);
    }
    if (sale !== undefined) this.#stands(sale, claim);
  }

  #stands(sale: SaleRow, claim: ClaimRow | undefined): void {
    const { saleId } = sale;
    const before = this.sales.get(saleId);
    this.sales.set(saleId, sale);
    if (claim !== undefined) this.claims.set(saleId, claim);
    this.onCommit(before, saleId);
  }

  /** Says where what is stored is not what was decided; undefined: nowhere. */
  async drift(): Promise<string | undefined> {
    const [sales, claims] = [new Map(this.sales), new Map(this.claims)];
    await this.#readAll();
    for (const [saleId, row] of this.sales) {
      const decided = sales.get(saleId);
      // A lease moves it without a decision.
      const lease = { askAtMs: row.askAtMs };
      if (!isDeepStrictEqual({ ...decided, ...lease }, { ...row })) return `sale ${saleId}`;
    }
    for (const [saleId, row] of this.claims) {
      const lease = { askAtMs: row.askAtMs };
      if (!isDeepStrictEqual({ ...claims.get(saleId), ...lease }, { ...row })) {
        return `claim ${saleId}`;
      }
    }
    return sales.size === this.sales.size ? undefined : 'a sale that is not there';
  }

  async #readAll(): Promise<void> {
    this.#commits++;
    const before = new Map(this.sales);
    replace(this.sales, await this.#read<SaleRow>('select * from sales'));
    replace(this.claims, await this.#read<ClaimRow>('select * from claims'));
    for (const saleId of this.sales.keys()) this.onCommit(before.get(saleId), saleId);
  }

  async #read<R>(text: string, ...values: string[]): Promise<R[]> {
    // The same texts again and again, by the way of the store's own statements: kysely's costs more than SQLite.
    const run = readings.get(text) ?? readingOf(text);
    readings.set(text, run);
    const [value = null] = values;
    return (await run(this.#database.db, { value })) as R[];
  }
}

type Reading = (db: Database['db'], params: { value: string | null }) => Promise<unknown[]>;
const readings = new Map<string, Reading>();

function readingOf(text: string): Reading {
  return statement((_db, { value }): Compilable => {
    const values = text.includes('?') ? [value] : [];
    return { compile: () => CompiledQuery.raw(text, values) };
  });
}

function replace<R extends { saleId: string }>(rows: Map<string, R>, fresh: readonly R[]): void {
  rows.clear();
  for (const row of fresh) rows.set(row.saleId, row);
  assert(rows.size === fresh.length, 'a sale has one row in each table');
}
