// `kios relay report`: the day close. Thin: all of it is in src/relay/report.ts.
import { InvalidArgumentError, Option, type Command } from 'commander';
import { systemClock } from '../lib/clock.ts';
import { readConfigFile } from '../lib/config-file.ts';
import { silentLog } from '../lib/log.ts';
import { KiosError } from '../protocol/errors.ts';
import {
  relayConfig,
  relayExamples,
  startableRelayConfig,
  type RelayConfig,
} from '../relay/config.ts';
import { midtransOf } from '../relay/upstream.ts';
import { createAsking } from '../relay/report-asking.ts';
import { csvForm } from '../relay/report-csv.ts';
import {
  dayMs,
  localTime,
  spanOf,
  zones,
  type DayHead,
  type Summary,
  type Zone,
} from '../relay/report-form.ts';
import { textForm } from '../relay/report-lines.ts';
import { writeReport } from '../relay/report.ts';
import { readServerKey } from '../relay/server-key.ts';
import { connectDatabase } from '../relay/store/connect.ts';
import { dayStore } from '../relay/store/day.ts';
import { checkSchema } from '../relay/store/open.ts';
import { systemRandom } from './run-process.ts';
import { startFault } from './start-fault.ts';

/** Midtrans publishes no limit, and the running relay shares it. */
const defaultPerSecond = 10;
const maxPerSecond = 100;
/** Told to cron: somebody must look. A report that could not be written ends with 1. */
const differencesExit = 3;

interface Flags {
  day: string;
  zone: Zone;
  format: 'text' | 'csv';
  offline?: true;
  brief?: true;
  perSecond: number;
}

/** Adds the day close to `kios relay`. */
export function addReportCommand(relay: Command): void {
  relay
    .command('report')
    .description('The day close: every sale of a day at kiosk, relay and Midtrans, side by side.')
    .requiredOption('--day <day>', 'such as 2026-11-21, or today, or yesterday', parseDay)
    .addOption(
      new Option('--zone <zone>', 'whose midnight').choices(Object.keys(zones)).default('WIB'),
    )
    .addOption(new Option('--format <format>').choices(['text', 'csv']).default('text'))
    .option('--offline', 'do not ask Midtrans')
    .option('--brief', 'text without the list of sales: differences and sums')
    .option('--per-second <n>', 'questions to Midtrans, at most', parsePace, defaultPerSecond)
    .addHelpText(
      'after',
      `
Reads only; safe while the relay runs. A sale is listed on the day that it was begun and on the day that its money
settled, and counts on the latter. Ends with 0 when the sums balance and nothing was found, with 3 when somebody must
look, with 1 when there is no report; so cron can mail it:

  5 1 * * *  kios relay report -c /etc/kios/relay.yaml --day yesterday --brief

Asking about 10,000 sales takes 17 minutes at 10 a second.`,
    )
    .action(async (flags: Flags) => {
      const { config } = relay.opts<{ config: string }>();
      const { balanced, found } = await report(config, flags);
      if (!balanced || found.length > 0) process.exitCode = differencesExit;
    });
}

async function report(file: string, flags: Flags): Promise<Summary> {
  const offline = flags.offline === true;
  const credentials = process.env['CREDENTIALS_DIRECTORY'];
  // Without questions the Server Key is not needed: the report can be written by somebody who may not read it.
  const schema = offline ? relayConfig : startableRelayConfig(credentials);
  const config = readConfigFile(file, schema, relayExamples);
  const head = headOf(config, flags);
  const midtrans = offline
    ? undefined
    : midtransOf(config, readServerKey(config.midtrans, credentials));
  try {
    const parts = { random: systemRandom, log: silentLog, use: 'read' } as const;
    const database = await connectDatabase(config.store, systemClock, parts);
    try {
      await checkSchema(database);
      return await writeReport({
        store: dayStore(database),
        ask:
          midtrans === undefined
            ? undefined
            : createAsking({
                gateway: midtrans,
                clock: systemClock,
                random: systemRandom,
                perSecond: flags.perSecond,
              }),
        clock: systemClock,
        head,
        form: flags.format === 'csv' ? csvForm(head) : textForm(head, flags.brief === true),
        merchantId: config.midtrans.merchantId,
        write: writeOut,
      });
    } finally {
      await database.close();
    }
  } catch (error) {
    throw startFault(file, error, {});
  } finally {
    await midtrans?.close();
  }
}

function headOf(config: RelayConfig, { day: asked, zone, offline }: Flags): DayHead {
  const nowMs = systemClock.nowMs();
  const day =
    asked === 'today' || asked === 'yesterday'
      ? localTime(asked === 'today' ? nowMs : nowMs - dayMs, zone).slice(0, 10)
      : asked;
  const span = spanOf(day, zone);
  if (span === undefined) throw new KiosError('bad-request', `there is no day ${day}`);
  if (span.fromMs > nowMs) throw new KiosError('bad-request', `${day} has not begun in ${zone}`);
  const { merchant, environment } = config;
  return {
    ...{ day, zone, span, environment, merchantName: merchant.name },
    offline: offline === true,
    writtenAtMs: nowMs,
  };
}

/** Waits for whoever reads: a large report must not gather in memory. */
function writeOut(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (error == null) resolve();
      else reject(error);
    });
  });
}

function parseDay(text: string): string {
  // Whether there is such a day is the same in every zone.
  if (text === 'today' || text === 'yesterday' || spanOf(text, 'WIB') !== undefined) return text;
  throw new InvalidArgumentError('a day such as 2026-11-21, or today, or yesterday');
}

function parsePace(text: string): number {
  const pace = Number(text);
  if (Number.isInteger(pace) && pace >= 1 && pace <= maxPerSecond) return pace;
  throw new InvalidArgumentError(`a whole number, 1 to ${maxPerSecond}`);
}
