// `kios relay`: runs the relay, makes enrolment codes, revokes kiosks. Thin: all of it is in src/relay.
import { randomBytes } from 'node:crypto';
import { Command, InvalidArgumentError } from 'commander';
import { systemClock } from '../lib/clock.ts';
import { readConfigFile } from '../lib/config-file.ts';
import { createLog } from '../lib/log.ts';
import { notifySystemd } from '../lib/notify.ts';
import { KiosError } from '../protocol/errors.ts';
import { kioskId } from '../protocol/ids.ts';
import { relayExamples, servingRelayConfig } from '../relay/config.ts';
import { codeBytes, formatCode, hashCode } from '../relay/fleet/codes.ts';
import { createRelay } from '../relay/relay.ts';
import { localTime } from '../relay/report-form.ts';
import { addBackupCommand } from './relay-backup.ts';
import { addClaimCommands } from './relay-claims.ts';
import { addKeyCommands } from './relay-keys.ts';
import { addKiosksCommand } from './relay-kiosks.ts';
import { addReportCommand } from './relay-report.ts';
import { addRestoredCommand } from './relay-restored.ts';
import { withStore } from './relay-store.ts';
import { runUntilSignal, systemRandom } from './run-process.ts';
import { startFault } from './start-fault.ts';

const maxValidMinutes = 7 * 24 * 60;

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
  command
    .command('enrolment')
    .description('Makes a one-time code with which a kiosk enrols; safe while the relay runs.')
    .requiredOption('-k, --kiosk <id>', 'the kiosk, such as ksk01', parseKioskId)
    .option('--valid-minutes <n>', 'how long the code is good', parseMinutes, 60)
    .option('--json', 'print { code, kioskId, validMinutes }')
    .addHelpText('after', needsConfig('enrolment'))
    .action(async (options: { kiosk: string; validMinutes: number; json?: true }) => {
      // The parent's option: `kios relay enrolment --config FILE` and `kios relay --config FILE enrolment` both work.
      const { config } = command.opts<{ config: string }>();
      await makeCode(config, options);
    });
  command
    .command('revoke')
    .description(
      'Takes a kiosk out of service: its key is worth nothing; safe while the relay runs.',
    )
    .requiredOption('-k, --kiosk <id>', 'the kiosk, such as ksk01', parseKioskId)
    .addHelpText(
      'after',
      `${needsConfig('revoke')}

Its connection ends within seconds. Its open sales are stopped at Midtrans; what it was paid for and has not reported
becomes a claim for the operator. To bring it back, enrol it anew.`,
    )
    .action(async (options: { kiosk: string }) => {
      const { config } = command.opts<{ config: string }>();
      await revoke(config, options.kiosk);
    });
  addClaimCommands(command);
  addKeyCommands(command);
  addReportCommand(command);
  addKiosksCommand(command);
  addBackupCommand(command);
  addRestoredCommand(command);
  return command;
}

function checkLine(relay: Command, asked: Command): void {
  const [word] = relay.args;
  if (asked === relay && word !== undefined) relay.error(`error: unknown command '${word}'`);
  if (relay.opts<{ config?: string }>().config !== undefined) return;
  relay.error("error: required option '-c, --config <file>' not specified");
}

function needsConfig(subcommand: string): string {
  return `
Needs the relay's configuration: kios relay --config FILE ${subcommand} --kiosk ksk01`;
}

/** @throws ConfigError with every fault of the file, also where a port or folder of it cannot be had */
async function runRelay(file: string, level: string): Promise<void> {
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
  const { httpPort, mqttPort } = await relay.start().catch((error: unknown) => {
    const { http, mqtt } = config;
    throw startFault(file, error, { 'http.port': http.port, 'mqtt.port': mqtt?.port ?? 0 });
  });
  log.info({ httpPort, mqttPort, publicUrl: config.publicUrl }, 'relay.ready');
  await notifySystemd('READY=1');
  await runUntilSignal({
    ended: relay.ended,
    stop: async () => {
      log.info({}, 'relay.stopping');
      await notifySystemd('STOPPING=1');
      await relay.stop();
      log.info({}, 'relay.stopped');
    },
  });
}

async function makeCode(
  file: string,
  options: { kiosk: string; validMinutes: number; json?: true },
): Promise<void> {
  const { kiosk, validMinutes } = options;
  const code = formatCode(randomBytes(codeBytes));
  await withStore(file, 'change', (store) =>
    store.addEnrolment(hashCode(code), kiosk, validMinutes * 60_000),
  );
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify({ code, kioskId: kiosk, validMinutes })}\n`
      : `${code}\nGood for ${validMinutes} minutes, once: on ${kiosk} run kios enrol with it.\n`,
  );
}

async function revoke(file: string, kiosk: string): Promise<void> {
  const before = await withStore(file, 'change', async (store) => {
    const row = await store.kiosk(kiosk);
    if (row?.revokedAtMs === null) await store.revoke(kiosk);
    return row;
  });
  if (before === undefined) {
    throw new KiosError('not-found', `no kiosk ${kiosk} was ever enrolled here`);
  }
  const atMs = before.revokedAtMs;
  const when = atMs === null ? '' : ` already, since ${localTime(atMs, 'WIB')} WIB`;
  process.stdout.write(`${kiosk} is revoked${when}.\n`);
}

function parseKioskId(text: string): string {
  const parsed = kioskId.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError(parsed.error.issues[0]?.message ?? 'not a kiosk id');
}

function parseMinutes(text: string): number {
  const minutes = Number(text);
  if (Number.isInteger(minutes) && minutes >= 1 && minutes <= maxValidMinutes) return minutes;
  throw new InvalidArgumentError(`a whole number of minutes, 1 to ${maxValidMinutes}`);
}
