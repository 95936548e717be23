// How bytes leave for a printer: in pieces, so that an abort keeps back what is not yet in the kernel.
import type { BytePort } from '../ports.ts';

const pieceBytes = 1024;

/** Ends what a job cut short may still be owed: one picture band or one QR text, with its head. Prints nothing. */
export const owedBytes: Uint8Array = new Uint8Array(1024 + 16);

/** Whether every byte was accepted before the limit. Never rejects. */
export async function sendPieces(
  port: BytePort,
  bytes: Uint8Array,
  limit: AbortSignal,
): Promise<boolean> {
  const over = Promise.withResolvers<false>();
  const stop = (): void => {
    over.resolve(false);
  };
  if (limit.aborted) return bytes.length === 0;
  limit.addEventListener('abort', stop);
  try {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      const write = port.write(bytes.subarray(at, at + pieceBytes)).then(
        () => true,
        () => false,
      );
      if (!(await Promise.race([write, over.promise]))) return false;
    }
    return true;
  } finally {
    // A signal made of others lives, with all it holds, for as long as somebody listens to it.
    limit.removeEventListener('abort', stop);
  }
}
