// What a run holds of its state folder, taken at its start: the lock, the journal, the configuration that it runs on and the
// rules out of that. Nothing of it is changed while the run lasts.
import type { KioskConfig } from './config.ts';
import { trustedKeys, type Identity } from './identity.ts';
import { openJournal, type JournalFile } from './journal.ts';
import { writeRules } from './journal-rules.ts';
import { lockFolder } from './lock.ts';
import { adoptIdentity, checkMachine } from './machine.ts';
import { takeUpConfig, type RemoteConfig } from './remote-config.ts';
import { rulesOf, type Rules } from './rules.ts';
import type { RunOptions } from './run.ts';
import { withSheetSettings } from './sheet-settings.ts';
import { journalPath, storageCode } from './standstill.ts';
import type { State } from './state.ts';

/** What a run holds of its folder. */
export interface Holding {
  /** The machine's own, what came from afar over it, and what sheets have set over that. */
  config: KioskConfig;
  /** The machine's own alone. */
  ownConfig: KioskConfig;
  remote: RemoteConfig;
  identity: Identity;
  bootId: string;
  rules: Rules;
  journal: JournalFile;
  /** Lets go of it all. */
  release: () => void;
}

/** Takes the folder, if it is this machine's, and notes what the machine goes by when that has changed. */
export async function hold(
  {
    config: ownConfig,
    clock,
    log,
    version,
  }: Pick<RunOptions, 'config' | 'clock' | 'log' | 'version'>,
  identity: Identity,
  { bootId, serial }: { bootId: string; serial: string | undefined },
): Promise<Holding> {
  const { stateDir } = ownConfig;
  const lock = lockFolder(stateDir);
  let journal: JournalFile | undefined;
  let remote: RemoteConfig | undefined;
  const release = (): void => {
    journal?.close();
    lock.release();
  };
  try {
    journal = openJournal(journalPath(stateDir));
    const mark = checkMachine(identity, serial, journal.rules());
    const keys = trustedKeys(identity);
    const read = journal;
    const mayBegin = (): boolean => nobodyServed(read);
    remote = await takeUpConfig({ own: ownConfig, identity, keys, mayBegin, log });
    const config = withSheetSettings(remote.config);
    const rules = rulesOf(config, identity);
    const body = writeRules(rules, version, mark);
    if (JSON.stringify(journal.rules()) !== JSON.stringify(body)) {
      const at = new Date(clock.nowMs()).toISOString();
      await journal.append([{ kind: 'rules', at, body }]);
    }
    adoptIdentity(stateDir, identity, serial);
    return { config, ownConfig, remote, identity, bootId, rules, journal, release };
  } catch (error) {
    blameStorage(remote, error);
    release();
    throw error;
  }
}

/** What a start fails at is the disk's fault, and not that of a configuration on trial. */
export function blameStorage(remote: RemoteConfig | undefined, error: unknown): void {
  if (storageCode(error) !== undefined) remote?.endOrderly();
}

/** By the last state that was written: no sale is in hand whose rules could change beneath it. */
function nobodyServed(journal: JournalFile): boolean {
  const state = journal.tail().state as Pick<State, 'phase'> | undefined;
  return state === undefined || !('sale' in state.phase) || state.phase.at === 'result';
}
