// `kios update self-check`: a release that was just unpacked says whether it could serve on this machine, beside the one
// that runs. Writes nothing and opens no device.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { runTool, ToolError } from '../field/run-tool.ts';
import { kioskConfig, kioskExamples, type KioskConfig } from '../kiosk/config.ts';
import { hasIdentity, readIdentity, type Identity } from '../kiosk/identity.ts';
import { faultWords } from '../kiosk/journal-chain.ts';
import { journalName } from '../kiosk/journal-file.ts';
import { chainFault } from '../kiosk/journal-verify.ts';
import { withJournalView } from '../kiosk/journal-view.ts';
import { unusedConfigs } from '../kiosk/remote-config-fit.ts';
import { readConfigFile } from '../lib/config-file.ts';
import { KiosError } from '../protocol/errors.ts';

/** A slow card under a kiosk that sells reads the program in some ten seconds. */
const kioskLimitMs = 120_000;

export function addSelfCheck(update: Command): void {
  update
    .command('self-check')
    .description('Whether this release reads the configuration, key and journal of this machine.')
    .requiredOption('--config <file>', 'of the kiosk')
    .action(async ({ config }: { config: string }, command: Command) => {
      try {
        await selfCheck(config);
      } catch (error) {
        if (!(error instanceof ToolError)) throw error;
        command.error(`kios: the kiosk's program does not load: ${error.message}`);
      }
    });
}

/** @throws ConfigError, KiosError; ToolError when the kiosk's own program does not load here */
async function selfCheck(file: string): Promise<void> {
  const config = readConfigFile(file, kioskConfig, kioskExamples);
  await loadKiosk(file);
  const { stateDir } = config;
  const identity = hasIdentity(stateDir) ? readIdentity(stateDir) : undefined;
  await checkJournal(join(stateDir, journalName));
  if (identity !== undefined) await warnOfConfigs(config, identity);
}

/**
 * The daemon's program as its unit starts it. In a release that is another file than this command's, and V8 or a native
 * part may refuse the one and take the other.
 */
async function loadKiosk(config: string): Promise<void> {
  const [, entry = ''] = process.argv;
  const command = [entry, 'kiosk', '--config', config, '--check'];
  await runTool(process.execPath, command, { limitMs: kioskLimitMs });
}

async function checkJournal(journal: string): Promise<void> {
  if (!existsSync(journal)) return;
  const fault = await withJournalView(journal, (db) => Promise.resolve(chainFault(db)));
  if (fault !== undefined) throw new KiosError('journal-damaged', faultWords(fault));
}

/** Told, and no more: a start goes on without them, so they hold no update back, which may be what mends it. */
async function warnOfConfigs(own: KioskConfig, identity: Identity): Promise<void> {
  for (const line of await unusedConfigs(own, identity)) process.stdout.write(`warning: ${line}\n`);
}
