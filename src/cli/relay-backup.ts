// `kios relay backup`: a copy of the SQLite store while the relay runs. Thin: see src/relay/store/backup.ts.
import { type Command } from 'commander';
import { KiosError } from '../protocol/errors.ts';
import { backUpSqlite } from '../relay/store/backup.ts';
import { withStore } from './relay-store.ts';
import { withFile } from './with-file.ts';

/** Adds the command to `kios relay`. */
export function addBackupCommand(relay: Command): void {
  relay
    .command('backup')
    .argument('<file>', 'where to; it must not be there yet')
    .description('Copies the SQLite database into one file; safe while the relay runs.')
    .addHelpText(
      'after',
      `
The copy holds everything that was committed when it began, and secrets of the kiosks: mode 0600, keep it so. A plain cp
of a running database is no backup. The signing keys (relay-key*.pem in stateDir) are not in it: keep them apart.
For PostgreSQL use its own tools (pg_dump, pg_basebackup). How to restore: docs/relay.md.`,
    )
    .action(async (target: string) => {
      const { config } = relay.opts<{ config: string }>();
      await backUp(config, target);
    });
}

async function backUp(file: string, target: string): Promise<void> {
  await withStore(file, 'read', (_store, { store }) => {
    if (store.sqlite === undefined) {
      throw new KiosError(
        'bad-request',
        'the store is PostgreSQL: back it up with pg_dump or pg_basebackup (docs/relay.md)',
      );
    }
    const { sqlite } = store;
    withFile(target, () => {
      backUpSqlite(sqlite, target);
    });
    return Promise.resolve();
  });
  process.stdout.write(
    `${target} holds the database. Not in it: the relay-key*.pem files of stateDir.\n`,
  );
}
