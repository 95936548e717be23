// The boots of each kiosk: the newest one lives. A replaced one that speaks again is a second copy of the card, so none is
// forgotten while its tokens could be good.
import { type Database, type Tx } from './database.ts';
import { lockKiosk } from './sales.ts';
import { statement } from './statement.ts';
import { type FleetStore, type SignedBoot } from './store.ts';

const dayMs = 24 * 3_600_000;
/** A replaced boot is remembered this long; its tokens died long before. */
const bootMemoryMs = 30 * dayMs;
/** A kiosk that restarts more often than that is broken, or somebody has its key: each boot is a row that stays. */
export const maxBootsADay = 100;

/** A kiosk corrects its clock when it is 30 s off; one that must still learn that may be called no copy a while longer. */
const clocksApartMs = 60_000;
/** No kiosk speaks in one boot, and then in the next, within less. */
const fastestBootMs = 5_000;

export interface BootStore {
  /**
   * Boots of the last day count no more against the kiosk's limit; none of them may speak again. Answers how many those
   * were.
   */
  forgiveBoots(kioskId: string): Promise<number>;
}

export function bootStore(database: Database): BootStore {
  return {
    forgiveBoots: (kioskId) =>
      database.transact(async (tx) => {
        const beforeMs = database.nowMs() - dayMs;
        await lockKiosk(database, tx, kioskId);
        const { numUpdatedRows } = await tx
          .updateTable('boots')
          .set({ replacedAtMs: beforeMs })
          .where('kioskId', '=', kioskId)
          .where('replacedAtMs', '>', beforeMs)
          .executeTakeFirstOrThrow();
        return Number(numUpdatedRows);
      }),
  };
}

const selectBoot = statement((db, p: { kioskId: string; bootId: string }) =>
  db
    .selectFrom('boots')
    .selectAll()
    .where('kioskId', '=', p.kioskId)
    .where('bootId', '=', p.bootId),
);

async function replacedSince(tx: Tx, kioskId: string, sinceMs: number): Promise<number> {
  const { boots } = await tx
    .selectFrom('boots')
    .select((eb) => eb.fn.countAll().as('boots'))
    .where('kioskId', '=', kioskId)
    .where('replacedAtMs', '>', sinceMs)
    .executeTakeFirstOrThrow();
  return Number(boots);
}

/** When the boot that lives spoke first; 0: none ever did. */
async function livesSinceMs(tx: Tx, kioskId: string): Promise<number> {
  const living = await tx
    .selectFrom('boots')
    .select('spokeAtMs')
    .where('kioskId', '=', kioskId)
    .where('replacedAtMs', 'is', null)
    .executeTakeFirst();
  return living?.spokeAtMs ?? 0;
}

/**
 * The boot that this token was made in: the newest lives, and whoever it replaced is heard no more. What was signed before
 * the living one spoke was long on the way (a proxy, a relay that stood still): it replaces nobody, and is no copy's.
 */
export async function noteBoot(
  database: Database,
  tx: Tx,
  kioskId: string,
  { bootId, signedAtMs }: SignedBoot,
): ReturnType<FleetStore['noteBoot']> {
  const nowMs = database.nowMs();
  // Of two boots that come at once, one is the older.
  await lockKiosk(database, tx, kioskId);
  const [known] = await selectBoot(tx, { kioskId, bootId });
  if (known !== undefined) {
    if (known.replacedAtMs === null) return 'live';
    return signedAtMs > known.replacedAtMs + clocksApartMs ? 'copy' : 'replaced';
  }
  if (signedAtMs + fastestBootMs < (await livesSinceMs(tx, kioskId))) return 'late';
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
  await tx
    .insertInto('boots')
    .values({ kioskId, bootId, spokeAtMs: nowMs, replacedAtMs: null })
    .execute();
  await tx.updateTable('kiosks').set({ bootId }).where('kioskId', '=', kioskId).execute();
  return 'live';
}
