// A sheet for Wi-Fi or settings, once its signature is known to be good: for whom, until when, once. The Wi-Fi goes on to root
// as it was read, which verifies it again; its password is in no log and on no screen.
import { readFileSync } from 'node:fs';
import { createPublicKey, randomBytes, type KeyObject } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { ChainKey } from '../protocol/api.ts';
import { KiosError, type ErrorCode } from '../protocol/errors.ts';
import { isFor, type SettingsSheet, type WifiSheet } from '../protocol/sheet.ts';
import type { AskRoot } from './ask-root.ts';
import { keepSettings } from './sheet-settings.ts';

/** Provisioning puts it there (scripts/provision.sh --operator-key). */
export const operatorKeyFile = '/etc/kios/operator.pub';

/** Root's unit starts, and NetworkManager tries for half a minute. */
const rootLimitMs = 90_000;

export interface SheetTaking {
  stateDir: string;
  /** Undefined: this kiosk has no name yet, and whatever its operator has signed is for it. */
  own: { kioskId: string; site?: string | undefined } | undefined;
  /** Links of the relay's key chain that root may not know. */
  links: () => readonly ChainKey[];
  askRoot: AskRoot;
  clock: Clock;
  log: Log;
  signal: AbortSignal;
}

/**
 * Does what a verified sheet says. Never rejects: whoever holds a sheet up must not end the kiosk.
 * @param text as it was read
 * @returns `taken`, or why not
 */
export async function takeSheet(
  sheet: WifiSheet | SettingsSheet,
  text: string,
  taking: SheetTaking,
): Promise<'taken' | ErrorCode> {
  const { stateDir, own, clock, log } = taking;
  if (own !== undefined && !isFor(sheet.to, own)) return 'sheet-other-kiosk';
  if (sheet.deadlineS * 1000 <= clock.nowMs()) return 'sheet-expired';
  try {
    if (sheet.kind === 'wifi') return await askForWifi(text, taking);
    return keepSettings(stateDir, sheet) ? 'taken' : 'sheet-used';
  } catch (error) {
    log.error({ err: error }, 'set-up.not-kept');
    return error instanceof KiosError ? error.code : 'sheet-not-kept';
  }
}

async function askForWifi(
  token: string,
  { links, askRoot, signal }: SheetTaking,
): Promise<'taken' | ErrorCode> {
  const id = randomBytes(12).toString('base64url');
  const answer = await askRoot('net', { id, token, links: [...links()] }, rootLimitMs, signal);
  switch (answer?.outcome) {
    case 'done':
      return 'taken';
    case 'failed':
      return 'sheet-failed';
    case 'refused':
      // All else that root looks at was looked at before.
      return 'sheet-used';
    case undefined:
      return 'sheet-not-kept';
  }
}

/**
 * The operator's key that provisioning brought; undefined: none.
 * @throws KiosError when there is one that cannot be used: then nobody's sheet may be taken in its place
 */
export function readOperatorKey(path: string): KeyObject | undefined {
  try {
    return createPublicKey(readFileSync(path));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new KiosError('config-invalid', `${path} holds no public key that can be read`, error);
  }
}
