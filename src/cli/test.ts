// `kios test print|screen|keypad|scanner|dispense`: one device of the kiosk, with the person in front of it.
import { Argument, Command, Option } from 'commander';
import { kioskConfig, kioskExamples } from '../kiosk/config.ts';
import type { Language } from '../kiosk/words.ts';
import { systemClock } from '../lib/clock.ts';
import { ConfigError, readConfigFile } from '../lib/config-file.ts';
import { KiosError } from '../protocol/errors.ts';
import { testDispenser, testKeypad, testPrinter, testScanner, testScreen } from './device-tests.ts';
import { defaultConfig } from './devices.ts';
import { holdKiosk } from './doctor-machine.ts';
import { exitStatusOf, findingLines } from './finding.ts';
import { terminalPerson } from './person.ts';
import { calledOffBySignal, explain, systemRandom } from './run-process.ts';

const tests = {
  print: testPrinter,
  screen: testScreen,
  keypad: testKeypad,
  scanner: testScanner,
  dispense: testDispenser,
};

const toBeLookedAt = 1;
const outOfOrder = 2;

interface Flags {
  config: string;
  language?: Language;
}

export function testCommand(): Command {
  return new Command('test')
    .description('Tests one device: prints a page, shows a number, waits for a key or a scan.')
    .addArgument(new Argument('<what>').choices(Object.keys(tests)))
    .option('--config <file>', 'configuration of the kiosk', defaultConfig)
    .addOption(new Option('--language <which>', 'of the words').choices(['id', 'en']))
    .addHelpText(
      'after',
      `
Stop the kiosk first: systemctl stop kios. Ends as kios doctor does: 0 well, 1 to be looked at, 2 out of order.
"dispense" hands one piece over that nobody has paid for; it asks for a yes first.`,
    )
    .action(async (what: keyof typeof tests, flags: Flags) => {
      try {
        process.exitCode = await runTest(what, flags);
      } catch (error) {
        if (!(error instanceof ConfigError || error instanceof KiosError)) throw error;
        process.stderr.write(`kios: ${explain(error)}\n`);
        process.exitCode = outOfOrder;
      }
    });
}

/** @throws ConfigError, KiosError where nothing can be tested */
async function runTest(what: keyof typeof tests, flags: Flags): Promise<number> {
  const config = readConfigFile(flags.config, kioskConfig, kioskExamples);
  const language = flags.language ?? config.language;
  const lock = holdKiosk(config.stateDir);
  const person = terminalPerson(systemClock);
  const { signal, release } = calledOffBySignal();
  // Who is asked meanwhile will not answer any more.
  signal.addEventListener('abort', () => {
    person.leave();
  });
  try {
    const clock = systemClock;
    const testing = { config, clock, person, language, random: systemRandom, signal };
    const finding = await tests[what](testing);
    for (const line of findingLines(finding, language)) person.tell(line);
    const status = exitStatusOf([finding]);
    return signal.aborted ? Math.max(status, toBeLookedAt) : status;
  } finally {
    person.leave();
    lock.release();
    release();
  }
}
