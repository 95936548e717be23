// `kios relay config`, `configs`: prices and other settings for kiosks, from the operator's desk. Safe while the relay runs,
// which signs them; a kiosk checks them as a whole and goes back when they do not serve.
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { ulid } from 'ulid';
import { stringify } from 'yaml';
import { parseConfig } from '../lib/config-file.ts';
import type { RemoteSettings } from '../kiosk/remote-settings.ts';
import { KiosError } from '../protocol/errors.ts';
import { formatRupiah } from '../protocol/money.ts';
import { maxSettingsBytes } from '../protocol/remote-config.ts';
import { statusMessage, type ConfigReport } from '../protocol/topics.ts';
import { everyKiosk } from '../relay/store/configs.ts';
import { type Store } from '../relay/store/store.ts';
import { configChanges } from './config-changes.ts';
import { livingKiosks } from './relay-commands.ts';
import { parseKioskId } from './relay-fleet.ts';
import { withStore } from './relay-store.ts';
import { systemRandom } from './run-process.ts';
import { withFile } from './with-file.ts';

/** A kiosk that does not hear the word in time asks by itself, at its start and every few minutes. */
const wordLifeMs = 600_000;
const pageSize = 500;

/** Adds them to `kios relay`. */
export function addConfigCommands(relay: Command): void {
  const fileOf = (): string => relay.opts<{ config: string }>().config;
  const config = relay
    .command('config')
    .description('Gives kiosks prices and other settings; safe while the relay runs.');
  config
    .command('push')
    .description('Checks a file of settings and gives it to kiosks, for the next quiet moment.')
    .argument('<file>', 'as kiosk.yaml, with the settings below alone; - is standard input')
    .argument('[kiosks...]', 'such as ksk01 ksk02', parseKioskIds)
    .option('--all', 'for every kiosk, also those that are enrolled later')
    .addHelpText(
      'after',
      `
Settings: catalogue, priceLabels, language, timeZone, logLevel, askAgainS, technicianCode, printer.receipts,
printer.acceptBlindPrinter, dispenser.idrPerPulse, dispenser.anyAmount. What is left out is as the kiosk's own file says;
{} takes everything back. The newest that was pushed to a kiosk, by its name or with --all, is the one that it has.`,
    )
    .action((file: string, kiosks: string[], { all }: { all?: true }) =>
      push(fileOf(), file, all === true ? undefined : kiosks, kiosks.length > 0),
    );
  config
    .command('show')
    .description('Prints the newest settings that were pushed to a kiosk.')
    .argument('<kiosk>', 'such as ksk01', parseKioskId)
    .action((kiosk: string) => show(fileOf(), kiosk));
  relay
    .command('configs')
    .description('Lists for each kiosk what was pushed, what runs, and what it has refused.')
    .option('--json', 'one JSON document a line')
    .action(({ json }: { json?: true }) => list(fileOf(), json === true));
}

function parseKioskIds(text: string, before: readonly string[] = []): string[] {
  return [...before, parseKioskId(text)];
}

/** @param named undefined: all */
async function push(
  file: string,
  settingsFile: string,
  named: readonly string[] | undefined,
  isNamed: boolean,
): Promise<void> {
  if ((named === undefined) === isNamed) {
    throw new KiosError('bad-request', 'name the kiosks, or --all, and not both');
  }
  const settings = await readSettings(settingsFile);
  await withStore(file, 'change', async (store, { limits }) => {
    lookAtPrices(settings, limits.maxIdr);
    const kiosks = named === undefined ? await livingKiosks(store) : [...new Set(named)];
    if (named !== undefined) await refuseStrangers(store, kiosks);
    for (const one of named === undefined ? [everyKiosk] : kiosks) {
      const before = await store.configAbove(one, 0);
      const changes = configChanges(before === undefined ? {} : readRow(before), settings);
      const name = one === everyKiosk ? 'all' : one;
      say(`${name}: ${changes.length === 0 ? 'nothing changes' : changes.join('; ')}`);
    }
    const to = named === undefined ? [everyKiosk] : kiosks;
    const version = await store.pushConfig(to, JSON.stringify(settings));
    for (const kioskId of kiosks) await sendWord(store, kioskId);
    say(`${version} is pushed. What becomes of it: kios relay --config FILE configs`);
  });
}

/** @throws ConfigError with every fault */
async function readSettings(file: string): Promise<RemoteSettings> {
  // Loaded when it is asked for: a relay that serves does not carry a kiosk's drivers.
  const [{ remoteSettings }, { kioskExamples }] = await Promise.all([
    import('../kiosk/remote-settings.ts'),
    import('../kiosk/config.ts'),
  ]);
  const text = withFile(file, (path) => readFileSync(path === '-' ? 0 : path, 'utf8'));
  const name = file === '-' ? 'standard input' : file;
  const settings = parseConfig(name, text, remoteSettings, kioskExamples);
  if (Buffer.byteLength(JSON.stringify(settings)) <= maxSettingsBytes) return settings;
  throw new KiosError('bad-request', `${name} is larger than ${maxSettingsBytes / 1000} kB`);
}

