// `kios relay setup-sheet`: signed QRs for a technician to hold before a kiosk's scanner. A Wi-Fi's password is read from a
// file, never from the command line, and stands in the QR alone.
import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { z } from 'zod';
import { systemClock } from '../lib/clock.ts';
import { KiosError } from '../protocol/errors.ts';
import { netClaims } from '../protocol/root-request.ts';
import { sheetSettings, type Addressee, type Sheet } from '../protocol/sheet.ts';
import { signingKeyNow } from '../relay/key-chain.ts';
import { parseKioskId } from './relay-fleet.ts';
import { withStore } from './relay-store.ts';
import { handOver, keyOf, parseSite, sheetFault, textOf } from './sheet-making.ts';
import { withFile } from './with-file.ts';

const maxValidDays = 365;
const dayS = 24 * 3600;

interface SheetFlags {
  kiosk?: string;
  site?: string;
  validDays: number;
  key?: string;
  out?: string;
}

interface WifiFlags extends SheetFlags {
  ssid: string;
  passwordFile?: string;
  open?: true;
  wpa3?: true;
  hidden?: true;
}

interface SettingsFlags extends SheetFlags {
  language?: string;
  timeZone?: string;
  panelWidthMm?: number;
  rotation?: number;
}

/** Adds it to `kios relay`. */
export function addSheetCommands(relay: Command): void {
  const sheets = relay
    .command('setup-sheet')
    .description(
      'Makes a signed QR that sets up a kiosk: Wi-Fi or settings; safe while the relay runs.',
    );
  const config = (): string => relay.opts<{ config: string }>().config;
  addWifi(sheets, config);
  addSettings(sheets, config);
  sheets
    .command('key')
    .description('Prints the public key of these sheets: provision.sh --operator-key FILE.')
    .action(async () => {
      const key = await withStore(config(), 'change', (store, { stateDir }) =>
        signingKeyNow({ stateDir, store }),
      );
      const pem = createPublicKey(key.privateKey).export({ type: 'spki', format: 'pem' });
      process.stdout.write(pem.toString());
    });
}

function addWifi(sheets: Command, config: () => string): void {
  common(sheets.command('wifi'))
    .description('A Wi-Fi. Whoever has the sheet, or a photograph of it, has its password.')
    .requiredOption('--ssid <name>', 'name of the network, 1 to 32 bytes')
    .option('--password-file <file>', 'one line, 8 to 63 characters; -: standard input')
    .option('--open', 'a network without a password')
    .option('--wpa3', 'WPA3 alone (SAE)')
    .option('--hidden', 'the network does not tell its name')
    .action(async (flags: WifiFlags) => {
      const psk = passwordOf(flags);
      await make(config(), flags, (times) => ({
        kind: 'wifi',
        ...times,
        to: addresseeOf(flags),
        ssid: flags.ssid,
        ...(psk === undefined ? {} : { psk }),
        security: flags.wpa3 === true ? 'sae' : 'wpa-psk',
        hidden: flags.hidden === true,
      }));
    });
}

function addSettings(sheets: Command, config: () => string): void {
  common(sheets.command('settings'))
    .description('Settings of the kiosk, over those of its configuration file.')
    .addOption(new Option('--language <language>', 'what is read first').choices(['id', 'en']))
    .addOption(
      new Option('--time-zone <zone>', 'WIB, WITA, WIT').choices([
        'Asia/Jakarta',
        'Asia/Makassar',
        'Asia/Jayapura',
      ]),
    )
    .option(
      '--panel-width-mm <n>',
      'width of the picture, measured with a ruler',
      numberAs(sheetSettings.shape.panelWidthMm),
    )
    .option(
      '--rotation <degrees>',
      '0, 90, 180 or 270, clockwise',
      numberAs(sheetSettings.shape.rotation),
    )
    .action(async (flags: SettingsFlags) => {
      const { language, timeZone, panelWidthMm, rotation } = flags;
      const given = { language, timeZone, panelWidthMm, rotation };
      const { data: settings, error } = sheetSettings.safeParse(given);
      if (settings === undefined) throw sheetFault(error);
      if (Object.values(settings).every((value) => value === undefined)) {
        throw new KiosError('bad-request', 'name at least one setting, such as --language en');
      }
      await make(config(), flags, (times) => ({
        ...{ kind: 'settings', ...times, to: addresseeOf(flags), settings },
      }));
    });
}

function common(command: Command): Command {
  return command
    .option('-k, --kiosk <id>', 'for this kiosk alone', parseKioskId)
    .option('--site <name>', 'for every kiosk of this site, as it was enrolled', parseSite)
    .option('--valid-days <n>', 'how long a kiosk takes it', parseDays, 7)
    .option('--key <file>', "sign with this private key (PEM) and not with the relay's own")
    .option('--out <file>', 'the page to print, an SVG');
}

async function make(
  file: string,
  flags: SheetFlags,
  said: (times: { issuedS: number; deadlineS: number }) => Sheet,
): Promise<void> {
  const issuedS = Math.floor(systemClock.nowMs() / 1000);
  const deadlineS = issuedS + flags.validDays * dayS;
  const sheet = said({ issuedS, deadlineS });
  const key = await withStore(file, 'change', (store, config) => keyOf(flags.key, store, config));
  const qr = textOf(sheet, key);
  const name = 'to' in sheet ? Object.values(sheet.to).join() : '';
  handOver(qr, sheet, flags.out ?? `kios-${sheet.kind}-${name}.svg`, name);
}

function addresseeOf({ kiosk, site }: SheetFlags): Addressee {
  if (kiosk !== undefined && site === undefined) return { kioskId: kiosk };
  if (site !== undefined && kiosk === undefined) return { site };
  throw new KiosError('bad-request', 'name one of the two: --kiosk or --site');
}

/** Undefined: a network that is open, as was said. Nothing of a password is told, also of one that is wrong. */
function passwordOf({ passwordFile, open, wpa3 }: WifiFlags): string | undefined {
  if (passwordFile !== undefined && open === true) {
    throw new KiosError('bad-request', 'name one of the two: --password-file or --open');
  }
  if (passwordFile === undefined) {
    const need = 'name --password-file FILE (-: standard input)';
    if (wpa3 === true) throw new KiosError('bad-request', `WPA3 has a password: ${need}`);
    if (open === true) return undefined;
    throw new KiosError('bad-request', `${need}, or --open for a network without a password`);
  }
  const text = withFile(passwordFile, (file) => readFileSync(file === '-' ? 0 : file, 'utf8'));
  const read = netClaims.shape.psk.safeParse(text.replace(/\r?\n$/, ''));
  if (read.data !== undefined) return read.data;
  const why = read.error?.issues[0]?.message ?? 'no password';
  throw new KiosError('bad-request', `--password-file ${passwordFile}: one line of ${why}`);
}

function numberAs<T>(shape: z.ZodType<T>): (text: string) => T {
  return (text) => {
    const read = shape.safeParse(Number(text));
    if (read.success) return read.data;
    throw new InvalidArgumentError(read.error.issues[0]?.message ?? 'no such number');
  };
}

function parseDays(text: string): number {
  const days = Number(text);
  if (Number.isInteger(days) && days >= 1 && days <= maxValidDays) return days;
  throw new InvalidArgumentError(`a whole number of days, 1 to ${maxValidDays}`);
}
