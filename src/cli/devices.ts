// `kios devices`: what is plugged in, which driver fits it, and what the configuration says. Opens and changes nothing, so it
// may be asked while the kiosk sells.
import { Command } from 'commander';
import { z } from 'zod';
import { ConfigError, parseConfig } from '../lib/config-file.ts';
import { readAttached, systemPlaces, type SystemPlaces } from './attached.ts';
import type { DevicePart } from './attached-fits.ts';
import { configuredPlaces, refusedParts, reportAttached } from './attached-report.ts';
import type { AttachedLine, AttachedReport } from './attached-report.ts';
import { readConfigText } from './config-write.ts';
import { kioskAccount } from './device-access.ts';
import { wrapped } from './wrapped.ts';

interface Flags {
  config: string;
  json: boolean;
}

export const defaultConfig = '/etc/kios/kiosk.yaml';

export function devicesCommand(): Command {
  return new Command('devices')
    .description('Lists what is plugged in, which driver fits, and what the configuration says.')
    .option('--config <file>', 'configuration of the kiosk', defaultConfig)
    .option('--json', 'for programs', false)
    .addHelpText(
      'after',
      `
Ends with 0, or with 1 when a configuration that was named cannot be read, or when it names a device that is not there or
that the kiosk may not open.
It may run beside the kiosk. What stands under "fits" can be copied into the configuration as it is.`,
    )
    .action(async ({ config, json }: Flags, command: Command) => {
      const read = configText(config, command.getOptionValueSource('config') === 'cli');
      const report = await attachedNow(systemPlaces, read.text);
      if (isFaulty(report) || read.isUnusable === true) process.exitCode = 1;
      const out = json
        ? [JSON.stringify({ config, configFault: read.fault, ...report }, undefined, 2)]
        : [
            ...(read.fault === undefined ? [] : wrapped(`! ${read.fault}`)),
            ...words(report, config),
          ];
      process.stdout.write(`${out.join('\n')}\n`);
    });
}

/** What is plugged in now, beside a configuration's text. */
export async function attachedNow(places: SystemPlaces, config: string): Promise<AttachedReport> {
  const attached = await readAttached(places);
  return reportAttached(attached, configuredPlaces(config), kioskAccount(places.etc));
}

/** The parts of a configuration's text that the kiosk may not open, whoever asks. */
export async function refusedNow(
  places: SystemPlaces,
  config: string,
): Promise<ReadonlyMap<DevicePart, string>> {
  const attached = await readAttached(places);
  return refusedParts(attached, configuredPlaces(config), kioskAccount(places.etc));
}

/** Whether the kiosk lacks something that its configuration has. What is plugged in besides may be as it is. */
export function isFaulty({ devices, elsewhere }: AttachedReport): boolean {
  return (
    elsewhere.some((one) => 'fault' in one) ||
    devices.some(({ configured, faults }) => configured.length > 0 && faults.length > 0)
  );
}

/**
 * A new machine has none yet, and its devices are to be seen all the same: also beside one that is no YAML.
 * @param isNamed by whoever asks, who believes that it is there
 */
export function configText(
  file: string,
  isNamed: boolean,
): { text: string; fault?: string; isUnusable?: boolean } {
  let text = '';
  try {
    text = readConfigText(file);
    // Whether its settings are right is for `kios doctor` to say.
    parseConfig(file, text, z.unknown());
    return { text };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const isMissing = (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
    return { text, fault: `${file}: ${error.faults[0] ?? ''}`, isUnusable: isNamed || !isMissing };
  }
}

/** For a terminal of 80 columns; an address stands on a line of its own, never broken. */
export function words(report: AttachedReport, config: string): string[] {
  const { devices, elsewhere } = report;
  if (devices.length === 0) return ['nothing is plugged in that a kiosk could use', ...lost()];
  return [...devices.flatMap((device) => [...deviceWords(device), '']), ...lost()];

  function lost(): string[] {
    return elsewhere.flatMap(({ part, at, ...is }) => [
      `${config} has ${part} at`,
      `  ${at}`,
      ...('fault' in is ? wrapped(`! ${is.fault}`, 2) : wrapped(is.remark, 2)),
    ]);
  }

  function deviceWords(device: AttachedLine): string[] {
    const { is, name, node, link, fits, remark, configured, faults } = device;
    const parts = [...new Set(fits.map(({ part }) => part))];
    return [
      ...wrapped(name === '' ? is : `${name}: ${is}`),
      `  ${node}`,
      ...(link === undefined ? [] : [`  ${link}`]),
      ...(fits.length === 0 ? ['  no driver fits'] : []),
      ...parts.flatMap((part) => [
        `  fits ${part}, at:`,
        ...fits.filter((fit) => fit.part === part).map(({ at }) => `    ${at}`),
      ]),
      ...(remark === undefined ? [] : wrapped(remark, 2)),
      `  in ${config}: ${configured.length === 0 ? 'not named' : configured.join(', ')}`,
      ...faults.flatMap((fault) => wrapped(`! ${fault}`, 2)),
    ];
  }
}
