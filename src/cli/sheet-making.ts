// Makes signed set-up sheets out of what an operator asked for: the text of the QR, the page to print, the picture on the
// terminal. The page is its owner's alone: it holds a code or a password.
import { createPrivateKey, randomInt, type KeyObject } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import { ZodError } from 'zod';
import { systemClock } from '../lib/clock.ts';
import { KiosError } from '../protocol/errors.ts';
import { signSheet, siteName, type Sheet } from '../protocol/sheet.ts';
import { type RelayConfig } from '../relay/config.ts';
import { signingKeyNow } from '../relay/key-chain.ts';
import { KeyFault } from '../relay/signing-key.ts';
import { localTime } from '../relay/report-form.ts';
import { type Store } from '../relay/store/store.ts';
import { sheetOnTerminal, sheetSvg } from './sheet-page.ts';
import { withFile } from './with-file.ts';

/** 810,000 names a site: the first is free. */
const maxNames = 20;

/** What `kios relay enrolment --qr` was asked. */
export interface EnrolmentQr {
  kiosk: string;
  code: string;
  validMinutes: number;
  site?: string;
  key?: string;
  out?: string;
  /** Nothing but what is returned. */
  quiet: boolean;
}

/** The set-up QR of an enrolment: made, written and shown. Answers its text, and the key that it pins. */
export async function enrolmentSheet(
  store: Store,
  config: RelayConfig,
  asked: EnrolmentQr,
): Promise<{ qr: string; pin: string; file: string }> {
  const { kiosk, code, validMinutes, site, out = `kios-enrol-${kiosk}.svg`, quiet } = asked;
  const { publicJwk } = await signingKeyNow({ stateDir: config.stateDir, store });
  const issuedS = Math.floor(systemClock.nowMs() / 1000);
  const sheet: Sheet = {
    ...{ kind: 'enrol', issuedS, deadlineS: issuedS + validMinutes * 60 },
    ...(site === undefined ? {} : { site }),
    ...{ relayUrl: config.publicUrl, code: code.replaceAll('-', ''), pin: publicJwk.x },
  };
  const qr = textOf(sheet, await keyOf(asked.key, store, config));
  handOver(qr, sheet, out, site === undefined ? kiosk : `${kiosk}, ${site}`, quiet);
  return { qr, pin: publicJwk.x, file: out };
}

/** The pin of a typed enrolment; undefined where the keys lie elsewhere: a code is good without it. */
export async function pinOf(store: Store, { stateDir }: RelayConfig): Promise<string | undefined> {
  try {
    return (await signingKeyNow({ stateDir, store })).publicJwk.x;
  } catch (error) {
    if (error instanceof KeyFault) return undefined;
    throw error;
  }
}

/** A name for a kiosk that was given none: of its site, and nobody's yet. */
export async function mintKioskId(store: Store, site: string): Promise<string> {
  const letters = '23456789abcdefghjkmnpqrstuvwxyz';
  const stem = site.replaceAll('-', '').slice(0, 5);
  for (let tries = 0; tries < maxNames; tries++) {
    const tail = Array.from({ length: 4 }, () => letters.charAt(randomInt(letters.length)));
    const id = `${stem}${tail.join('')}`;
    if ((await store.kiosk(id)) === undefined) return id;
  }
  throw new KiosError('bad-request', `no name is free for ${site}; give one: --kiosk`);
}

export function parseSite(text: string): string {
  const parsed = siteName.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError(parsed.error.issues[0]?.message ?? 'no name of a site');
}

/** The key that signs: a file, or the relay's own of now. */
export async function keyOf(
  file: string | undefined,
  store: Store,
  { stateDir }: RelayConfig,
): Promise<KeyObject> {
  if (file !== undefined) {
    return keyIn(file);
  }
  return (await signingKeyNow({ stateDir, store })).privateKey;
}

function keyIn(file: string): KeyObject {
  const pem = withFile(file, () => readFileSync(file));
  let key: KeyObject | undefined;
  let fault: unknown;
  try {
    key = createPrivateKey(pem);
  } catch (error) {
    fault = error;
  }
  if (key?.asymmetricKeyType === 'ed25519') return key;
  throw new KiosError('bad-request', `${file} holds no Ed25519 private key in PEM`, fault);
}

/** @throws KiosError with what is wrong with the sheet */
export function textOf(sheet: Sheet, key: KeyObject): string {
  try {
    return signSheet(sheet, key);
  } catch (error) {
    if (error instanceof RangeError) {
      throw new KiosError('too-large', `${error.message}: take a shorter address or site`, error);
    }
    throw error instanceof ZodError ? sheetFault(error) : error;
  }
}

/** The first thing that is wrong with a sheet. */
export function sheetFault(error: ZodError): KiosError {
  const [issue] = error.issues;
  return new KiosError('bad-request', `${issue?.path.join('.')}: ${issue?.message}`, error);
}

/** On the disk for its owner alone, over no other file; on a terminal as a picture. @throws KiosError */
export function handOver(
  qr: string,
  sheet: Sheet,
  out: string,
  whose: string,
  quiet = false,
): void {
  const page = sheetSvg({ qr, ...wordsOf(sheet, whose) });
  withFile(out, () => {
    writeFileSync(out, page, { mode: 0o600, flag: 'wx' });
  });
  if (quiet) return;
  if (process.stdout.isTTY) process.stdout.write(`${sheetOnTerminal(qr).join('\n')}\n`);
  process.stdout.write(`The page to print: ${out}. Destroy it when the kiosk is set up.\n`);
}

const kinds = {
  enrol: ['Pendaftaran mesin', 'Enrolment of a kiosk'],
  wifi: ['Wi-Fi mesin', 'Wi-Fi of a kiosk'],
  settings: ['Setelan mesin', 'Settings of a kiosk'],
} as const satisfies Record<Sheet['kind'], readonly [string, string]>;

function wordsOf(sheet: Sheet, whose: string): { title: string; lines: readonly string[] } {
  const [id, en] = kinds[sheet.kind];
  const until = `${localTime(sheet.deadlineS * 1000, 'WIB')} WIB`;
  const wifi = sheet.kind === 'wifi' ? [`Wi-Fi: ${sheet.ssid}`] : [];
  const secret = sheet.kind === 'settings' ? [] : ['RAHASIA – SECRET'];
  return {
    title: `kios – ${id} · ${en}`,
    lines: [
      ...[`${whose} – sampai / until ${until}`, ...wifi, ...secret],
      sheet.kind === 'enrol'
        ? 'Nyalakan mesin, tunggu "Pindai QR penyiapan", pegang lembar ini di depan pemindai.'
        : 'Buka layar teknisi (C, 00, kode, Enter), pegang lembar ini di depan pemindai.',
      sheet.kind === 'enrol'
        ? 'Switch the kiosk on, wait for "Scan the set-up QR", hold this sheet before its scanner.'
        : "Open the technician's screen (C, 00, the code, Enter), hold this sheet before the scanner.",
      'Bukan QR pembayaran. Setelah selesai, musnahkan. – Not for paying. Destroy it afterwards.',
    ],
  };
}
