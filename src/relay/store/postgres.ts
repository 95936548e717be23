// PostgreSQL as kysely's database: many relays on one. STUB: to be built.
import { type Clock } from '../../lib/clock.ts';
import { type RelayConfig } from '../config.ts';
import { type Database } from './database.ts';

export type PostgresSettings = NonNullable<RelayConfig['store']['postgres']>;

export function openPostgres(_settings: PostgresSettings, _clock: Clock): Promise<Database> {
  return Promise.reject(new Error('PostgreSQL is not built yet'));
}
