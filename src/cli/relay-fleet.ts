// `kios relay enrolment`, `revoke`, `reboots`: who may be a kiosk of this relay. Safe while the relay runs.
import { randomBytes } from 'node:crypto';
import { InvalidArgumentError, type Command } from 'commander';
import { KiosError } from '../protocol/errors.ts';
import { kioskId } from '../protocol/ids.ts';
import { codeBytes, formatCode, hashCode } from '../relay/fleet/codes.ts';
import { localTime } from '../relay/report-form.ts';
import { maxBootsADay } from '../relay/store/boots.ts';
import { withStore } from './relay-store.ts';
import { enrolmentSheet, mintKioskId, parseSite, pinOf } from './sheet-making.ts';

const maxValidMinutes = 7 * 24 * 60;

/** Adds them to `kios relay`. */
export function addFleetCommands(relay: Command): void {
  addEnrolmentCommand(relay);
  addRevokeCommand(relay);
  addRebootsCommand(relay);
}

function addEnrolmentCommand(relay: Command): void {
  relay
    .command('enrolment')
    .description('Makes a one-time code with which a kiosk enrols; safe while the relay runs.')
    .option('-k, --kiosk <id>', 'the kiosk, such as ksk01; left out: a new name', parseKioskId)
    .option('--site <name>', 'the site that it belongs to, such as kuta-square', parseSite)
    .option('--valid-minutes <n>', 'how long the code is good', parseMinutes, 60)
    .option('--qr', 'also the QR to hold before the scanner of a kiosk that is not enrolled')
    .option('--out <file>', 'with --qr: the page to print, an SVG')
    .option('--key <file>', "with --qr: sign with this private key and not with the relay's own")
    .option('--json', 'print { code, kioskId, validMinutes, pin, qr }')
    .addHelpText('after', needsConfig('enrolment'))
    .action((options: EnrolmentFlags) => makeCode(configOf(relay), options));
}

interface EnrolmentFlags {
  kiosk?: string;
  site?: string;
  validMinutes: number;
  qr?: true;
  out?: string;
  key?: string;
  json?: true;
}

function addRevokeCommand(relay: Command): void {
  relay
    .command('revoke')
    .description(
      'Takes a kiosk out of service: its key is worth nothing; safe while the relay runs.',
    )
    .requiredOption('-k, --kiosk <id>', 'the kiosk, such as ksk01', parseKioskId)
    .addHelpText(
      'after',
      `${needsConfig('revoke')}

Its connection ends within seconds. Its open sales are stopped at Midtrans; what it was paid for and has not reported
becomes a claim for the operator. To bring it back, enrol it anew.`,
    )
    .action((options: { kiosk: string }) => revoke(configOf(relay), options.kiosk));
}

function addRebootsCommand(relay: Command): void {
  relay
    .command('reboots')
    .description(
      'Lets a kiosk in again that was turned away because it began anew too often; safe while the relay runs.',
    )
    .requiredOption('-k, --kiosk <id>', 'the kiosk, such as ksk01', parseKioskId)
    .addHelpText(
      'after',
      `${needsConfig('reboots')}

A kiosk may begin anew ${maxBootsADay} times within 24 hours. First find out why it did: a fault in its power or its programs, or a
second machine with its card. This counts from the start again; a copy of the card stays out.`,
    )
    .action((options: { kiosk: string }) => forgiveReboots(configOf(relay), options.kiosk));
}

/** The parent's option: `kios relay enrolment --config FILE` and `kios relay --config FILE enrolment` both work. */
function configOf(relay: Command): string {
  return relay.opts<{ config: string }>().config;
}

function needsConfig(subcommand: string): string {
  return `
Needs the relay's configuration: kios relay --config FILE ${subcommand} --kiosk ksk01`;
}

async function makeCode(file: string, options: EnrolmentFlags): Promise<void> {
  const { site, validMinutes, json } = options;
  if (options.kiosk === undefined && site === undefined) {
    throw new KiosError('bad-request', 'name the kiosk (--kiosk ksk01), or its site (--site kuta)');
  }
  if (options.qr === undefined && (options.out !== undefined || options.key !== undefined)) {
    throw new KiosError('bad-request', '--out and --key are for the QR: add --qr');
  }
  const code = formatCode(randomBytes(codeBytes));
  const made = await withStore(file, 'change', async (store, config) => {
    const kiosk = options.kiosk ?? (await mintKioskId(store, site ?? ''));
    // Before the code counts: what cannot be printed leaves none behind.
    const sheet =
      options.qr === undefined
        ? { pin: await pinOf(store, config) }
        : await enrolmentSheet(store, config, {
            ...{ ...options, kiosk, code, quiet: json === true },
          });
    await store.addEnrolment(hashCode(code), kiosk, validMinutes * 60_000);
    return { kiosk, relayUrl: config.publicUrl, ...sheet };
  });
  const { kiosk, relayUrl, pin } = made;
  if (json === true) {
    const qr = 'qr' in made ? { qr: made.qr } : {};
    process.stdout.write(`${JSON.stringify({ code, kioskId: kiosk, validMinutes, pin, ...qr })}\n`);
    return;
  }
  const pinned = pin === undefined ? '' : ` --pin ${pin}`;
  const more = site === undefined ? '' : ` --site ${site}`;
  process.stdout.write(
    `${code}\nGood for ${validMinutes} minutes, once: on ${kiosk} run\n` +
      `sudo -u kios kios enrol --relay ${relayUrl} --code ${code}${pinned}${more} --state /var/lib/kios\n`,
  );
}

async function revoke(file: string, kiosk: string): Promise<void> {
  const before = await withStore(file, 'change', async (store) => {
    const row = await store.kiosk(kiosk);
    if (row?.revokedAtMs === null) await store.revoke(kiosk);
    return row;
  });
  if (before === undefined) {
    throw new KiosError('not-found', `no kiosk ${kiosk} was ever enrolled here`);
  }
  const atMs = before.revokedAtMs;
  const when = atMs === null ? '' : ` already, since ${localTime(atMs, 'WIB')} WIB`;
  process.stdout.write(`${kiosk} is revoked${when}.\n`);
}

async function forgiveReboots(file: string, kiosk: string): Promise<void> {
  const boots = await withStore(file, 'change', async (store) => {
    if ((await store.kiosk(kiosk)) === undefined) return undefined;
    return store.forgiveBoots(kiosk);
  });
  if (boots === undefined) {
    throw new KiosError('not-found', `no kiosk ${kiosk} was ever enrolled here`);
  }
  process.stdout.write(
    `${kiosk} began anew ${boots} times within 24 hours; these count no more.\n`,
  );
}

export function parseKioskId(text: string): string {
  const parsed = kioskId.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError(parsed.error.issues[0]?.message ?? 'not a kiosk id');
}

function parseMinutes(text: string): number {
  const minutes = Number(text);
  if (Number.isInteger(minutes) && minutes >= 1 && minutes <= maxValidMinutes) return minutes;
  throw new InvalidArgumentError(`a whole number of minutes, 1 to ${maxValidMinutes}`);
}
