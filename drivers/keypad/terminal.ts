// The terminal that kios runs in, as a line: raw mode while it is open, as it was before from then on.
// A terminal that vanishes (a closed ssh window) ends the line and nothing else.
import { DeviceError } from '../device.ts';
import type { InputLine } from './line.ts';

/**
 * Takes the process's standard input.
 * @throws DeviceError `not-found` where it is no terminal, `disconnected` where the terminal is gone
 */
export function openTerminal(onBytes: (bytes: Uint8Array) => void): InputLine {
  const { stdin, stdout } = process;
  if (!stdin.isTTY) {
    throw new DeviceError(
      'not-found',
      'terminal: standard input is no terminal; start kios in one, or configure another keypad',
    );
  }
  if (stdin.readableEnded || stdin.destroyed) throw gone();
  const closed = Promise.withResolvers<DeviceError | undefined>();
  const release = (): void => {
    stdin.off('data', onBytes);
    stdin.off('end', onEnd);
    stdin.off('error', onEnd);
    stdin.pause();
    setRaw(false); // A terminal that is gone needs no restoring.
  };
  const onEnd = (cause?: unknown): void => {
    closed.resolve(gone(cause));
    release();
  };
  let ours = false;
  // Whoever prints to it afterwards must not end the program either.
  if (!stdout.listeners('error').includes(ignoreError)) stdout.on('error', ignoreError);
  const refusal = setRaw(true);
  if (refusal !== undefined) throw gone(refusal);
  stdin.on('data', onBytes);
  stdin.on('end', onEnd);
  stdin.on('error', onEnd);
  stdin.resume();
  return {
    closed: closed.promise,
    close: () => {
      if (!ours) release();
      ours = true;
      closed.resolve(undefined);
      return Promise.resolve();
    },
  };
}

/** Node throws what the kernel says, or emits it as an `error`; the answer is what was said. */
function setRaw(raw: boolean): Error | undefined {
  const { stdin } = process;
  let said: Error | undefined;
  const hear = (error: Error): void => {
    said = error;
  };
  stdin.on('error', hear);
  try {
    stdin.setRawMode(raw);
  } catch (error) {
    said = error instanceof Error ? error : new Error(String(error));
  }
  stdin.off('error', hear);
  return said;
}

const ignoreError = (): void => undefined;

function gone(cause?: unknown): DeviceError {
  return new DeviceError('disconnected', 'terminal: it was closed', { cause });
}

/** What Ctrl-C does where the terminal is not in raw mode: the whole program hears it and ends in its own way. */
export function interruptSelf(): void {
  process.kill(process.pid, 'SIGINT');
}
