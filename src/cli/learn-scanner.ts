// `kios learn scanner`: three scans tell where the scanner is and what it sends around a code; then it stands in the
// configuration. Nothing is written that is not certain.
import { Command } from 'commander';
import { DeviceError } from '../../drivers/device.ts';
import { createScanDecoder } from '../../drivers/scanner/codec.ts';
import { learnFraming, type LearnedFraming } from '../../drivers/scanner/framing.ts';
import { hearScans, type HeardScans } from '../../drivers/scanner/learn.ts';
import { kioskConfig, kioskExamples } from '../kiosk/config.ts';
import { systemClock } from '../lib/clock.ts';
import { changedConfig, readConfigText, replaceConfig } from './config-write.ts';
import { defaultConfig } from './devices.ts';
import { holdForLearning } from './learn-hold.ts';
import { scannerPlaces } from './scanner-places.ts';

const scanCount = 3;

interface Flags {
  config: string;
  at?: string;
  dryRun: boolean;
}

/** What is to stand under `scanner`; undefined takes a setting out. */
type ScannerSettings = Readonly<Record<'at' | 'prefix' | 'suffix', string | undefined>> & {
  aim: boolean | undefined;
};

export function learnScannerCommand(): Command {
  return new Command('scanner')
    .description('Finds the barcode scanner and how it is set, with three scans.')
    .option('--config <file>', 'configuration of the kiosk', defaultConfig)
    .option('--at <at>', 'only there: serial:/dev/…?baudRate=115200 | hid:/dev/kios/hid-…')
    .option('--dry-run', 'only say what would be written', false)
    .addHelpText(
      'after',
      `
Stop the kiosk first (systemctl stop kios): two programs cannot read one scanner. Scan the barcode of any three
articles, or of one three times. What is written: the place, the prefix, the suffix and whether AIM identifiers come.`,
    )
    .action(async (flags: Flags) => {
      const text = readConfigText(flags.config);
      const places = flags.at === undefined ? scannerPlaces(text) : [flags.at];
      if (places.length === 0) {
        throw new DeviceError(
          'not-found',
          'no scanner is plugged in that our udev rules know (ls /dev/kios /dev/serial/by-path); ' +
            'plug it in, install the rules of systemd/, or name it with --at',
        );
      }
      // Before anybody scans: would it be a configuration with a scanner that is set to nothing?
      const plain = { at: places[0], prefix: undefined, suffix: undefined, aim: undefined };
      const lock = holdForLearning(flags, changed(flags, plain));
      try {
        await learnAt(places, flags);
      } finally {
        lock.release();
      }
    });
}

/** @throws DeviceError, ConfigError; then nothing is written */
async function learnAt(places: readonly string[], flags: Flags): Promise<void> {
  const heard = await hear(places);
  const settings = settingsOf(heard);
  const reads = readWith(heard, settings);
  const text = changed(flags, settings);
  say([`what came reads as ${reads.join(', ')}`, ...lines(settings)]);
  if (flags.dryRun) {
    say([`${flags.config} would be a good configuration with that; nothing was written`]);
    return;
  }
  const remarks = replaceConfig(flags.config, text);
  say([`written to ${flags.config}; start the kiosk again: systemctl start kios`, ...remarks]);
}

function changed({ config }: Flags, settings: ScannerSettings): string {
  return changedConfig({
    ...{ file: config, schema: kioskConfig, examples: kioskExamples },
    ...{ group: 'scanner', settings },
  });
}

async function hear(places: readonly string[]): Promise<HeardScans> {
  const refused: DeviceError[] = [];
  try {
    return await hearScans({
      places,
      count: scanCount,
      clock: systemClock,
      signal: new AbortController().signal,
      onListening: (open) => {
        const at = open === 1 ? 'one place' : `${open} places`;
        say([`listening at ${at}: scan the barcode of an article, ${scanCount} times`]);
      },
      onScan: (count, at) => {
        say([`${count} of ${scanCount} at ${at}`]);
      },
      onRefused: (error) => {
        refused.push(error);
        say([error.message]);
      },
    });
  } catch (error) {
    if (!(error instanceof DeviceError) || error.kind !== 'not-found') throw error;
    const busy = refused.some(({ kind }) => kind === 'busy');
    const mend = busy ? 'stop the kiosk first: systemctl stop kios' : 'is it plugged in?';
    throw new DeviceError('not-found', `${error.message}; ${mend}`, { cause: error });
  }
}

/** @throws DeviceError `protocol` with what to do, where what came is not clear */
function settingsOf({ at, scans, readings }: HeardScans): ScannerSettings {
  // A HID-POS scanner hands over whole readings: there is nothing around them.
  if (readings.length > 0) return { at, prefix: undefined, suffix: undefined, aim: undefined };
  const learned = learnFraming(scans);
  if (learned.kind !== 'learned') {
    throw new DeviceError('protocol', `${why(learned)}. What came:\n${shown(scans)}`);
  }
  const { prefix, suffix, aim } = learned.framing;
  return { at, prefix, suffix, aim: aim ? true : undefined };
}

/** The codes as the kiosk will have them: the technician compares them with what was scanned. */
function readWith({ scans, readings }: HeardScans, settings: ScannerSettings): string[] {
  const decoder = createScanDecoder(settings);
  return [...readings, ...scans.flatMap((scan) => decoder.feed(scan, 0))].map(({ text }) => text);
}

function why(learned: Exclude<LearnedFraming, { kind: 'learned' }>): string {
  switch (learned.kind) {
    case 'no-code':
      return (
        `scan ${learned.scan} has no EAN or UPC barcode in it; scan articles. ` +
        'Where it is garbage the baud rate is another: --at serial:/dev/…?baudRate=115200'
      );
    case 'no-suffix':
      return 'the scanner ends a code with nothing; scan "suffix CR" (or "add Enter") of its manual, then learn again';
    case 'affix-too-long':
      return 'the scanner sends more than 8 characters before or after a code; take its prefix and suffix off by its manual';
    case 'differ':
      return 'the scans begin or end differently; learn again with three articles of the same kind of code';
  }
}

/** Bytes that no terminal shows are written as in the configuration. */
function shown(scans: readonly Uint8Array[]): string {
  return scans
    .map((scan) => `  ${JSON.stringify(Buffer.from(scan).toString('latin1'))}`)
    .join('\n');
}

function lines(settings: ScannerSettings): string[] {
  return [
    'scanner:',
    ...Object.entries(settings).flatMap(([name, value]) =>
      value === undefined ? [] : [`  ${name}: ${JSON.stringify(value)}`],
    ),
  ];
}

function say(texts: readonly string[]): void {
  for (const text of texts) process.stdout.write(`${text}\n`);
}
