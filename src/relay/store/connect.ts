// Which database the configuration names, connected.
import { type Clock } from '../../lib/clock.ts';
import { type RelayConfig } from '../config.ts';
import { type Database } from './database.ts';
import { openPostgres } from './postgres.ts';
import { openSqlite } from './sqlite.ts';

/** @throws what the database or the file system throws; then nothing is left open. */
export async function connectDatabase(
  { sqlite, postgres }: RelayConfig['store'],
  clock: Clock,
): Promise<Database> {
  if (postgres !== undefined) return openPostgres(postgres, clock);
  if (sqlite === undefined) throw new Error('store: neither sqlite nor postgres is named');
  return openSqlite(sqlite, () => clock.nowMs());
}
