// `kios relay restored`: after the database came back from a backup. Begins a new ledger on it, so that every kiosk
// notices and posts what was lost (PROTOCOL.md §8).
import { randomUUID } from 'node:crypto';
import { statSync } from 'node:fs';
import { type Command } from 'commander';
import { systemClock } from '../lib/clock.ts';
import { readConfigFile } from '../lib/config-file.ts';
import { KiosError } from '../protocol/errors.ts';
import { relayConfig, relayExamples } from '../relay/config.ts';
import { beforeTheirClockMs } from '../relay/midtrans/their-clock.ts';
import { type LedgerBegun } from '../relay/store/recovery.ts';
import { withStore } from './relay-store.ts';

interface Flags {
  yes?: true;
  withWal?: true;
}

/** Less than what the ledger allows for (a minute). */
const maxClockErrorMs = 30_000;

const willHappen = `
Run it once, after the database was restored from a backup and before a relay is started on it. Stop all relays first;
one that runs all the same ends within seconds, with exit code 1, and systemd starts it again.

What it does:
  - the ledger gets a new id: each kiosk sees it, posts the sales that it still knows, and sells again as soon as
    Midtrans has said what became of them (until then it is answered "recovering");
  - Midtrans is asked at once about every sale that is not final;
  - claims that were not over at the backup are yours and locked, and so is each that opens later for money of before:
    they may have been paid out since. No kiosk gets a grant for them, and no refund of them is begun. Midtrans is asked
    about each within minutes, and what it has paid back, closes; so does what a kiosk says, signed, that it handed out;
  - enrolment codes that were made before are void: they may have been used.

What you must do:
  - enrol kiosks again that were enrolled after the backup, and revoke again those that were revoked after it;
  - look through the claims before you pay any of them (kios relay claims says which are locked). A kiosk that was granted
    the goods before may still hand them out, or have done so and be away; only your notes know what you paid by hand.
    Then: claim settle for what was paid (once Midtrans has answered), claim release and claim refund for what was not;
  - if a signing key was made after the backup, keep its file in the stateDir.

A running ledger that was not restored must not be begun anew: kiosks would stop selling for nothing.`;

/** Adds the command to `kios relay`. */
export function addRestoredCommand(relay: Command): void {
  relay
    .command('restored')
    .description('After the database was restored from a backup: lets kiosks bring back the rest.')
    .option('--yes', 'it was restored, and the relays are stopped')
    .option('--with-wal', 'the -wal file beside it is of the same snapshot, not of the life before')
    .addHelpText('after', willHappen)
    .action(async (flags: Flags) => {
      const { config } = relay.opts<{ config: string }>();
      await restored(config, flags);
    });
}

async function restored(file: string, { yes, withWal }: Flags): Promise<void> {
  if (yes !== true) {
    throw new KiosError(
      'bad-request',
      `nothing was changed; with --yes it is done.\n${willHappen}`,
    );
  }
  const { store: place } = readConfigFile(file, relayConfig, relayExamples);
  if (place.sqlite !== undefined && withWal !== true) refuseWal(place.sqlite);
  const begun = await withStore(file, 'upgrade', async (store, { midtrans }) => {
    await checkClock(midtrans.baseUrl);
    return store.beginLedger(randomUUID());
  });
  process.stdout.write(`${report(begun)}\n`);
}

/**
 * Which claims are older than the restore is told by this machine's clock and Midtrans' times together: on a machine that was
 * just installed the first may be wrong. @throws KiosError `bad-request` when it is
 */
async function checkClock(baseUrl: string): Promise<void> {
  const beforeMs = await beforeTheirClockMs(baseUrl, systemClock);
  if (beforeMs === undefined) {
    process.stderr.write(
      'Midtrans does not answer, so that nobody has compared the clocks: see by `timedatectl` that the time of this machine is right.\n',
    );
    return;
  }
  if (Math.abs(beforeMs) <= maxClockErrorMs) return;
  const seconds = Math.round(Math.abs(beforeMs) / 1_000);
  throw new KiosError(
    'bad-request',
    `the clock of this machine is ${seconds} s ${beforeMs < 0 ? 'behind' : 'before'} Midtrans’. Set it (timedatectl), then run this again: it tells which claims may have been paid out already.`,
  );
}

/**
 * SQLite plays whatever -wal lies beside a file into it, and cannot tell that it belongs to the database that lay there
 * before. @throws KiosError `bad-request` with what to do
 */
function refuseWal(path: string): void {
  const wal = `${path}-wal`;
  const size = statSync(wal, { throwIfNoEntry: false })?.size ?? 0;
  if (size === 0) return;
  throw new KiosError(
    'bad-request',
    `${wal} is there: a relay still runs, or it was left by the database from before, which it would mix into the backup.
Stop all relays, then: rm -f ${wal} ${path}-shm, copy the backup to ${path} again, and run this again.
Only if it came with the backup, as one snapshot of both files: run this again with --with-wal.`,
  );
}

function report({ sales, claims, codes, kiosks }: LedgerBegun): string {
  return [
    'The ledger begins anew. Start the relays now.',
    `${sales} sales are asked about at Midtrans.`,
    `${claims} claims wait for you: kios relay claims.`,
    `${codes} enrolment codes are void.`,
    `${kiosks} kiosks will bring back what they know when they connect.`,
  ].join('\n');
}
