// `kios learn printer`: asks the printer once what it answers, prints a page for the person to judge, and writes both
// into the configuration. Nothing is written after a page that failed, nor of a printer that says nothing and that nobody
// has seen print.
import { readdirSync } from 'node:fs';
import { Command, Option } from 'commander';
import { parseDocument } from 'yaml';
import { DeviceError } from '../../drivers/device.ts';
import { createPrinter, printerLine } from '../../drivers/printer/printer.ts';
import { printerProfiles, profileOf } from '../../drivers/printer/profiles.ts';
import type { PrinterProfileName } from '../../drivers/printer/profiles.ts';
import { probePrinter, type PrinterAnswers } from '../../drivers/printer/probe.ts';
import { testPage } from '../../drivers/printer/test-page.ts';
import { kioskConfig, kioskExamples } from '../kiosk/config.ts';
import { systemClock } from '../lib/clock.ts';
import { changedConfig, readConfigText, replaceConfig } from './config-write.ts';
import type { ConfigChange } from './config-write.ts';
import { defaultConfig } from './devices.ts';
import { holdForLearning } from './learn-hold.ts';
import { terminalPerson } from './person.ts';

const links = '/dev/kios';
const linkKinds = { 'printer-': 'lp', 'usb-printer-': 'usb' } as const;
const profileNames = Object.keys(printerProfiles);
const defaultProfile = 'generic-58';

interface Flags {
  config: string;
  at?: string;
  profile?: PrinterProfileName;
  blind: boolean;
  dryRun: boolean;
}

export function learnPrinterCommand(): Command {
  const models = Object.values(printerProfiles).map(
    (one) => `  ${one.name}: ${one.models.join('; ')}`,
  );
  return new Command('printer')
    .description('Finds out what the printer answers, and prints a page to judge its profile by.')
    .option('--config <file>', 'configuration of the kiosk', defaultConfig)
    .option('--at <at>', 'only there: lp:/dev/kios/printer-… | usb:… | serial:… | tcp:HOST:9100')
    .addOption(new Option('--profile <name>', 'what kind of printer it is').choices(profileNames))
    .option('--blind', 'it answers nothing, and that is known: write it without being asked', false)
    .option('--dry-run', 'only say what would be written', false)
    .addHelpText(
      'after',
      `
Stop the kiosk first (systemctl stop kios), and see that the printer has paper. Profiles:
${models.join('\n')}`,
    )
    .action(async (flags: Flags) => {
      const before = configured(readConfigText(flags.config));
      const at = flags.at ?? before.at ?? onlyPlace();
      const profile = flags.profile ?? before.profile ?? defaultProfile;
      // Before a page is spent: would it be a configuration with the best that a printer can answer?
      const lock = holdForLearning(flags, changed(flags, { at, profile, ...best }));
      try {
        await learnAt(at, profile, flags);
      } finally {
        lock.release();
      }
    });
}

const best: PrinterAnswers = { status: 'dle-eot', proof: 'gs-r', clearsBuffer: true };

/** @throws DeviceError, ConfigError; then nothing is written */
async function learnAt(at: string, profile: PrinterProfileName, flags: Flags): Promise<void> {
  if (at.startsWith('file:')) {
    throw new DeviceError('not-found', `${at}: a file answers nothing, there is nothing to learn`);
  }
  say(`asking ${at}`);
  const line = printerLine(at, systemClock);
  const answers = await probePrinter(line, systemClock, new AbortController().signal);
  say(...told(answers));
  const settings = { at, profile, ...answers };
  const text = changed(flags, settings);
  await printPage(at, profile, answers);
  if (answers.status === 'none' && answers.proof === 'none' && !flags.blind) await wasSeen(at);
  say('printer:', ...Object.entries(settings).map(([name, value]) => `  ${name}: ${value}`));
  if (flags.dryRun) {
    say(`${flags.config} would be a good configuration with that; nothing was written`);
    return;
  }
  const remarks = replaceConfig(flags.config, text);
  say(`written to ${flags.config}; if the page is wrong, learn again with another --profile`);
  say(...remarks, 'start the kiosk again: systemctl start kios');
}

