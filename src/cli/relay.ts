// `kios relay`: runs the relay; its subcommands have files of their own. Thin: all of it is in src/relay.
import { Command } from 'commander';
import { systemClock } from '../lib/clock.ts';
import { readConfigFile } from '../lib/config-file.ts';
import { createLog } from '../lib/log.ts';
import { feedWatchdog, notifySystemd } from '../lib/notify.ts';
import { relayExamples, servingRelayConfig } from '../relay/config.ts';
import { createRelay } from '../relay/relay.ts';
import { addBackupCommand } from './relay-backup.ts';
import { addClaimCommands } from './relay-claims.ts';
import { addCommandCommands } from './relay-commands.ts';
import { addConfigCommands } from './relay-configs.ts';
import { addFleetCommands } from './relay-fleet.ts';
import { addKeyCommands } from './relay-keys.ts';
import { addKiosksCommand } from './relay-kiosks.ts';
import { addReleaseCommands } from './relay-releases.ts';
import { addReportCommand } from './relay-report.ts';
import { addRestoredCommand } from './relay-restored.ts';
import { addSupportCommand } from './relay-support.ts';
import { addSheetCommands } from './setup-sheet.ts';
import { runUntilSignal, systemRandom } from './run-process.ts';
import { startFault } from './start-fault.ts';
import { refuseUncheckedTls } from './unchecked-tls.ts';

/** The command with its subcommands, for `kios`. */
export function relayCommand(): Command {
  const command = new Command('relay')
    .description('Charges Midtrans for the kiosks, keeps every verdict, tells the kiosks.')
    .option('-c, --config <file>', 'configuration (see config/relay.example.yaml)')
    .option('--log-level <level>', 'debug, info, warn or error', 'info')
    .action(async (options: { config: string; logLevel: string }) => {
      await runRelay(options.config, options.logLevel);
    })
    // Here and not by commander, which would ask for the file before it looks at the word.
    .allowExcessArguments()
    .hook('preAction', checkLine);
  addFleetCommands(command);
  addCommandCommands(command);
  addConfigCommands(command);
  addReleaseCommands(command);
  addClaimCommands(command);
  addKeyCommands(command);
  addReportCommand(command);
  addKiosksCommand(command);
  addSupportCommand(command);
  addBackupCommand(command);
  addRestoredCommand(command);
  addSheetCommands(command);
  return command;
}

function checkLine(relay: Command, asked: Command): void {
  const [word] = relay.args;
  if (asked === relay && word !== undefined) relay.error(`error: unknown command '${word}'`);
  if (relay.opts<{ config?: string }>().config !== undefined) return;
  relay.error("error: required option '-c, --config <file>' not specified");
}

/** @throws ConfigError with every fault of the file, also where a port or folder of it cannot be had */
async function runRelay(file: string, level: string): Promise<void> {
  refuseUncheckedTls(process.env);
  const credentialsDirectory = process.env['CREDENTIALS_DIRECTORY'];
  const schema = servingRelayConfig(credentialsDirectory);
  const config = readConfigFile(file, schema, relayExamples);
  const log = createLog('relay', level);
  const relay = createRelay(config, {
    clock: systemClock,
    random: systemRandom,
    log,
    credentialsDirectory,
  });
  await runUntilSignal(async () => {
    const { httpPort, mqttPort } = await relay.start().catch((error: unknown) => {
      const { http, mqtt } = config;
      throw startFault(file, error, { 'http.port': http.port, 'mqtt.port': mqtt?.port ?? 0 });
    });
    log.info({ httpPort, mqttPort, publicUrl: config.publicUrl }, 'relay.ready');
    await notifySystemd('READY=1');
    const stopping = new AbortController();
    void feedWatchdog(() => undefined, log, systemClock, stopping.signal);
    const stop = async (): Promise<void> => {
      log.info({}, 'relay.stopping');
      await notifySystemd('STOPPING=1');
      await relay.stop();
      stopping.abort();
      log.info({}, 'relay.stopped');
    };
    return { ended: relay.ended, stop };
  });
}
