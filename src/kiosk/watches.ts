// What is looked at again and again while a kiosk runs: the relay, the devices' complaints, the disk.
import { wait, type Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Devices } from './devices.ts';
import { KiosError } from '../protocol/errors.ts';
import { faultWords } from './journal-chain.ts';
import { journalFault } from './journal-fault.ts';
import type { JournalFile } from './journal.ts';
import type { Kiosk } from './kiosk.ts';
import type { RelayClient } from './relay-client.ts';
import { statfs } from 'node:fs/promises';
import type { Part, PartHealth } from './state.ts';

/** While the relay is away it is tried this often; while it is there, this often suffices. */
const probeDownMs = 2000;
const probeUpMs = 30_000;
const healthEveryMs = 30_000;
const diskEveryMs = 10_000;
/** How often old entries are let go, and a part of the journal is read over. */
const journalEveryMs = 3_600_000;
/** While somebody buys, or more is left to let go of than was let go of at once. */
const journalAgainMs = 10_000;
/** Some thousand sales of journal; a sale in hand needs a few kilobytes. */
export const minFreeBytes = 32 * 1024 * 1024;

/** Asks whether the relay is there, often while it is not: the next customer must not be the one to find out. */
export async function watchRelay(
  client: RelayClient,
  onPart: (part: Part, health: PartHealth) => void,
  kiosk: Kiosk,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const answer = await client.probe();
    onPart('relay', answer.ok ? { ok: true } : { ok: false, code: answer.failure.code });
    await wait(clock, kiosk.state().parts.relay.ok ? probeUpMs : probeDownMs, signal);
  }
}

/** A device that is open and complains (a keypad that speaks nonsense, paper that is low) is told in the log. */
export async function watchHealth(
  devices: Devices,
  log: Log,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const told = new Map<string, string | undefined>();
  while (!signal.aborted) {
    for (const [part, health] of devices.healths()) {
      if (health.state === 'up' && told.get(part) !== health.detail) {
        log.warn({ device: part, detail: health.detail ?? 'well again' }, 'device.complaint');
        told.set(part, health.detail);
      }
    }
    await wait(clock, healthEveryMs, signal);
  }
}

/** Nothing is sold that could not be written down to its end (rule 8). @param free bytes; throws KiosError */
export async function watchDisk(
  free: () => Promise<number>,
  onPart: (part: Part, health: PartHealth) => void,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    onPart('journal', await diskHealth(free));
    await wait(clock, diskEveryMs, signal);
  }
}

async function diskHealth(free: () => Promise<number>): Promise<PartHealth> {
  try {
    return (await free()) < minFreeBytes ? { ok: false, code: 'disk-full' } : { ok: true };
  } catch (error) {
    // A card that does not answer ends no run: whoever is served is served, and the next reading may be good.
    if (!(error instanceof KiosError)) throw error;
    return { ok: false, code: error.code };
  }
}

/** What the kiosk may still write there. @throws KiosError as the journal, where the disk does not answer */
export async function freeBytes(stateDir: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(stateDir);
    return bavail * bsize;
  } catch (error) {
    throw journalFault(error, stateDir, 'be read');
  }
}

export interface JournalWatchOptions {
  journal: Pick<JournalFile, 'prune' | 'reread'>;
  kiosk: Pick<Kiosk, 'state'>;
  clock: Clock;
  log: Log;
  unreadable: (error: KiosError) => void;
  signal: AbortSignal;
}

/** Lets old entries go while nobody buys, and finds a page that went bad before somebody needs it. */
export async function watchJournal(options: JournalWatchOptions): Promise<void> {
  const { journal, kiosk, clock, log, unreadable, signal } = options;
  let waitMs = journalEveryMs;
  for (;;) {
    await wait(clock, waitMs, signal);
    if (signal.aborted) return;
    waitMs = journalAgainMs;
    if (kiosk.state().phase.at !== 'idle') continue;
    try {
      const nowMs = clock.nowMs();
      const pruned = journal.prune(new Date(nowMs).toISOString());
      if (pruned > 0) log.info({ pruned }, 'journal.pruned');
      else waitMs = journalEveryMs;
      const fault = journal.reread(Math.floor(nowMs / journalEveryMs));
      if (fault !== undefined) throw new KiosError('journal-damaged', faultWords(fault));
    } catch (error) {
      if (!(error instanceof KiosError)) throw error;
      unreadable(error);
      waitMs = journalEveryMs;
    }
  }
}
