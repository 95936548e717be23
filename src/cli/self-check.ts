// `kios update self-check`: a release that was just unpacked says whether it could serve on this machine, beside the one
// that runs. Writes nothing and opens no device.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { kioskConfig, kioskExamples } from '../kiosk/config.ts';
import { hasIdentity, readIdentity } from '../kiosk/identity.ts';
import { faultWords } from '../kiosk/journal-chain.ts';
import { journalName } from '../kiosk/journal-file.ts';
import { chainFault } from '../kiosk/journal-verify.ts';
import { withJournalView } from '../kiosk/journal-view.ts';
import { readConfigFile } from '../lib/config-file.ts';
import { KiosError } from '../protocol/errors.ts';

export function addSelfCheck(update: Command): void {
  update
    .command('self-check')
    .description('Whether this release reads the configuration, key and journal of this machine.')
    .requiredOption('--config <file>', 'of the kiosk')
    .action(async ({ config }: { config: string }) => {
      await selfCheck(config);
    });
}

/** @throws ConfigError, KiosError, or what a native part throws that does not load here */
async function selfCheck(config: string): Promise<void> {
  // All that the daemon is made of, its native parts with it.
  await import('./kiosk.ts');
  const { stateDir } = readConfigFile(config, kioskConfig, kioskExamples);
  if (hasIdentity(stateDir)) readIdentity(stateDir);
  const journal = join(stateDir, journalName);
  if (!existsSync(journal)) return;
  const fault = await withJournalView(journal, (db) => Promise.resolve(chainFault(db)));
  if (fault !== undefined) throw new KiosError('journal-damaged', faultWords(fault));
}
