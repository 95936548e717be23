// While a device is learned no kiosk starts on it: its folder is locked. It changes nothing in it.
import { kioskConfig, kioskExamples } from '../kiosk/config.ts';
import type { FolderLock } from '../kiosk/lock.ts';
import { parseConfig } from '../lib/config-file.ts';
import { KiosError } from '../protocol/errors.ts';
import { holdKiosk } from './doctor-machine.ts';

/**
 * Holds the kiosk that a configuration is of. Who only looks needs no right to that: a kiosk that runs has the device, and
 * its opening says so.
 * @param text of the configuration
 * @param hold for tests
 * @throws KiosError `kiosk-running`; where something is to be written also `permission-denied`
 */
export function holdForLearning(
  { config, dryRun }: { config: string; dryRun: boolean },
  text: string,
  hold = holdKiosk,
): FolderLock {
  const { stateDir } = parseConfig(config, text, kioskConfig, kioskExamples);
  try {
    return hold(stateDir);
  } catch (error) {
    const mayNot = error instanceof KiosError && error.code === 'permission-denied';
    if (dryRun && mayNot) return { release: () => undefined };
    throw error;
  }
}
