// Runs a file with the code that V8 made of it at an earlier start, so that no start compiles it again. Kept code that was
// not made of this very file, was damaged, or belongs to another user is never run.
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { Script } from 'node:vm';

/** Late enough that all which a start needs has been compiled, and early enough that little else has. */
const keepAfterMs = 10_000;
/** Four times what the kiosk's is. */
const maxCodeBytes = 8 * 1024 * 1024;
const digestBytes = 32;

/**
 * Runs `file`: one function of `require` and the file's name.
 * @param codeFile where its code is kept: SHA-256 of text and code, then the code; undefined: nowhere
 * @returns whether kept code was run; if not, it is kept after `afterMs`
 */
export function runCompiled(file: string, codeFile?: string, afterMs = keepAfterMs): boolean {
  const text = readFileSync(file);
  const kept = codeFile === undefined ? undefined : readCode(codeFile, text);
  const script = new Script(text.toString('utf8'), {
    filename: file,
    ...(kept === undefined ? {} : { cachedData: kept }),
  });
  // Rejected: another Node made it, or the same with other flags.
  const isKept = kept !== undefined && script.cachedDataRejected !== true;
  if (codeFile !== undefined && !isKept) {
    setTimeout(() => void keepCode(codeFile, text, script), afterMs).unref();
  }
  const program = script.runInThisContext() as (require: NodeJS.Require, name: string) => void;
  program(createRequire(file), file);
  return isKept;
}

/** V8 looks at no more than the length of the text, and not at its own code: both are held by the digest. */
function readCode(codeFile: string, text: Uint8Array): Buffer | undefined {
  let bytes: Buffer;
  try {
    const { size, uid } = statSync(codeFile);
    if (size <= digestBytes || size > maxCodeBytes || uid !== process.getuid?.()) return undefined;
    bytes = readFileSync(codeFile);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    return undefined;
  }
  const code = bytes.subarray(digestBytes);
  return timingSafeEqual(digestOf(text, code), bytes.subarray(0, digestBytes)) ? code : undefined;
}

/** A disk that does not take it costs time at the next start, and nothing else. */
async function keepCode(codeFile: string, text: Uint8Array, script: Script): Promise<void> {
  const code = script.createCachedData();
  const unfinished = `${codeFile}.new`;
  try {
    await writeFile(unfinished, Buffer.concat([digestOf(text, code), code]), { mode: 0o600 });
    await rename(unfinished, codeFile);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
  }
}

function digestOf(text: Uint8Array, code: Uint8Array): Buffer {
  return createHash('sha256').update(text).update(code).digest();
}
