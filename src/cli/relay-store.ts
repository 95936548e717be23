// The relay's store as its commands have it: a connection of their own beside the running relay.
import { randomUUID } from 'node:crypto';
import { systemClock } from '../lib/clock.ts';
import { readConfigFile } from '../lib/config-file.ts';
import { relayConfig, relayExamples, type RelayConfig } from '../relay/config.ts';
import { connectDatabase } from '../relay/store/connect.ts';
import { openStore } from '../relay/store/open.ts';
import { type Store } from '../relay/store/store.ts';
import { startFault } from './start-fault.ts';

/** Works on the store that this configuration names. @throws ConfigError when it cannot be used */
export async function withStore<T>(
  file: string,
  work: (store: Store, config: RelayConfig) => Promise<T>,
): Promise<T> {
  const config = readConfigFile(file, relayConfig, relayExamples);
  try {
    const store = await openStore(await connectDatabase(config.store, systemClock), randomUUID());
    try {
      return await work(store, config);
    } finally {
      await store.close();
    }
  } catch (error) {
    throw startFault(file, error, {});
  }
}