/** An item above what this relay charges is found by the customer. @throws KiosError where that is every one */
function lookAtPrices({ catalogue = {} }: RemoteSettings, maxIdr: number): void {
  const prices = Object.values(catalogue).map(({ priceIdr }) => priceIdr ?? 0);
  const above = prices.filter((priceIdr) => priceIdr > maxIdr).length;
  if (above === 0) return;
  const words = `${above} of ${prices.length} items cost more than ${formatRupiah(maxIdr)}, the limits.maxIdr of the relay`;
  if (above === prices.length) {
    throw new KiosError('bad-request', `catalogue: ${words}: nobody could buy anything`);
  }
  say(`catalogue: ${words}: nobody can buy them`);
}

/** @throws KiosError `not-found`, `kiosk-revoked` */
async function refuseStrangers(store: Store, kiosks: readonly string[]): Promise<void> {
  for (const kioskId of kiosks) {
    const row = await store.kiosk(kioskId);
    if (row === undefined) {
      throw new KiosError('not-found', `no kiosk ${kioskId} was ever enrolled here`);
    }
    if (row.revokedAtMs !== null) throw new KiosError('kiosk-revoked', `${kioskId} is revoked`);
  }
}

/** The word that there is something to fetch, by a command that exists. One too many is left out: the kiosk asks anyhow. */
async function sendWord(store: Store, kioskId: string): Promise<void> {
  const commandId = ulid(store.nowMs(), systemRandom);
  const command = { name: 'reload-config', argument: null, whenIdle: 1, lifeMs: wordLifeMs };
  await store.giveCommand({ commandId, kioskId, ...command });
}

function readRow({ settings }: { settings: string }): Record<string, unknown> {
  return JSON.parse(settings) as Record<string, unknown>;
}

async function show(file: string, kioskId: string): Promise<void> {
  const row = await withStore(file, 'read', async (store) => {
    if ((await store.kiosk(kioskId)) === undefined) {
      throw new KiosError('not-found', `no kiosk ${kioskId} was ever enrolled here`);
    }
    return store.configAbove(kioskId, 0);
  });
  if (row === undefined) {
    say(`# nothing was pushed to ${kioskId}: it has its own file alone`);
    return;
  }
  const whom = row.kioskId === everyKiosk ? 'all kiosks' : kioskId;
  say(`# ${row.version}, pushed to ${whom} at ${new Date(row.pushedAtMs).toISOString()}`);
  process.stdout.write(stringify(readRow(row)));
}

interface Shown {
  kioskId: string;
  /** Null: nothing. */
  pushed: number | null;
  /** By its last word; left out by a kiosk that has not said it. */
  said: ConfigReport | null;
}

async function list(file: string, json: boolean): Promise<void> {
  await withStore(file, 'read', async (store) => {
    const versions = await store.configVersions();
    const forAll = versions.get(everyKiosk) ?? 0;
    if (!json) say(columns('kiosk', 'pushed', 'runs', 'refused'));
    let after = '';
    for (;;) {
      const lines = await store.kiosksAfter(after, pageSize);
      const last = lines.at(-1);
      if (last === undefined) return;
      for (const { kiosk } of lines) {
        const { kioskId, status } = kiosk;
        if (kiosk.revokedAtMs !== null) continue;
        const newest = Math.max(versions.get(kioskId) ?? 0, forAll);
        const pushed = newest === 0 ? null : newest;
        const shown: Shown = { kioskId, pushed, said: reportIn(status) };
        say(json ? JSON.stringify(shown) : asText(shown));
      }
      after = last.kiosk.kioskId;
    }
  });
}

/** Null: none came, or from a release that knows of no configuration from afar. */
function reportIn(status: string | null): ConfigReport | null {
  if (status === null) return null;
  return statusMessage.safeParse(JSON.parse(status)).data?.config ?? null;
}

function asText({ kioskId, pushed, said }: Shown): string {
  const { version, trial, refused } = said ?? {};
  const runs = version === undefined ? 'its own file' : `${version}${trial ? ', on trial' : ''}`;
  const why = refused === undefined ? '' : `${refused.version}: ${refused.why}`;
  return columns(kioskId, String(pushed ?? '-'), said === null ? '?' : runs, why);
}

function columns(kiosk: string, pushed: string, runs: string, refused: string): string {
  // A kiosk's own words go to the operator's terminal.
  const printable = refused.replace(/[^\x20-\x7e]/g, '?');
  return [kiosk.padEnd(10), pushed.padEnd(13), runs.padEnd(23), printable].join(' ').trimEnd();
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
