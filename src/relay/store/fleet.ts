// The kiosks in the store: who they are, which boot of them lives, and how a code becomes a kiosk.
import { type Kysely } from 'kysely';
import { cursorAfter, startCursor } from '../../protocol/sale.ts';
import { holdOpenClaims } from './claim-rows.ts';
import { apply, lockKiosk } from './sales.ts';
import { type Database, type Tx } from './database.ts';
import { type EnrolmentRow, type KioskRow, type Tables } from './schema.ts';
import { statement } from './statement.ts';
import { type FleetStore } from './store.ts';

const dayMs = 24 * 3_600_000;
/** A replaced boot is remembered this long; its tokens died long before. */
const bootMemoryMs = 30 * dayMs;
/** A kiosk that restarts more often than that is broken, or somebody has its key: each boot is a row that stays. */
export const maxBootsADay = 100;

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
    noteBoot: (kioskId, bootId) =>
      database.transact((tx) => noteBoot(database, tx, kioskId, bootId)),
    noteStatus: (kioskId, online, status) =>
      database.transact(async (tx) => {
        const said = status === null ? {} : { status, statusAtMs: nowMs() };
        await updateLiving(tx, { kioskId, changed: { online: online ? 1 : 0, ...said } });
      }),
    async allOffline() {
      await db.updateTable('kiosks').set({ online: 0 }).where('online', '=', 1).execute();
    },
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
    async addEnrolment(codeHash, kioskId, validMs) {
      const expiresAtMs = nowMs() + validMs;
      await db
        .insertInto('enrolments')
        .values({ codeHash, kioskId, expiresAtMs, usedBy: null })
        .execute();
    },
    async enrol(codeHash, key, more) {
      // Only a code that is good makes the writers wait.
      const code = await codeOf(db, codeHash, nowMs());
      if (code === undefined) return { kind: 'refused' };
      if (code.usedBy !== null) return repeatEnrolment(db, code, key.x);
      return database.transact(async (tx) => {
        const now = nowMs();
        const used = await tx
          .updateTable('enrolments')
          .set({ usedBy: key.x })
          .where('codeHash', '=', codeHash)
          .where('expiresAtMs', '>', now)
          .where('usedBy', 'is', null)
          .returning('kioskId')
          .executeTakeFirst();
        if (used === undefined) {
          // Somebody else has used it meanwhile; it may have been the same kiosk.
          const present = await codeOf(tx, codeHash, now);
          return present === undefined ? { kind: 'refused' } : repeatEnrolment(tx, present, key.x);
        }
        await lockKiosk(database, tx, used.kioskId);
        const kiosk = await newLife(tx, used.kioskId, key.x, more, now);
        return { kind: 'enrolled', kiosk, cursor: await cursorOf(tx, kiosk), repeated: false };
      });
    },
  };
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
  return { kind: 'enrolled', kiosk, cursor: await cursorOf(db, kiosk), repeated: true };
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

async function replacedSince(tx: Tx, kioskId: string, sinceMs: number): Promise<number> {
  const { boots } = await tx
    .selectFrom('boots')
    .select((eb) => eb.fn.countAll().as('boots'))
    .where('kioskId', '=', kioskId)
    .where('replacedAtMs', '>', sinceMs)
    .executeTakeFirstOrThrow();
  return Number(boots);
}

async function noteBoot(
  database: Database,
  tx: Tx,
  kioskId: string,
  bootId: string,
): ReturnType<FleetStore['noteBoot']> {
  const nowMs = database.nowMs();
  // Of two boots that come at once, one is the older.
  await lockKiosk(database, tx, kioskId);
  const known = await tx
    .selectFrom('boots')
    .selectAll()
    .where('kioskId', '=', kioskId)
    .where('bootId', '=', bootId)
    .executeTakeFirst();
  if (known !== undefined) return known.replacedAtMs === null ? 'live' : 'replaced';
  if ((await replacedSince(tx, kioskId, nowMs - dayMs)) >= maxBootsADay) return 'too-many';
  await tx
    .updateTable('boots')
    .set({ replacedAtMs: nowMs })
    .where('kioskId', '=', kioskId)
    .where('replacedAtMs', 'is', null)
    .execute();
  await tx
    .deleteFrom('boots')
    .where('kioskId', '=', kioskId)
    .where('replacedAtMs', '<', nowMs - bootMemoryMs)
    .execute();
  await tx.insertInto('boots').values({ kioskId, bootId, replacedAtMs: null }).execute();
  await tx.updateTable('kiosks').set({ bootId }).where('kioskId', '=', kioskId).execute();
  return 'live';
}
