// The Server Key: read from its file, compared in constant time. Never in a log, never in an answer.
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ConfigError } from '../lib/config-file.ts';

const maxLength = 200;

/** `why` names the file and what to do; never its content. */
export type FoundServerKey = { kind: 'key'; key: string } | { kind: 'none'; why: string };

/** The key without the line's end. */
export function findServerKey(file: string): FoundServerKey {
  let key: string;
  try {
    key = readFileSync(file, 'utf8').trim();
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    const why = missing
      ? `there is no ${file}; put any text there, the same one that the relay has as its Server Key`
      : `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    return { kind: 'none', why };
  }
  if (key === '' || key.length > maxLength || /\s/.test(key)) {
    return { kind: 'none', why: `${file} must hold one key and nothing else` };
  }
  return { kind: 'key', key };
}

/** @throws ConfigError when the file cannot be read or holds no key */
export function readServerKey(file: string): string {
  const found = findServerKey(file);
  if (found.kind === 'none') throw new ConfigError(file, [`serverKeyFile: ${found.why}`]);
  return found.key;
}

/** True for `Basic base64(key + ":")`, with the colon inside of the encoded text and nothing after it. */
export function isAuthorised(header: string | undefined, serverKey: string): boolean {
  const wanted = `Basic ${Buffer.from(`${serverKey}:`).toString('base64')}`;
  return timingSafeEqual(digest(header ?? ''), digest(wanted));
}

/** Digests have one length, as the comparison needs. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
