// `kios relay command`, `commands`: what an operator asks of kiosks from afar, and what came of it. Safe while
// the relay runs, which signs and sends it.
import { Argument, InvalidArgumentError, Option, type Command } from 'commander';
import { ulid } from 'ulid';
import {
  argumentFault,
  commandNames,
  maxCommandLifeMs,
  maxMessageS,
  type CommandName,
} from '../protocol/command.ts';
import { KiosError } from '../protocol/errors.ts';
import { kioskId } from '../protocol/ids.ts';
import { localTime, zones, type Zone } from '../relay/report-form.ts';
import { type Giving } from '../relay/store/commands.ts';
import { type CommandRow } from '../relay/store/schema.ts';
import { type Store } from '../relay/store/store.ts';
import { dayMs, durationUpTo } from './duration.ts';
import { parseKioskId } from './relay-fleet.ts';
import { withStore } from './relay-store.ts';
import { systemRandom } from './run-process.ts';

const defaultLifeMs = 600_000;
const pageSize = 500;
const maxListed = 1_000;

interface Flags {
  all?: true;
  whenIdle?: true;
  deadline: number;
  text?: string;
  for?: number;
}

/** Adds them to `kios relay`. */
export function addCommandCommands(relay: Command): void {
  addCommand(relay);
  addList(relay);
}

function addCommand(relay: Command): void {
  relay
    .command('command')
    .description('Asks something of a kiosk, or of all; safe while the relay runs.')
    .addArgument(new Argument('<kiosk-and-command...>', 'ksk01 restart; with --all only restart'))
    .option('--all', 'of every kiosk that is not revoked')
    .option('--when-idle', 'it waits for a moment in which nobody is served')
    .addOption(
      new Option('--deadline <duration>', 'after it nothing is done any more')
        .argParser(durationUpTo(maxCommandLifeMs))
        .default(defaultLifeMs, '10m'),
    )
    .option('--text <words>', 'for show-message: at most 120 characters')
    .addOption(
      new Option('--for <duration>', 'for show-message: how long it stands there').argParser(
        durationUpTo(maxMessageS * 1_000),
      ),
    )
    .addHelpText(
      'after',
      `
Commands: ${commandNames.join(', ')}.
None of them touches a sale in hand. What needs a moment in which nobody is served (restart, reload-config, test-print)
is refused at any other, or waits for it with --when-idle. What came of it: kios relay --config FILE commands`,
    )
    .action((words: string[], flags: Flags) => giveAll(configOf(relay), words, flags));
}

function addList(relay: Command): void {
  relay
    .command('commands')
    .description('Lists what was asked of the kiosks and what came of it, the newest first.')
    .option('-k, --kiosk <id>', 'of this one alone', parseKioskId)
    .option('--last <n>', 'so many', parseCount, 50)
    .addOption(
      new Option('--zone <zone>', 'whose clock').choices(Object.keys(zones)).default('WIB'),
    )
    .option('--json', 'one JSON document a line, times in UTC')
    .action((flags: { kiosk?: string; last: number; zone: Zone; json?: true }) =>
      list(configOf(relay), flags),
    );
}

function configOf(relay: Command): string {
  return relay.opts<{ config: string }>().config;
}

async function giveAll(file: string, words: readonly string[], flags: Flags): Promise<void> {
  const kiosk = flags.all === true ? undefined : words[0];
  const name = flags.all === true ? words[0] : words[1];
  const wanted = flags.all === true ? 1 : 2;
  const known = commandNames.find((one) => one === name);
  if (words.length !== wanted || name === undefined) {
    const form = flags.all === true ? '--all COMMAND' : 'KIOSK COMMAND, or --all COMMAND';
    throw new KiosError(
      'bad-request',
      `write ${form}; COMMAND is one of ${commandNames.join(', ')}`,
    );
  }
  if (known === undefined) {
    throw new KiosError(
      'bad-request',
      `"${name}" is no command; write one of ${commandNames.join(', ')}`,
    );
  }
  if (kiosk !== undefined && !kioskId.safeParse(kiosk).success) {
    throw new KiosError('bad-request', `${kiosk} is no kiosk id, such as ksk01`);
  }
  const argument = argumentOf(known, flags);
  await withStore(file, 'change', async (store, { supportDir }) => {
    if (known === 'send-bundle' && supportDir === undefined) {
      throw new KiosError('not-found', `${file} names no supportDir: this relay keeps no bundles`);
    }
    const kiosks = kiosk === undefined ? await livingKiosks(store) : [kiosk];
    if (kiosks.length === 0) {
      throw new KiosError('not-found', 'no kiosk is enrolled here, or each of them is revoked');
    }
    let failed = 0;
    for (const to of kiosks) {
      const commandId = ulid(store.nowMs(), systemRandom);
      const giving = await store.giveCommand({
        ...{ commandId, kioskId: to, name: known, argument },
        whenIdle: flags.whenIdle === true ? 1 : 0,
        lifeMs: flags.deadline,
      });
      if (giving !== 'given') failed++;
      say(`${to}: ${givingWords(giving, commandId)}`);
    }
    if (failed > 0) process.exitCode = 1;
  });
}

