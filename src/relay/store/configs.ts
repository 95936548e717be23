// Configurations from afar in the store: pushed by an operator, to one kiosk or to all, each under a higher number than any
// before it. What stands in them is nothing to the relay.
import { type Database, type Tx } from './database.ts';
import { type ConfigRow } from './schema.ts';

/** In place of a kiosk: it holds for all, also those that are enrolled later. No kiosk is called so. */
export const everyKiosk = '*';

export interface ConfigStore {
  /** Stores it under one new version for each of these. Answers that version. */
  pushConfig(kioskIds: readonly string[], settings: string): Promise<number>;
  /** The newest for this kiosk above that version: its own or that for all, whichever is the higher. */
  configAbove(kioskId: string, version: number): Promise<ConfigRow | undefined>;
  /** The newest version that was pushed to each, and to all. */
  configVersions(): Promise<ReadonlyMap<string, number>>;
}

/** Of one kiosk, or for all; a new one takes the place of the oldest. */
export const keptConfigs = 10;

export function configStore(database: Database): ConfigStore {
  const { db } = database;
  return {
    pushConfig: (kioskIds, settings) =>
      database.transact(async (tx) => {
        const pushedAtMs = database.nowMs();
        const version = await nextVersion(tx, pushedAtMs);
        for (const kioskId of kioskIds) {
          await tx
            .insertInto('configs')
            .values({ kioskId, version, settings, pushedAtMs })
            .execute();
          await forgetOldest(tx, kioskId);
        }
        return version;
      }),
    configAbove: (kioskId, version) =>
      db
        .selectFrom('configs')
        .selectAll()
        .where('kioskId', 'in', [kioskId, everyKiosk])
        .where('version', '>', version)
        .orderBy('version', 'desc')
        // Of two that were pushed in one moment its own: no name sorts below the one for all.
        .orderBy('kioskId', 'desc')
        .limit(1)
        .executeTakeFirst(),
    configVersions: async () => {
      const rows = await db
        .selectFrom('configs')
        .select(({ fn }) => ['kioskId', fn.max('version').as('version')])
        .groupBy('kioskId')
        .execute();
      return new Map(rows.map(({ kioskId, version }) => [kioskId, version]));
    },
  };
}

/**
 * The minute as a number (UTC, yyyymmddhhmm), so that a store put back from a backup goes on above what kiosks have already;
 * or one more than the newest.
 */
async function nextVersion(tx: Tx, nowMs: number): Promise<number> {
  const newest = await tx
    .selectFrom('configs')
    .select('version')
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirst();
  const minute = new Date(nowMs).toISOString().replace(/\D/g, '').slice(0, 12);
  return Math.max(Number(minute), (newest?.version ?? 0) + 1);
}

async function forgetOldest(tx: Tx, kioskId: string): Promise<void> {
  const oldest = await tx
    .selectFrom('configs')
    .select('version')
    .where('kioskId', '=', kioskId)
    .orderBy('version', 'desc')
    .offset(keptConfigs)
    .limit(1)
    .executeTakeFirst();
  if (oldest === undefined) return;
  await tx
    .deleteFrom('configs')
    .where('kioskId', '=', kioskId)
    .where('version', '<=', oldest.version)
    .execute();
}
