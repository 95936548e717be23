// Packs a support bundle: what whoever helps asks for, each piece bounded in bytes and time. A piece that cannot be had is a
// line in the bundle, never a failure of it. What goes in is chosen by who calls; a second net blanks what looks secret.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { wait, type Clock } from '../lib/clock.ts';
import { maxSupportBytes } from '../protocol/support.ts';
import { packRelease } from './bundle-archive.ts';
import { hideSecrets } from './hide-secrets.ts';

export interface SupportPiece {
  /** Its name in the bundle. */
  file: string;
  /** Of a text that is too long: `end` keeps the newest lines of a log. */
  keep?: 'start' | 'end';
  read: () => Promise<string> | string;
}

export interface SupportLimits {
  /** Of one piece. */
  pieceBytes: number;
  pieceMs: number;
  /** Of all of them together. */
  allBytes: number;
}

/** Headers and padding of the archive, for more files than there are. */
const frameBytes = 64 * 1024;
export const supportLimits: SupportLimits = {
  pieceBytes: 384 * 1024,
  pieceMs: 15_000,
  // However badly it compresses, the archive stays below what the relay takes.
  allBytes: maxSupportBytes - frameBytes,
};

/**
 * The bundle as the bytes of a `.tar.gz` with one folder in it.
 * @param name of that folder
 * @throws ToolError without tar or gzip
 */
export async function packSupport(
  name: string,
  pieces: readonly SupportPiece[],
  clock: Clock,
  limits: SupportLimits = supportLimits,
): Promise<Uint8Array> {
  const work = await mkdtemp(join(tmpdir(), 'kios-support-'));
  try {
    const folder = join(work, name);
    await mkdir(folder);
    let leftBytes = limits.allBytes;
    // One after the other: the machine goes on selling meanwhile.
    for (const piece of pieces) {
      const text = hideSecrets(await textOf(piece, clock, limits.pieceMs));
      const bytes = cut(Buffer.from(text), Math.min(limits.pieceBytes, leftBytes), piece.keep);
      leftBytes -= bytes.length;
      await writeFile(join(folder, piece.file), bytes, { mode: 0o600 });
    }
    const archive = join(work, `${name}.tar.gz`);
    await packRelease(folder, archive);
    return await readFile(archive);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function textOf({ read }: SupportPiece, clock: Clock, limitMs: number): Promise<string> {
  const ended = new AbortController();
  try {
    const late = wait(clock, limitMs, ended.signal).then(() => `! no answer in ${limitMs} ms\n`);
    return await Promise.race([Promise.resolve().then(read), late]);
  } catch (error) {
    return `! ${error instanceof Error ? error.message : String(error)}\n`;
  } finally {
    ended.abort();
  }
}

function cut(bytes: Buffer, most: number, keep: SupportPiece['keep'] = 'start'): Buffer {
  if (bytes.length <= most) return bytes;
  return keep === 'end' ? bytes.subarray(bytes.length - most) : bytes.subarray(0, most);
}