/** @throws KiosError `bad-request` */
function argumentOf(name: CommandName, { text, for: forMs }: Flags): string | null {
  const given = text !== undefined || forMs !== undefined;
  const argument = given ? { text, forS: (forMs ?? dayMs / 24) / 1_000 } : undefined;
  const fault = argumentFault(name, argument);
  if (fault === undefined) return argument === undefined ? null : JSON.stringify(argument);
  throw new KiosError(
    'bad-request',
    name === 'show-message'
      ? 'show-message takes --text "…" (1 to 120 characters, no line breaks) and --for (10s to 24h)'
      : fault,
  );
}

function givingWords(giving: Giving, commandId: string): string {
  switch (giving) {
    case 'given':
      return `${commandId} is given`;
    case 'unknown-kiosk':
      return 'no such kiosk was ever enrolled here';
    case 'revoked':
      return 'it is revoked';
    case 'crowded':
      return 'it has as many unanswered commands as it may have; wait for their deadlines';
  }
}

/** All that are not revoked. */
export async function livingKiosks(store: Store): Promise<string[]> {
  const living: string[] = [];
  let after = '';
  for (;;) {
    const lines = await store.kiosksAfter(after, pageSize);
    const last = lines.at(-1);
    if (last === undefined) return living;
    for (const { kiosk } of lines) if (kiosk.revokedAtMs === null) living.push(kiosk.kioskId);
    after = last.kiosk.kioskId;
  }
}

async function list(
  file: string,
  { kiosk, last, zone, json }: { kiosk?: string; last: number; zone: Zone; json?: true },
): Promise<void> {
  await withStore(file, 'read', async (store) => {
    if (kiosk !== undefined && (await store.kiosk(kiosk)) === undefined) {
      throw new KiosError('not-found', `no kiosk ${kiosk} was ever enrolled here`);
    }
    const rows = await store.newestCommands(last, kiosk);
    if (json !== true) {
      say(columns('command', 'kiosk', 'what', `given (${zone})`, 'until', 'came of it'));
    }
    for (const row of rows) say(json === true ? asJson(row, store) : asText(row, store, zone));
  });
}

/** What nobody has answered in time will never be done. */
function stateOf({ state, deadlineAtMs }: CommandRow, store: Store): string {
  return state === 'open' && deadlineAtMs <= store.nowMs() ? 'expired' : state;
}

function asJson(row: CommandRow, store: Store): string {
  const { commandId, name, argument, whenIdle, givenAtMs, deadlineAtMs, why } = row;
  return JSON.stringify({
    ...{ commandId, kioskId: row.kioskId, name, whenIdle: whenIdle === 1 },
    ...{ state: stateOf(row, store), why },
    argument: argument === null ? null : (JSON.parse(argument) as unknown),
    givenAt: new Date(givenAtMs).toISOString(),
    deadline: new Date(deadlineAtMs).toISOString(),
    answeredAt: row.answeredAtMs === null ? null : new Date(row.answeredAtMs).toISOString(),
  });
}

function asText(row: CommandRow, store: Store, zone: Zone): string {
  const { commandId, name, givenAtMs, deadlineAtMs, why } = row;
  const state = stateOf(row, store);
  const outcome = why === null || why === '' ? state : `${state}: ${printable(why)}`;
  const at = (ms: number): string => localTime(ms, zone);
  return columns(commandId, row.kioskId, name, at(givenAtMs), at(deadlineAtMs), outcome);
}

function columns(
  id: string,
  kiosk: string,
  name: string,
  given: string,
  until: string,
  outcome: string,
): string {
  return [
    id.padEnd(26),
    kiosk.padEnd(10),
    name.padEnd(14),
    given.padEnd(20),
    until.padEnd(20),
    outcome,
  ]
    .join(' ')
    .trimEnd();
}

/** A kiosk's own words go to the operator's terminal. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}

function parseCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= maxListed) return count;
  throw new InvalidArgumentError(`a whole number, 1 to ${maxListed}`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
