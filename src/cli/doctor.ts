// `kios doctor`: looks at everything that a kiosk needs, by itself and with a person's help, and says what to do. It takes no
// device from a kiosk that runs, and hands nothing over without being told to.
import { Command, Option } from 'commander';
import { kioskConfig, kioskExamples, type KioskConfig } from '../kiosk/config.ts';
import { machineSerial } from '../kiosk/machine.ts';
import type { Language } from '../kiosk/words.ts';
import { systemClock } from '../lib/clock.ts';
import { ConfigError, readConfigFile } from '../lib/config-file.ts';
import type { PrintDocument } from '../../drivers/device.ts';
import { systemPlaces } from './attached.ts';
import { readConfigText } from './config-write.ts';
import {
  printOn,
  testDispenser,
  testKeypad,
  testScanner,
  testScreen,
  type Testing,
} from './device-tests.ts';
import { defaultConfig, refusedNow } from './devices.ts';
import { checkRemoteConfig } from './doctor-config.ts';
import { checkDevices, devicesByKiosk, withRights } from './doctor-devices.ts';
import {
  checkDisk,
  checkIdentity,
  checkJournal,
  checkUnit,
  runningHealth,
  stateFault,
  takeKiosk,
} from './doctor-machine.ts';
import { bootName, checkBroker, checkRelay, machineBoot, notAsked } from './doctor-relay.ts';
import { systemClockFinding, tryRemembered } from './doctor-relay.ts';
import {
  endLine,
  exitStatusOf,
  fault,
  findingLines,
  skipped,
  well,
  wordsOf,
  type Finding,
} from './finding.ts';
import { terminalPerson } from './person.ts';
import { calledOffBySignal, systemRandom } from './run-process.ts';

const runtimeFolder = '/run/kios';
const toBeLookedAt = 1;

interface DoctorFlags {
  config: string;
  alone: boolean;
  person: boolean;
  dispense: boolean;
  print: boolean;
  json: boolean;
  language?: Language;
  runtime: string;
}

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('Tests every part of this kiosk and says what to do. Needs sudo for the key.')
    .option('--config <file>', 'configuration of the kiosk', defaultConfig)
    .option('--alone', 'asks nothing of a person', false)
    .option('--person', 'asks a person though there is no terminal', false)
    .option('--dispense', 'also hands one piece over, after a yes', false)
    .option('--print', "prints the report on the kiosk's own printer", false)
    .option('--json', 'for programs; asks nothing of a person', false)
    .addOption(new Option('--language <which>', 'of the words').choices(['id', 'en']))
    .addOption(new Option('--runtime <folder>').default(runtimeFolder).hideHelp())
    .addHelpText(
      'after',
      `
Ends with 0 when all is well, 1 when something needs a look, 2 when something does not work. Works without network.
While the kiosk runs its devices are its own; stop it to have them tested: systemctl stop kios`,
    )
    .action(async (flags: DoctorFlags) => {
      process.exitCode = await examine(flags);
    });
}

async function examine(flags: DoctorFlags): Promise<number> {
  const findings: Finding[] = [];
  let language: Language = flags.language ?? 'en';
  let isCalledOff = false;
  const note: Note = (...found) => {
    findings.push(...found);
    if (flags.json) return;
    for (const one of found) say(findingLines(one, language));
  };
  try {
    const config = readConfigFile(flags.config, kioskConfig, kioskExamples);
    language = flags.language ?? config.language;
    note(well('config', flags.config));
    await checkMachineParts(config, note);
    isCalledOff = await checkParts(config, { ...flags, language }, findings, note);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    note(fault('config', 'config-invalid', [flags.config, ...error.faults].join('\n')));
  }
  const status = exitStatusOf(findings);
  if (flags.json) say([JSON.stringify({ status, findings }, undefined, 2)]);
  else if (!isCalledOff) say([endLine(findings, language)]);
  return isCalledOff ? Math.max(status, toBeLookedAt) : status;
}

/** Told as soon as it is found: the person sees what is waited for. */
type Note = (...found: readonly Finding[]) => void;

