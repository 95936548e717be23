// What a support bundle is made of. Each piece reads only, opens no device, and says no more than whoever helps needs:
// settings by name, of the journal ids and states, of the identity what is public.
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { readdir, statfs } from 'node:fs/promises';
import { arch, release } from 'node:os';
import { join } from 'node:path';
import { placesOf } from '../field/root-places.ts';
import { runTool } from '../field/run-tool.ts';
import type { SupportPiece } from '../field/support.ts';
import { updateStatus } from '../field/update-status.ts';
import { kioskConfig, type KioskConfig } from '../kiosk/config.ts';
import { fullWrites } from '../kiosk/hardware-health.ts';
import { readHardware } from '../kiosk/hardware.ts';
import { readIdentity } from '../kiosk/identity.ts';
import { journalName } from '../kiosk/journal-file.ts';
import { journalSummary } from '../kiosk/journal-summary.ts';
import { withJournalView } from '../kiosk/journal-view.ts';
import { keptVersions } from '../kiosk/remote-config-files.ts';
import type { Clock } from '../lib/clock.ts';
import { ConfigError, readConfigFile } from '../lib/config-file.ts';
import { configuredSettings } from './support-settings.ts';
import type { SystemPlaces } from './attached.ts';
import { readConfigText } from './config-write.ts';
import { attachedNow, words } from './devices.ts';
import { checkDisk, checkJournal, checkUnit, runningHealth } from './doctor-machine.ts';
import { findingLines } from './finding.ts';
import { version } from './version.ts';

/** Where everything of a kiosk lies; other folders for tests. */
export interface SupportPlaces {
  /** `/`, or a folder tree that stands for the system. */
  root: string;
  config: string;
  /** Of the daemon: `/run/kios`. */
  runtime: string;
  system: SystemPlaces;
  /** Reads every entry of the journal: not for a kiosk that sells meanwhile, whose loop would stand still. */
  wholeJournal: boolean;
}

const lastSales = 50;
const logLines = '4000';
const kernelLines = '500';
const logLimitMs = 10_000;
const logLength = 1024 * 1024;
/** All of a kiosk's, root's among them. */
export const loggedUnits = [
  ...['kios', 'kios-update', 'kios-clock', 'kios-net', 'kios-console', 'kios-console-switch'],
  ...['kios-data', 'kios-getty'],
] as const;
const defaultState = 'var/lib/kios';
const mib = 1024 * 1024;

/** In the order of their worth: when there is no room for all, the last ones are short. */
export function supportPieces(places: SupportPlaces, clock: Clock): readonly SupportPiece[] {
  const { root, system } = places;
  return [
    { file: 'about.txt', read: () => about(places, clock) },
    { file: 'machine.txt', read: () => machine(places, clock) },
    { file: 'settings.json', read: () => pretty(configuredSettings(configOf(places))) },
    { file: 'remote-config.json', read: () => pretty(keptVersions(stateDirOf(places))) },
    { file: 'enrolment.json', read: () => pretty(enrolment(places)) },
    { file: 'journal.json', read: () => journal(places) },
    { file: 'hardware.json', read: () => hardware(places) },
    { file: 'disks.txt', read: () => disks(places) },
    { file: 'devices.txt', read: () => devices(places) },
    { file: 'releases.json', read: () => pretty(updateStatus(placesOf(root))) },
    {
      file: 'kernel.log',
      keep: 'end',
      read: () => logOf(system, kernelLines, '_TRANSPORT=kernel'),
    },
    {
      ...{ file: 'kios.log', keep: 'end' as const },
      read: () => logOf(system, logLines, ...loggedUnits.flatMap((unit) => ['--unit', unit])),
    },
  ];
}

/** Whose bundle it is, for its name. */
export function kioskIdOf(places: SupportPlaces): string {
  try {
    return readIdentity(stateDirOf(places)).enrolment.kioskId;
  } catch {
    return 'unknown'; // Why, stands in enrolment.json.
  }
}

/** @throws Error that names no line: a fault may quote what must not leave the machine */
function configOf({ config }: SupportPlaces): KioskConfig {
  let count: number;
  try {
    return readConfigFile(config, kioskConfig);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    count = error.faults.length;
  }
  throw new Error(`${config} cannot be used, ${count} faults: kios doctor names them`);
}

/** Where the kiosk of this machine has its journal, as far as that can be known. */
export function stateDirOf(places: SupportPlaces): string {
  try {
    return configOf(places).stateDir;
  } catch {
    return join(places.root, defaultState); // Why, stands in settings.json.
  }
}

