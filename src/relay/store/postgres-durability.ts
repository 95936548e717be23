// What "committed" means at this PostgreSQL server: whether our sessions wait for the disk, and whether the server's
// disk is believed at all. Money is answered for on the word of a commit, so nothing weaker is taken.
import pg from 'pg';
import { type Log } from '../../lib/log.ts';
import { SettingFault } from '../setting-fault.ts';

/** `on` waits for the disk here (and on a synchronous standby), `remote_apply` for that and more; the others lose commits. */
const durable = ['on', 'remote_apply'] as const;
/** Off, a crash of the server's machine leaves a database that is not what was committed. */
const serverSettings = ['fsync', 'full_page_writes'] as const;

/**
 * Looks once, over a connection of its own, at what sessions get there. Says in the log what the server alone can mend.
 * @returns what every session of ours asks for: the server's own choice where that is as good.
 * @throws what connecting and asking throws.
 */
export async function synchronousCommitOf(address: pg.ClientConfig, log: Log): Promise<string> {
  const client = new pg.Client(address);
  // A connection that breaks also rejects what it was asked.
  client.on('error', () => undefined);
  try {
    await client.connect();
    for (const setting of serverSettings) {
      const value = await show(client, setting);
      if (value !== 'on') log.warn({ setting, value }, 'store.not-durable');
    }
    const given = await show(client, 'synchronous_commit');
    return durable.find((value) => value === given) ?? 'on';
  } finally {
    await client.end().catch(() => undefined);
  }
}

/**
 * A pooler in between may have kept what we asked for from the server.
 * @throws SettingFault when this session does not wait for the disk.
 */
export async function mustBeDurable(client: Pick<pg.ClientBase, 'query'>): Promise<void> {
  const value = await show(client, 'synchronous_commit');
  if (durable.some((good) => good === value)) return;
  throw new SettingFault(
    'store.postgres',
    `synchronous_commit is ${value} and cannot be set from here; set it to on for this user, or connect without a pooler`,
  );
}

async function show(client: Pick<pg.ClientBase, 'query'>, setting: string): Promise<string> {
  const text = 'select current_setting($1) as value';
  const { rows } = await client.query<{ value: string }>(text, [setting]);
  return rows[0]?.value ?? '';
}
