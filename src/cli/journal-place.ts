// What the commands of `kios journal` share: whose journal, whose clock, and where the answer goes.
import { join } from 'node:path';
import { kioskConfig, kioskExamples } from '../kiosk/config.ts';
import { journalName } from '../kiosk/journal-file.ts';
import { zoneNames, type TimeZone } from '../kiosk/zone.ts';
import { ConfigError, readConfigFile } from '../lib/config-file.ts';

/** Somebody must look: the journal is not what was written. What could not be read ends with 1. */
export const faultExit = 3;

/** The options of `kios journal` itself. */
export interface JournalFlags {
  config: string;
  state?: string;
  zone?: keyof typeof zoneNames;
}

/** @throws ConfigError in words */
export function placeOf({ config, state, zone }: JournalFlags): { path: string; zone: TimeZone } {
  if (state !== undefined) {
    return { path: join(state, journalName), zone: zoneNames[zone ?? 'WIB'] };
  }
  try {
    const { stateDir, timeZone } = readConfigFile(config, kioskConfig, kioskExamples);
    return {
      path: join(stateDir, journalName),
      zone: zone === undefined ? timeZone : zoneNames[zone],
    };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(
      error.file,
      [...error.faults, 'or name the folder: --state <dir>'],
      error,
    );
  }
}

/** Waits for whoever reads: a large copy must not gather in memory. */
export function writeOut(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (error == null) resolve();
      else reject(error);
    });
  });
}
