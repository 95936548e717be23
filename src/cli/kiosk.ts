// `kios kiosk`: runs the kiosk daemon of this machine.
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { readConfigFile } from '../lib/config-file.ts';
import { systemClock } from '../lib/clock.ts';
import { createLog } from '../lib/log.ts';
import { kioskConfig, kioskExamples, type KioskConfig } from '../kiosk/config.ts';
import { startKiosk } from '../kiosk/run.ts';
import { makeStateFolder } from '../kiosk/state-folder.ts';
import { loadNativeParts } from './kiosk-check.ts';
import { runUntilSignal, systemRandom } from './run-process.ts';
import { refuseUncheckedTls } from './unchecked-tls.ts';
import { version } from './version.ts';

interface Flags {
  config: string;
  state?: string;
  keypad?: string;
  scanner?: string;
  display?: string;
  printer?: string;
  dispenser?: string;
  check?: true;
}

export function kioskCommand(): Command {
  return new Command('kiosk')
    .description(
      'Sells: takes an amount or a barcode, shows the QR, waits for the money, hands over the goods.',
    )
    .requiredOption('--config <file>', 'configuration, as config/kiosk.example.yaml explains')
    .option('--state <dir>', 'instead of stateDir in the configuration')
    .option('--keypad <at>', 'hid:/dev/hidraw0 | serial:/dev/ttyACM0 | terminal')
    .option('--scanner <at>', 'serial:/dev/ttyACM0?baudRate=9600 | hid:/dev/hidraw1')
    .option('--display <at>', 'fb:/dev/fb0 | page:unix:/run/page.sock | terminal')
    .option(
      '--printer <at>',
      'lp:/dev/usb/lp0 | tcp:HOST:9100 | serial:/dev/ttyUSB0 | file:/tmp/paper.bin',
    )
    .option('--dispenser <at>', 'serial:/dev/ttyUSB1 | none')
    .addOption(new Option('--log-level <level>').choices(['debug', 'info', 'warn', 'error']))
    .option('--check', 'load the program, read the configuration, open nothing, end')
    .addHelpText(
      'after',
      `
A flag replaces the same setting of the file. Enrol the machine first: kios enrol --help.
Ends on SIGINT or SIGTERM; a sale in hand is taken up again at the next start.`,
    )
    .action(async (flags: Flags & { logLevel?: KioskConfig['logLevel'] }) => {
      refuseUncheckedTls(process.env);
      const rereadConfig = (): KioskConfig =>
        readConfigFile(flags.config, kioskConfig, kioskExamples, withFlags(flags));
      const config = rereadConfig();
      if (flags.check === true) {
        await loadNativeParts(config);
        return;
      }
      const file = logFile(config);
      const log = createLog('kiosk', flags.logLevel ?? config.logLevel, file);
      const parts = { clock: systemClock, log, random: systemRandom, version, rereadConfig };
      const makeBundle = (): Promise<Uint8Array> => bundleOf(flags.config);
      await runUntilSignal(async () => {
        const running = await startKiosk({ config, ...parts, makeBundle });
        if (file !== undefined) {
          void running.ended.then((why) => {
            sayAtEnd(why, file);
          });
        }
        return running;
      });
    });
}

/** Loaded when it is asked for: a kiosk that sells does not carry it. */
async function bundleOf(file: string): Promise<Uint8Array> {
  const { makeSupportBundle, supportPlaces } = await import('./support-bundle.ts');
  return makeSupportBundle(supportPlaces(file));
}

/** A terminal that shows the screen cannot show the log as well. */
function logFile({ display, stateDir }: KioskConfig): string | undefined {
  if (display?.at !== 'terminal') return undefined;
  makeStateFolder(stateDir);
  return join(stateDir, 'kiosk.log');
}

/** When the screen is gone from the terminal: why, which else only the log says. */
function sayAtEnd({ message }: Error, file: string): void {
  process.once('exit', () => {
    process.stderr.write(`kios: ended, ${message}; start it again. Its log is ${file}\n`);
  });
}

/** The flags as they would stand in the file: they are checked with it, in one go. */
function withFlags(flags: Flags): Readonly<Record<string, string>> {
  const given: Record<string, string | undefined> = {
    stateDir: flags.state,
    'keypad.at': flags.keypad,
    'scanner.at': flags.scanner,
    'display.at': flags.display,
    'printer.at': flags.printer,
    'dispenser.at': flags.dispenser,
  };
  return Object.fromEntries(
    Object.entries(given).flatMap(([name, text]) => (text === undefined ? [] : [[name, text]])),
  );
}
