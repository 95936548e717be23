// The relay's store as its commands have it: a connection of their own beside the running relay. Only the relay itself
// makes a database or its tables.
import { randomUUID } from 'node:crypto';
import { systemClock } from '../lib/clock.ts';
import { readConfigFile } from '../lib/config-file.ts';
import { relayConfig, relayExamples, type RelayConfig } from '../relay/config.ts';
import { connectDatabase } from '../relay/store/connect.ts';
import { schemaState } from '../relay/store/migrations.ts';
import { joinStore, openStore } from '../relay/store/open.ts';
import { type Store } from '../relay/store/store.ts';
import { startFault } from './start-fault.ts';

/**
 * `read`: nothing is changed. `change`: rows are. `upgrade`: also tables of an older version, for a backup on which no
 * relay may be started yet.
 */
export type StoreUse = 'read' | 'change' | 'upgrade';

/** Works on the store that this configuration names. @throws ConfigError when it is not there or cannot be used */
export async function withStore<T>(
  file: string,
  use: StoreUse,
  work: (store: Store, config: RelayConfig) => Promise<T>,
): Promise<T> {
  const config = readConfigFile(file, relayConfig, relayExamples);
  try {
    const sqliteUse = use === 'read' ? 'read' : 'join';
    const database = await connectDatabase(config.store, systemClock, { use: sqliteUse });
    try {
      const upgrades = use === 'upgrade' && (await schemaState(database)) === 'older';
      const store = await (upgrades ? openStore(database, randomUUID()) : joinStore(database));
      return await work(store, config);
    } finally {
      await database.close();
    }
  } catch (error) {
    throw startFault(file, error, {});
  }
}
