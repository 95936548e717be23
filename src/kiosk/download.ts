// Fetches one file into a folder: whole, of the right sum and no larger than it may be, or not at all. It follows no
// redirect and never runs or unpacks what it has fetched.
import { createHash } from 'node:crypto';
import { renameSync, rmSync, statfsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { request as requestHttp, type IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { dirname } from 'node:path';
import { KiosError } from '../protocol/errors.ts';

export interface Download {
  url: URL;
  /** Where it lies once it is whole. */
  path: string;
  maxBytes: number;
  /** Lower-case hex; left out where root finds a damaged one out by itself. */
  sha256?: string;
  /** What must be left on the disk beside it. */
  leaveBytes: number;
  /** A server that says nothing for so long has gone. */
  silenceMs: number;
  /** From asking to the last byte. */
  limitMs: number;
  /** Resolves when the line is free: customers come first. */
  mayGoOn: () => Promise<void>;
  signal: AbortSignal;
}

/**
 * @throws KiosError `download-failed` with what is wrong, in words
 */
export async function download(wanted: Download): Promise<void> {
  const { path, sha256, signal, limitMs } = wanted;
  const beside = `${path}.part`;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
  rmSync(beside, { force: true });
  try {
    const answer = await ask(wanted, limit);
    const sum = await keep(answer, beside, wanted, limit);
    if (sha256 !== undefined && sum !== sha256) throw failed('it has another SHA-256');
    renameSync(beside, path);
  } catch (error) {
    if (error instanceof KiosError) throw error;
    throw failed(error instanceof Error ? error.message : String(error), error);
  } finally {
    rmSync(beside, { force: true });
  }
}

async function ask({ url, silenceMs }: Download, signal: AbortSignal): Promise<IncomingMessage> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const send = url.protocol === 'https:' ? requestHttps : requestHttp;
    // A connection of its own, never kept.
    const request = send(url, { signal, agent: false, timeout: silenceMs }, resolve);
    request.on('timeout', () => request.destroy(new Error('the server says nothing')));
    request.on('error', reject);
    request.end();
  });
  if (answer.statusCode === 200) return answer;
  answer.destroy();
  throw failed(`HTTP ${answer.statusCode ?? 0}`);
}

/** Answers its SHA-256. */
async function keep(
  answer: IncomingMessage,
  beside: string,
  { path, maxBytes, leaveBytes, mayGoOn }: Download,
  signal: AbortSignal,
): Promise<string> {
  const length = Number(answer.headers['content-length'] ?? NaN);
  if (!(length <= maxBytes)) {
    answer.destroy();
    throw failed('it is larger than any bundle, or does not say how large');
  }
  const { bavail, bsize } = statfsSync(dirname(path));
  if (bavail * bsize < length + leaveBytes) {
    answer.destroy();
    throw failed('there is too little room on the disk');
  }
  const hash = createHash('sha256');
  const file = await open(beside, 'wx', 0o600);
  try {
    // Node ends with an error what is cut off, and reads no more than the length that was told.
    for await (const chunk of answer as AsyncIterable<Uint8Array>) {
      hash.update(chunk);
      await file.writeFile(chunk);
      await mayGoOn();
      signal.throwIfAborted();
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return hash.digest('hex');
}

function failed(why: string, cause?: unknown): KiosError {
  return new KiosError('download-failed', why, cause);
}
