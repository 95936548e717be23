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
  const aborted = abortOf(limit);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const write = port.write(bytes.subarray(at, at + pieceBytes)).then(
      () => true,
      () => false,
    );
    if (!(await Promise.race([write, aborted]))) return false;
  }
  return true;
}

/** False as soon as the signal aborts; pending otherwise. */
async function abortOf(signal: AbortSignal): Promise<false> {
  return new Promise((resolve) => {
    const stop = (): void => {
      resolve(false);
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}
