// The Server Key of Midtrans, from its file or systemd credential. Says where it is missing, never what it is.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ServerKeyPlace {
  serverKeyFile?: string | undefined;
  serverKeyCredential?: string | undefined;
}

/** `why` names the file and what to do; never its content. */
export type FoundServerKey =
  { kind: 'key'; key: string } | { kind: 'none'; setting: keyof ServerKeyPlace; why: string };

const maxKeyLength = 200;

/** @param credentialsDirectory systemd's `$CREDENTIALS_DIRECTORY` */
export function findServerKey(
  place: ServerKeyPlace,
  credentialsDirectory: string | undefined,
): FoundServerKey {
  const { serverKeyFile, serverKeyCredential } = place;
  const setting = serverKeyCredential === undefined ? 'serverKeyFile' : 'serverKeyCredential';
  const none = (why: string): FoundServerKey => ({ kind: 'none', setting, why });
  if (serverKeyCredential !== undefined && credentialsDirectory === undefined) {
    return none('a credential needs systemd (LoadCredential=); by hand, name a serverKeyFile');
  }
  const file =
    serverKeyCredential === undefined
      ? (serverKeyFile ?? '')
      : join(credentialsDirectory ?? '', serverKeyCredential);
  let key: string;
  try {
    key = readFileSync(file, 'utf8').trim();
  } catch (error) {
    return none(whyUnreadable(file, error));
  }
  if (key.length === 0 || key.length > maxKeyLength || /[^\x21-\x7e]/.test(key)) {
    return none(`${file} does not hold a Server Key: one line of plain text`);
  }
  return { kind: 'key', key };
}

/** @throws Error naming the file, never its content */
export function readServerKey(
  place: ServerKeyPlace,
  credentialsDirectory: string | undefined,
): string {
  const found = findServerKey(place, credentialsDirectory);
  if (found.kind === 'none') throw new Error(`midtrans.${found.setting}: ${found.why}`);
  return found.key;
}

function whyUnreadable(file: string, error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') {
    return `there is no ${file}; put the Server Key of your Midtrans account there (one line, chmod 600), or name the file where it is`;
  }
  if (code === 'EACCES') return `${file} may not be read by this user`;
  return `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
}