function about({ root, system }: SupportPlaces, clock: Clock): string {
  const link = (which: 'current' | 'good'): string =>
    attempt(() => readlinkSync(placesOf(root)[which]));
  const text = (path: string): string => attempt(() => readFileSync(path, 'utf8').trim());
  const lines = {
    made: new Date(clock.nowMs()).toISOString(),
    kios: version,
    node: process.version,
    kernel: `${release()} ${arch()}`,
    system: /^PRETTY_NAME="?([^"\n]*)/m.exec(text(join(system.etc, 'os-release')))?.[1] ?? '?',
    board: text(join(system.sys, 'firmware/devicetree/base/model')).replaceAll('\0', ''),
    current: link('current'),
    good: link('good'),
  };
  return `${Object.entries(lines)
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n')}\n`;
}

/** The part of `kios doctor` that takes no device and asks nobody. */
async function machine(places: SupportPlaces, clock: Clock): Promise<string> {
  const stateDir = stateDirOf(places);
  const findings = [
    await checkUnit(places.system.path),
    checkDisk(stateDir),
    ...(places.wholeJournal ? [await checkJournal(stateDir)] : []),
  ];
  const health = await runningHealth(places.runtime, clock.monotonicMs());
  return [
    ...findings.flatMap((finding) => findingLines(finding, 'en')),
    `health: ${health === undefined ? 'no kiosk that runs says anything' : JSON.stringify(health)}`,
    '',
  ].join('\n');
}

function enrolment(places: SupportPlaces): Record<string, unknown> {
  const { relayUrl, serial, enrolment: given } = readIdentity(stateDirOf(places));
  const { kioskId, environment, ledgerId, keys, brokerUrl, merchant, cursor, limits } = given;
  return {
    ...{ kioskId, environment, relayUrl, brokerUrl, ledgerId, merchant, cursor, limits },
    ...{ relayKeys: keys.map(({ kid }) => kid), boundToMachine: serial !== undefined },
  };
}

async function journal(places: SupportPlaces): Promise<string> {
  const path = join(stateDirOf(places), journalName);
  return withJournalView(path, (db) => Promise.resolve(pretty(journalSummary(db, lastSales))));
}

async function hardware(places: SupportPlaces): Promise<string> {
  const read = await readHardware({ sys: places.system.sys, stateDir: stateDirOf(places) });
  const { card } = read;
  return pretty({ ...read, ...(card === undefined ? {} : { fullWrites: fullWrites(card) }) });
}

async function disks(places: SupportPlaces): Promise<string> {
  const stateDir = stateDirOf(places);
  const folders = [places.root, stateDir, join(places.root, 'opt/kios')];
  const lines = await Promise.all(
    [...folders, join(places.root, 'var/log')].map(async (folder) => {
      try {
        const { bavail, blocks, bsize } = await statfs(folder);
        const [free, all] = [bavail, blocks].map((count) => Math.floor((count * bsize) / mib));
        return `${folder}: ${free} of ${all} MiB free`;
      } catch (error) {
        return `${folder}: ! ${(error as Error).message}`;
      }
    }),
  );
  const names = await readdir(stateDir).catch(() => []);
  const sizes = names.slice(0, maxNames).map((name) => {
    return `${name}: ${attempt(() => String(statSync(join(stateDir, name)).size))} bytes`;
  });
  const releases = attempt(() => readdirSync(placesOf(places.root).releases).join(' '));
  return [...lines, `releases: ${releases}`, '', ...sizes, ''].join('\n');
}

/** More than the state folder ever has. */
const maxNames = 200;

async function devices(places: SupportPlaces): Promise<string> {
  const text = attempt(() => readConfigText(places.config), '');
  return `${words(await attachedNow(places.system, text), places.config).join('\n')}\n`;
}

async function logOf(
  { path }: SystemPlaces,
  lines: string,
  ...which: readonly string[]
): Promise<string> {
  const how = ['--since', '-7d', '--lines', lines, '--output', 'short-iso', '--no-pager', '--utc'];
  return runTool('journalctl', [...how, '--no-hostname', ...which], {
    ...{ limitMs: logLimitMs, keepLength: logLength },
    ...(path === undefined ? {} : { env: { PATH: path } }),
  });
}

/** What can be read, or why it cannot. */
function attempt(read: () => string, otherwise?: string): string {
  try {
    return read();
  } catch (error) {
    return otherwise ?? `! ${(error as Error).message}`;
  }
}

function pretty(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