function changed({ config }: Flags, settings: ConfigChange<unknown>['settings']): string {
  return changedConfig({
    ...{ file: config, schema: kioskConfig, examples: kioskExamples },
    ...{ group: 'printer', settings },
  });
}

/** A printer that is switched off, or on another baud rate, says as little as one that can say nothing. */
async function wasSeen(at: string): Promise<void> {
  const person = terminalPerson(systemClock);
  try {
    if ((await person.ask('Did the test page come out, and is it readable? (yes/no)')) === 'yes')
      return;
  } finally {
    person.leave();
  }
  const line = at.startsWith('serial:')
    ? "Is it switched on, does the cable have both directions, and is baudRate the printer's (its self-test page names it)?"
    : 'Is it switched on, and does the cable have both directions?';
  throw new DeviceError(
    'timeout',
    `${at} answers nothing, and nobody says that its page came out; nothing was written. ${line} ` +
      'Where its page comes out and it is known to answer nothing: --blind',
  );
}

function told({ status, proof, clearsBuffer }: PrinterAnswers): string[] {
  if (proof === 'none') {
    const asked =
      status === 'none' ? 'it answers nothing' : `it answers ${status} and proves nothing`;
    return [
      `${asked}: it prints receipts, and QR slips only with acceptBlindPrinter: true`,
      'some need their status switched on by their own setup tool, or a cable with both directions',
    ];
  }
  const clears = clearsBuffer ? '; it can throw away a slip that it holds' : '';
  return [`it answers ${status}, and proves a slip by ${proof}${clears}`];
}

/** @throws DeviceError why there is no page */
async function printPage(
  at: string,
  profile: PrinterProfileName,
  answers: PrinterAnswers,
): Promise<void> {
  const whole = profileOf({ profile, ...answers });
  const printer = createPrinter({ at, profile: whole, clock: systemClock });
  const { signal } = new AbortController();
  try {
    await printer.open(signal);
    const outcome = await printer.print(testPage(whole), signal);
    if (outcome.result === 'failed') throw outcome.error;
    if (outcome.result === 'unknown' && whole.proof !== 'none') {
      throw new DeviceError('protocol', 'it did not prove its test page; is there paper in it?');
    }
    say(`the test page as ${profile}: look at it`);
  } finally {
    await printer.close();
  }
}

/** What stands in the configuration, whatever else is wrong with it. */
function configured(config: string): { at?: string; profile?: PrinterProfileName } {
  const document = parseDocument(config);
  const at: unknown = document.getIn(['printer', 'at']);
  const profile: unknown = document.getIn(['printer', 'profile']);
  return {
    ...(typeof at === 'string' ? { at } : {}),
    ...(isProfileName(profile) ? { profile } : {}),
  };
}

function isProfileName(name: unknown): name is PrinterProfileName {
  return typeof name === 'string' && profileNames.includes(name);
}

/** @throws DeviceError when there is none, or more than one */
function onlyPlace(): string {
  const names = namesIn(links);
  const places = Object.entries(linkKinds).flatMap(([start, kind]) =>
    names.filter((name) => name.startsWith(start)).map((name) => `${kind}:${links}/${name}`),
  );
  // The same printer stands in both kinds; the kernel's own way comes first.
  const [place, ...others] = places.some((one) => one.startsWith('lp:'))
    ? places.filter((one) => one.startsWith('lp:'))
    : places;
  if (place !== undefined && others.length === 0) return place;
  const found = place === undefined ? 'no printer is plugged in' : `there are ${places.join(', ')}`;
  throw new DeviceError(
    'not-found',
    `${found}: name it with --at, such as --at tcp:192.168.1.50:9100`,
  );
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return []; // Nothing of that kind is plugged in.
  }
}

function say(...texts: readonly string[]): void {
  for (const text of texts) process.stdout.write(`${text}\n`);
}
