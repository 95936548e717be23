// Which database the configuration names, connected.
import { type Clock } from '../../lib/clock.ts';
import { type Log } from '../../lib/log.ts';
import { type RelayConfig } from '../config.ts';
import { type Database } from './database.ts';
import { openPostgres } from './postgres.ts';
import { openSqlite, type SqliteUse } from './sqlite.ts';

/**
 * @param more `random` for jitter alone; without it all who lost the server come back in step, which one tool may.
 * `use`: what may be done with a file; without it, it may be made. A server is as its role may use it.
 * @throws what the database or the file system throws; then nothing is left open.
 */
export async function connectDatabase(
  { sqlite, postgres }: RelayConfig['store'],
  clock: Clock,
  more: { random?: () => number; log?: Log; use?: SqliteUse } = {},
): Promise<Database> {
  if (postgres !== undefined) return openPostgres(postgres, { clock, random: () => 0.5, ...more });
  if (sqlite === undefined) throw new Error('store: neither sqlite nor postgres is named');
  return openSqlite(sqlite, () => clock.nowMs(), more.use, clock);
}
