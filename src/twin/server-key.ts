// The Server Key: read from its file, compared in constant time. Never in a log, never in an answer.
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ConfigError } from '../lib/config-file.ts';

const maxLength = 200;

/** The key without the line's end. @throws ConfigError when the file cannot be read or holds no key. */
export function readServerKey(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new ConfigError(file, ['serverKeyFile cannot be read'], error);
  }
  if (text === '' || text.length > maxLength || /\s/.test(text)) {
    throw new ConfigError(file, ['serverKeyFile must hold one key and nothing else']);
  }
  return text;
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
