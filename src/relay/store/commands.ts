// Commands in the store: given by an operator, told until the kiosk has answered or their time is over, kept for a while
// with what came of them. Nothing here is about a sale.
import { type Database, type Tx } from './database.ts';
import { lockKiosk } from './sales.ts';
import { type CommandRow, type KioskRow } from './schema.ts';
import { maxOpenCommands, type CommandResult } from '../../protocol/command.ts';

/** What an operator gives. */
export type NewCommand = Pick<
  CommandRow,
  'commandId' | 'kioskId' | 'name' | 'argument' | 'whenIdle'
> & {
  lifeMs: number;
};

/** `crowded`: the kiosk has as many unanswered ones as it may have. */
export type Giving = 'given' | 'unknown-kiosk' | 'revoked' | 'crowded';

export interface CommandStore {
  giveCommand(command: NewCommand): Promise<Giving>;
  /** Unanswered ones of kiosks that are here, whose time to be told has come; each is left alone for `leaseMs` then. */
  takeCommands(limit: number, leaseMs: number): Promise<CommandRow[]>;
  /** What waits for this kiosk, oldest first. */
  openCommands(kioskId: string): Promise<CommandRow[]>;
  /** Stores what came of it; the first word stands. False: this kiosk has no such command. */
  endCommand(kioskId: string, commandId: string, result: CommandResult): Promise<boolean>;
  /** The newest ones, of one kiosk or of all, the newest first. */
  newestCommands(limit: number, kioskId?: string): Promise<CommandRow[]>;
  /** Lets go of what was over long ago. Answers how many commands went. */
  pruneCommands(): Promise<number>;
}

/** How long a command is kept after its deadline. */
const keptMs = 30 * 24 * 3_600_000;
export function commandStore(database: Database): CommandStore {
  const { db } = database;
  const nowMs = (): number => database.nowMs();
  return {
    giveCommand: (command) => database.transact((tx) => give(database, tx, command)),
    takeCommands: (limit, leaseMs) =>
      database.transact(async (tx) => {
        const due = await tx
          .selectFrom('commands')
          .innerJoin('kiosks', 'kiosks.kioskId', 'commands.kioskId')
          .selectAll('commands')
          .where('commands.state', '=', 'open')
          .where('commands.nextAtMs', '<=', nowMs())
          .where('commands.deadlineAtMs', '>', nowMs())
          .where('kiosks.online', '=', 1)
          .where('kiosks.revokedAtMs', 'is', null)
          // A new life obeys nothing that was meant for the one before.
          .whereRef('commands.givenAtMs', '>=', 'kiosks.enrolledAtMs')
          .orderBy('commands.commandId')
          .limit(limit)
          .$if(database.dialect === 'postgres', (query) => query.forUpdate('commands').skipLocked())
          .execute();
        const ids = due.map(({ commandId }) => commandId);
        if (ids.length === 0) return [];
        await tx
          .updateTable('commands')
          .set({ nextAtMs: nowMs() + leaseMs })
          .where('commandId', 'in', ids)
          .execute();
        return due;
      }),
    openCommands: (kioskId) =>
      db
        .selectFrom('commands')
        .innerJoin('kiosks', 'kiosks.kioskId', 'commands.kioskId')
        .selectAll('commands')
        .where('commands.kioskId', '=', kioskId)
        .where('commands.state', '=', 'open')
        .where('commands.deadlineAtMs', '>', nowMs())
        .whereRef('commands.givenAtMs', '>=', 'kiosks.enrolledAtMs')
        .orderBy('commands.commandId')
        .limit(maxOpenCommands)
        .execute(),
    endCommand: (kioskId, commandId, result) =>
      database.transact((tx) => end(tx, nowMs(), { kioskId, commandId }, result)),
    newestCommands: (limit, kioskId) =>
      db
        .selectFrom('commands')
        .selectAll()
        .$if(kioskId !== undefined, (query) => query.where('kioskId', '=', kioskId ?? ''))
        .orderBy('commandId', 'desc')
        .limit(limit)
        .execute(),
    pruneCommands: () =>
      database.transact(async (tx) => {
        const before = nowMs() - keptMs;
        const gone = await tx
          .deleteFrom('commands')
          .where('deadlineAtMs', '<', before)
          .executeTakeFirst();
        return Number(gone.numDeletedRows);
      }),
  };
}

async function give(
  database: Database,
  tx: Tx,
  { lifeMs, ...command }: NewCommand,
): Promise<Giving> {
  const { kioskId } = command;
  await lockKiosk(database, tx, kioskId);
  const kiosk = await tx
    .selectFrom('kiosks')
    .select('revokedAtMs')
    .where('kioskId', '=', kioskId)
    .executeTakeFirst();
  if (kiosk === undefined) return 'unknown-kiosk';
  if (kiosk.revokedAtMs !== null) return 'revoked';
  const now = database.nowMs();
  const { open } = await tx
    .selectFrom('commands')
    .select((eb) => eb.fn.countAll().as('open'))
    .where('kioskId', '=', kioskId)
    .where('state', '=', 'open')
    .where('deadlineAtMs', '>', now)
    .executeTakeFirstOrThrow();
  if (Number(open) >= maxOpenCommands) return 'crowded';
  const times = { givenAtMs: now, deadlineAtMs: now + lifeMs, nextAtMs: now, answeredAtMs: null };
  await tx
    .insertInto('commands')
    .values({ ...command, ...times, state: 'open', why: null })
    .execute();
  return 'given';
}

async function end(
  tx: Tx,
  nowMs: number,
  { kioskId, commandId }: { kioskId: KioskRow['kioskId']; commandId: string },
  { outcome, why }: CommandResult,
): Promise<boolean> {
  const mine = await tx
    .selectFrom('commands')
    .select('state')
    .where('commandId', '=', commandId)
    .where('kioskId', '=', kioskId)
    .executeTakeFirst();
  if (mine?.state !== 'open') return mine !== undefined;
  await tx
    .updateTable('commands')
    .set({ state: outcome, why, answeredAtMs: nowMs })
    .where('commandId', '=', commandId)
    .execute();
  return true;
}
