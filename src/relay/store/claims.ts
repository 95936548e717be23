// Claims in the store: each step of one is a compare-and-set under its sale's lock.
import { decideClaim } from '../ledger-claims.ts';
import { type ClaimDecision, type ClaimEvent } from '../ledger-claim-rules.ts';
import { type ClaimRow, type ClaimState, type SaleRow } from '../sale-row.ts';
import { holdOpenClaims, keepClaim, readClaim } from './claim-rows.ts';
import { type Database } from './database.ts';
import { lock, lockKiosk } from './sales.ts';

export interface ClaimFilter {
  states?: readonly ClaimState[];
  kioskId?: string;
  /** Only those behind this one: the next page. */
  after?: Pick<ClaimRow, 'openedAtMs' | 'saleId'>;
}

/** A step of a claim. `moved`: its state is a new one. */
export interface ClaimMove {
  sale: SaleRow;
  decision: ClaimDecision;
  moved: boolean;
}

export interface ClaimStore {
  /** Claims with their sales, oldest first. */
  claims(filter: ClaimFilter, limit: number): Promise<{ sale: SaleRow; claim: ClaimRow }[]>;
  /** Brings one event to a claim. Undefined: the sale has none. */
  moveClaim(saleId: string, event: ClaimEvent): Promise<ClaimMove | undefined>;
  /** Claims whose time to be looked at has come; each is left alone for `leaseMs` then. */
  takeDueClaims(limit: number, leaseMs: number): Promise<ClaimRow[]>;
  /** Claims that may go back by themselves are looked at: how they do so may have changed since they opened. */
  wakeClaims(): Promise<void>;
  /**
   * Nothing of this kiosk's claims is honoured or refunded by itself any more, for the reason in `note`. Answers how many
   * claims that changed.
   */
  holdClaims(kioskId: string, note: string): Promise<number>;
}

export function claimStore(database: Database): ClaimStore {
  return {
    claims: (filter, limit) => listClaims(database, filter, limit),
    moveClaim: (saleId, event) =>
      database.transact(async (tx) => {
        const sale = await lock(database, tx, saleId);
        const claim = await readClaim(tx, saleId);
        if (sale === undefined || claim === undefined) return undefined;
        const decision = decideClaim(sale, claim, event, database.nowMs());
        await keepClaim(tx, claim, decision.claim);
        return { sale, decision, moved: decision.claim.state !== claim.state };
      }),
    takeDueClaims: (limit, leaseMs) => takeDueClaims(database, limit, leaseMs),
    wakeClaims: () =>
      database.transact(async (tx) => {
        await tx
          .updateTable('claims')
          .set({ askAtMs: database.nowMs() })
          .where('state', '=', 'open')
          .where('operatorOnly', '=', 0)
          .where('askAtMs', 'is', null)
          .execute();
      }),
    holdClaims: (kioskId, note) => holdClaims(database, kioskId, note),
  };
}

async function holdClaims(database: Database, kioskId: string, note: string): Promise<number> {
  const some = await database.db
    .selectFrom('claims')
    .select('saleId')
    .where('kioskId', '=', kioskId)
    .where('state', 'in', ['open', 'redeeming'])
    .where('operatorOnly', '=', 0)
    .limit(1)
    .executeTakeFirst();
  // A copy of a card may call again and again: what is held already needs no durable step.
  if (some === undefined) return 0;
  return database.transact(async (tx) => {
    await lockKiosk(database, tx, kioskId);
    return holdOpenClaims(tx, kioskId, note);
  });
}

async function listClaims(
  { db }: Database,
  { states, kioskId, after }: ClaimFilter,
  limit: number,
): Promise<{ sale: SaleRow; claim: ClaimRow }[]> {
  let query = db.selectFrom('claims').selectAll();
  if (states !== undefined) query = query.where('state', 'in', states);
  if (kioskId !== undefined) query = query.where('kioskId', '=', kioskId);
  if (after !== undefined) {
    query = query.where((eb) =>
      eb(eb.refTuple('openedAtMs', 'saleId'), '>', eb.tuple(after.openedAtMs, after.saleId)),
    );
  }
  const claims = await query.orderBy('openedAtMs').orderBy('saleId').limit(limit).execute();
  if (claims.length === 0) return [];
  const ids = claims.map((claim) => claim.saleId);
  const sales = await db.selectFrom('sales').selectAll().where('saleId', 'in', ids).execute();
  const byId = new Map(sales.map((sale) => [sale.saleId, sale]));
  return claims.flatMap((claim) => {
    const sale = byId.get(claim.saleId);
    return sale === undefined ? [] : [{ sale, claim }];
  });
}

/** Many relays take from one table: whoever locks a row first has it, the others skip it. */
async function takeDueClaims(
  database: Database,
  limit: number,
  leaseMs: number,
): Promise<ClaimRow[]> {
  if (limit <= 0) return [];
  const nowMs = database.nowMs();
  const due = await database.db
    .selectFrom('claims')
    .select('saleId')
    .where('askAtMs', '<=', nowMs)
    .limit(1)
    .executeTakeFirst();
  // Mostly there is nothing to do, and that needs no durable step.
  if (due === undefined) return [];
  return database.transact(async (tx) => {
    const claims = await tx
      .selectFrom('claims')
      .selectAll()
      .where('askAtMs', '<=', nowMs)
      .orderBy('askAtMs')
      .limit(limit)
      .$if(database.dialect === 'postgres', (query) => query.forUpdate().skipLocked())
      .execute();
    if (claims.length === 0) return [];
    const ids = claims.map((claim) => claim.saleId);
    await tx
      .updateTable('claims')
      .set({ askAtMs: nowMs + leaseMs })
      .where('saleId', 'in', ids)
      .execute();
    return claims;
  });
}
