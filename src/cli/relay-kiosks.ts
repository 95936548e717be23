// `kios relay kiosks`: who is out there, and how they are. Reads only; safe while the relay runs.
import { Option, type Command } from 'commander';
import { statusMessage, type StatusMessage } from '../protocol/topics.ts';
import { localTime, zones, type Zone } from '../relay/report-form.ts';
import { type KioskLine } from '../relay/store/day.ts';
import { withStore } from './relay-store.ts';

const pageSize = 500;
/** Commands that nobody but an intruder brings, by the kiosk's word for them. */
const suspicious = ['forged', 'not-ours'];

interface Shown {
  kioskId: string;
  state: 'online' | 'offline' | 'revoked';
  /** Its last message, UTC; null: none since it was enrolled. */
  statusAt: string | null;
  version: string | null;
  selling: boolean | null;
  /** Parts that are not well, as `printer: printer-paper-out`. */
  notOk: string[];
  /** Verdicts that it has not acknowledged. */
  unacked: number;
}

/** Adds the list of kiosks to `kios relay`. */
export function addKiosksCommand(relay: Command): void {
  relay
    .command('kiosks')
    .description('Lists the kiosks: online, last status, version, what is not well.')
    .addOption(
      new Option('--zone <zone>', 'whose clock').choices(Object.keys(zones)).default('WIB'),
    )
    .option('--json', 'one JSON document a line, times in UTC')
    .action(async ({ json, zone }: { json?: true; zone: Zone }) => {
      const { config } = relay.opts<{ config: string }>();
      await list(config, zone, json === true);
    });
}

async function list(file: string, zone: Zone, json: boolean): Promise<void> {
  await withStore(file, 'read', async (store) => {
    if (!json)
      say(columns('kiosk', 'state', `last status (${zone})`, 'version', 'unacked', 'not well'));
    let after = '';
    for (;;) {
      const lines = await store.kiosksAfter(after, pageSize);
      const last = lines.at(-1);
      if (last === undefined) return;
      for (const line of lines) {
        const shown = shownOf(line);
        say(json ? JSON.stringify(shown) : asText(shown, line.kiosk.statusAtMs, zone));
      }
      after = last.kiosk.kioskId;
    }
  });
}

function shownOf({ kiosk, unacked }: KioskLine): Shown {
  const status = statusOf(kiosk.status);
  const parts = Object.entries(status?.parts ?? {}).filter(([, part]) => !part.ok);
  return {
    kioskId: kiosk.kioskId,
    state: kiosk.revokedAtMs !== null ? 'revoked' : kiosk.online === 1 ? 'online' : 'offline',
    statusAt: kiosk.statusAtMs === null ? null : new Date(kiosk.statusAtMs).toISOString(),
    version: status?.version ?? null,
    selling: status?.selling ?? null,
    notOk: [
      ...parts.map(([name, { code }]) => (code === undefined ? name : `${name}: ${code}`)),
      ...suspicious.flatMap((why) => {
        const count = status?.refusedCommands?.[why];
        return count === undefined ? [] : [`commands ${why}: ${count}`];
      }),
    ],
    unacked,
  };
}

/** Undefined: none came, or an older version wrote it otherwise. */
function statusOf(text: string | null): StatusMessage | undefined {
  return text === null ? undefined : statusMessage.safeParse(JSON.parse(text)).data;
}

function asText(
  { kioskId, state, version, selling, notOk, unacked }: Shown,
  statusAtMs: number | null,
  zone: Zone,
): string {
  const ill = [...(selling === false ? ['does not sell'] : []), ...notOk].join(', ');
  const at = statusAtMs === null ? 'never' : localTime(statusAtMs, zone);
  return columns(kioskId, state, at, version ?? '-', String(unacked), ill);
}

function columns(
  kiosk: string,
  state: string,
  statusAt: string,
  version: string,
  unacked: string,
  ill: string,
): string {
  return [
    kiosk.padEnd(10),
    state.padEnd(8),
    statusAt.padEnd(20),
    printable(version).padEnd(12),
    unacked.padStart(7),
    printable(ill),
  ]
    .join(' ')
    .trimEnd();
}

/** A kiosk's own words go to the operator's terminal. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
