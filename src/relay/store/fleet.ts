// The kiosks in the store: who they are, which boot of them lives, and how a code becomes a kiosk.
import { type Kysely } from 'kysely';
import { cursorAfter, startCursor } from '../../protocol/sale.ts';
import { noteBoot } from './boots.ts';
import { holdOpenClaims } from './claim-rows.ts';
import { apply, lockKiosk } from './sales.ts';
import { type Database, type Tx } from './database.ts';
import { type EnrolmentRow, type KioskRow, type Tables } from './schema.ts';
import { statement } from './statement.ts';
import { type FleetStore } from './store.ts';

const selectKiosk = statement((db, p: { kioskId: string }) =>
  db.selectFrom('kiosks').selectAll().where('kioskId', '=', p.kioskId),
);

/** What a kiosk said before it was revoked may come here after it. */
const updateLiving = statement((db, p: { kioskId: string; changed: Partial<KioskRow> }) =>
  db
    .updateTable('kiosks')
    .set(p.changed)
    .where('kioskId', '=', p.kioskId)
    .where('revokedAtMs', 'is', null),
);

/** The kiosk methods of the store. */
export function fleetStore(database: Database): FleetStore {
  const { db } = database;
  const nowMs = (): number => database.nowMs();
  return {
    kiosk: async (kioskId) => (await selectKiosk(db, { kioskId }))[0],
    noteBoot: (kioskId, signed) =>
      database.transact((tx) => noteBoot(database, tx, kioskId, signed)),
    noteStatus: (kioskId, online, status) =>
      database.transact(async (tx) => {
        const said = status === null ? {} : { status, statusAtMs: nowMs() };
        await updateLiving(tx, { kioskId, changed: { online: online ? 1 : 0, ...said } });
      }),
    allOffline: () =>
      database.transact(async (tx) => {
        await tx.updateTable('kiosks').set({ online: 0 }).where('online', '=', 1).execute();
      }),
    revoke: (kioskId) =>
      database.transact(async (tx) => {
        const now = nowMs();
        await lockKiosk(database, tx, kioskId);
        await endLife(tx, kioskId, now);
        await holdOpenClaims(tx, kioskId, 'revoked');
        const result = await tx
          .updateTable('kiosks')
          .set({ revokedAtMs: now, online: 0, brokerDue: 1 })
          .where('kioskId', '=', kioskId)
          .executeTakeFirst();
        return result.numUpdatedRows > 0n;
      }),
    addEnrolment: (codeHash, kioskId, validMs) =>
      database.transact(async (tx) => {
        const expiresAtMs = nowMs() + validMs;
        await tx
          .insertInto('enrolments')
          .values({ codeHash, kioskId, expiresAtMs, usedBy: null })
          .execute();
      }),
    enrol: (codeHash, key, more) => enrol(database, codeHash, key.x, more),
  };
}

async function enrol(
  database: Database,
  codeHash: string,
  publicKey: string,
  more: Parameters<FleetStore['enrol']>[2],
): ReturnType<FleetStore['enrol']> {
  const { db } = database;
  // Only a code that is good makes the writers wait.
  const code = await codeOf(db, codeHash, database.nowMs());
  if (code === undefined) return { kind: 'refused' };
  if (code.usedBy !== null) return repeatEnrolment(db, code, publicKey);
  return database.transact(async (tx) => {
    const now = database.nowMs();
    const used = await tx
      .updateTable('enrolments')
      .set({ usedBy: publicKey })
      .where('codeHash', '=', codeHash)
      .where('expiresAtMs', '>', now)
      .where('usedBy', 'is', null)
      .returning('kioskId')
      .executeTakeFirst();
    if (used === undefined) {
      // Somebody else has used it meanwhile; it may have been the same kiosk.
      const present = await codeOf(tx, codeHash, now);
      return present === undefined ? { kind: 'refused' } : repeatEnrolment(tx, present, publicKey);
    }
    await lockKiosk(database, tx, used.kioskId);
    // Its slips carry codes that the new life does not know, and whoever had the old key may have reported for it.
    const claimsHeld = await holdOpenClaims(tx, used.kioskId, 'enrolled-anew');
    const kiosk = await newLife(tx, used.kioskId, publicKey, more, now);
    const cursor = await cursorOf(tx, kiosk);
    return { kind: 'enrolled', kiosk, cursor, repeated: false, claimsHeld };
  });
}

/** A code that is good still, used or not. */
function codeOf(
  db: Kysely<Tables>,
  codeHash: string,
  nowMs: number,
): Promise<EnrolmentRow | undefined> {
  return db
    .selectFrom('enrolments')
    .selectAll()
    .where('codeHash', '=', codeHash)
    .where('expiresAtMs', '>', nowMs)
    .executeTakeFirst();
}

/** The same code with the same key repeats its answer: one that was lost on the way must not brick a kiosk. */
async function repeatEnrolment(
  db: Kysely<Tables>,
  code: EnrolmentRow,
  publicKey: string,
): ReturnType<FleetStore['enrol']> {
  const kiosk = await db
    .selectFrom('kiosks')
    .selectAll()
    .where('kioskId', '=', code.kioskId)
    .executeTakeFirst();
  const same =
    code.usedBy === publicKey && kiosk?.publicKey === publicKey && kiosk.revokedAtMs === null;
  if (kiosk === undefined || !same) return { kind: 'refused' };
  const cursor = await cursorOf(db, kiosk);
  return { kind: 'enrolled', kiosk, cursor, repeated: true, claimsHeld: 0 };
}

/** A known kiosk starts anew: its old key is worth nothing and whoever it was serving is served no more. */
async function newLife(
  tx: Tx,
  kioskId: string,
  publicKey: string,
  more: { serial: string | null; claimSecret: string; brokerPassword: string | null },
  nowMs: number,
): Promise<KioskRow> {
  await endLife(tx, kioskId, nowMs);
  await tx.deleteFrom('outbox').where('kioskId', '=', kioskId).execute();
  await tx.deleteFrom('boots').where('kioskId', '=', kioskId).execute();
  const fresh = {
    publicKey,
    serial: more.serial,
    claimSecret: more.claimSecret,
    brokerPassword: more.brokerPassword,
    brokerDue: 1,
    enrolledAtMs: nowMs,
    revokedAtMs: null,
    bootId: null,
    online: 0,
    status: null,
    statusAtMs: null,
  };
  return tx
    .insertInto('kiosks')
    .values({ kioskId, seq: 0, ackedSeq: 0, ...fresh })
    .onConflict((oc) => oc.column('kioskId').doUpdateSet(fresh))
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** Open sales are abandoned and stopped; sales in hand become `unreported` claims (PROTOCOL.md §6, §8). */
async function endLife(tx: Tx, kioskId: string, nowMs: number): Promise<void> {
  const rows = await tx
    .selectFrom('sales')
    .selectAll()
    .where('kioskId', '=', kioskId)
    .where('verdict', 'in', ['creating', 'pending', 'paid'])
    .where('fulfilment', 'is', null)
    .execute();
  for (const row of rows) await apply(tx, row, { type: 'life-ended' }, nowMs);
}

async function cursorOf(db: Kysely<Tables>, kiosk: KioskRow): Promise<string> {
  const last = await db
    .selectFrom('sales')
    .select(['saleId', 'verdict', 'seq'])
    .where('kioskId', '=', kiosk.kioskId)
    .where('seq', '>', 0)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  return last === undefined ? startCursor : cursorAfter(last);
}