/** All that stands behind the devices. Every part has a limit of its own. */
async function checkMachineParts(config: KioskConfig, note: Note): Promise<void> {
  const { stateDir } = config;
  const clock = systemClock;
  note(await checkUnit());
  const disk = checkDisk(stateDir);
  note(disk);
  const serial = config.serial ?? machineSerial();
  const isThere = disk.code !== 'data-missing';
  const { finding, identity } = isThere ? await checkIdentity(stateDir, serial) : {};
  if (finding !== undefined) note(finding, await checkJournal(stateDir));
  if (identity !== undefined) note(...checkRemoteConfig(stateDir));
  if (identity === undefined) {
    note(await systemClockFinding(), ...notAsked);
    return;
  }
  const remembered = await tryRemembered(stateDir);
  const bootId = bootName(machineBoot(), remembered.bootId);
  note(...(await checkRelay({ identity, remembered, bootId, clock })));
  note(await checkBroker(identity, clock));
}

/** The devices: alone first, then with the person; the report on paper last. True: called off by a signal. */
async function checkParts(
  config: KioskConfig,
  flags: DoctorFlags & { language: Language },
  findings: readonly Finding[],
  note: Note,
): Promise<boolean> {
  let lock: ReturnType<typeof takeKiosk>;
  try {
    lock = takeKiosk(config.stateDir);
  } catch (error) {
    note(stateFault('devices', error));
    return false;
  }
  if (lock === 'running') {
    const health = await runningHealth(flags.runtime, systemClock.monotonicMs());
    note(...devicesByKiosk(config, health));
    if (flags.print) note(skipped('report', 'the running kiosk has the printer'));
    return false;
  }
  try {
    const refused = await refusedNow(systemPlaces, readConfigText(flags.config));
    const alone = withRights(await checkDevices(config, systemClock), refused);
    note(...alone);
    const isCalledOff = await checkWithPerson(config, flags, alone, note);
    if (flags.print && !isCalledOff) note(await printReport(config, findings, flags.language));
    return isCalledOff;
  } finally {
    lock.release();
  }
}

/** What is out of order by itself needs no person to find that out again. True: called off by a signal. */
async function checkWithPerson(
  config: KioskConfig,
  { language, ...flags }: DoctorFlags & { language: Language },
  alone: readonly Finding[],
  note: Note,
): Promise<boolean> {
  const isWanted = flags.person || (process.stdin.isTTY && !flags.json);
  if (flags.alone || !isWanted) return false;
  const person = terminalPerson(systemClock);
  const { signal, release } = calledOffBySignal();
  signal.addEventListener('abort', () => {
    person.leave();
  });
  const testing: Testing = {
    ...{ config, clock: systemClock, person, language, random: systemRandom, signal },
  };
  const tests = {
    keypad: testKeypad,
    scanner: testScanner,
    display: testScreen,
    ...(flags.dispense ? { dispenser: testDispenser } : {}),
  };
  try {
    for (const [part, test] of Object.entries(tests)) {
      const before = alone.find(({ check }) => check === part)?.verdict;
      if (before !== 'well' && before !== 'look') continue;
      note(signal.aborted ? skipped(part, 'called off') : await test(testing));
    }
    return signal.aborted;
  } finally {
    person.leave();
    release();
  }
}

async function printReport(
  { printer }: KioskConfig,
  findings: readonly Finding[],
  language: Language,
): Promise<Finding> {
  if (printer === undefined) return skipped('printer', 'there is none for the report');
  return printOn(printer, systemClock, reportPaper(findings, language));
}

/** The report as the kiosk's own paper has it: no key, no code of a claim, nothing of a customer. */
function reportPaper(findings: readonly Finding[], language: Language): PrintDocument {
  const lines = findings.flatMap(({ check, verdict, code, detail }): PrintDocument['blocks'] => [
    { kind: 'pair', left: check, right: code ?? verdict, bold: code !== undefined },
    ...(code === undefined
      ? []
      : ([wordsOf(code, language), detail] as const).map(
          (text) => ({ kind: 'text', text }) as const,
        )),
  ]);
  return {
    blocks: [
      { kind: 'text', text: 'KIOS DOCTOR', align: 'centre', size: 'double', bold: true },
      { kind: 'rule' },
      ...lines,
      { kind: 'rule' },
      { kind: 'text', text: endLine(findings, language) },
    ],
  };
}

function say(lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`);
}
