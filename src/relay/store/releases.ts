// Which release each channel gets, and which kiosk is in which channel.
import { defaultChannel } from '../../protocol/release.ts';
import { type Database } from './database.ts';
import { type ReleaseRow } from './schema.ts';

export interface ReleaseStore {
  /** By channel. */
  releases(): Promise<ReleaseRow[]>;
  setRelease(release: Omit<ReleaseRow, 'setAtMs'>): Promise<void>;
  /** False: that channel had none. */
  dropRelease(channel: string): Promise<boolean>;
  /** False: there is no such kiosk. */
  setChannel(kioskId: string, channel: string): Promise<boolean>;
  /** The kiosk's channel's. */
  releaseOf(kioskId: string): Promise<ReleaseRow | undefined>;
}

export function releaseStore(database: Database): ReleaseStore {
  const { db } = database;
  return {
    releases: () => db.selectFrom('releases').selectAll().orderBy('channel').execute(),
    setRelease: (release) =>
      database.transact(async (tx) => {
        const row = { ...release, setAtMs: database.nowMs() };
        const { channel: _same, ...changed } = row;
        await tx
          .insertInto('releases')
          .values(row)
          .onConflict((oc) => oc.column('channel').doUpdateSet(changed))
          .execute();
      }),
    dropRelease: (channel) =>
      database.transact(async (tx) => {
        const gone = await tx
          .deleteFrom('releases')
          .where('channel', '=', channel)
          .executeTakeFirst();
        return gone.numDeletedRows > 0n;
      }),
    setChannel: (kioskId, channel) =>
      database.transact(async (tx) => {
        const kiosk = await tx
          .selectFrom('kiosks')
          .select('kioskId')
          .where('kioskId', '=', kioskId)
          .executeTakeFirst();
        if (kiosk === undefined) return false;
        await tx
          .insertInto('kioskChannels')
          .values({ kioskId, channel })
          .onConflict((oc) => oc.column('kioskId').doUpdateSet({ channel }))
          .execute();
        return true;
      }),
    async releaseOf(kioskId) {
      const own = await db
        .selectFrom('kioskChannels')
        .select('channel')
        .where('kioskId', '=', kioskId)
        .executeTakeFirst();
      return db
        .selectFrom('releases')
        .selectAll()
        .where('channel', '=', own?.channel ?? defaultChannel)
        .executeTakeFirst();
    },
  };
}
