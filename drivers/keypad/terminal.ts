// The terminal that kios runs in, as a line: raw mode while it is open, as it was before from then on.
import { DeviceError } from '../device.ts';
import type { InputLine } from './line.ts';

/**
 * Takes the process's standard input. @throws DeviceError `not-found` where it is no terminal.
 */
export function openTerminal(onBytes: (bytes: Uint8Array) => void): InputLine {
  const { stdin } = process;
  if (!stdin.isTTY) {
    throw new DeviceError(
      'not-found',
      'terminal: standard input is no terminal; start kios in one, or configure another keypad',
    );
  }
  const closed = Promise.withResolvers<DeviceError | undefined>();
  const release = (): void => {
    stdin.off('data', onBytes);
    stdin.off('end', onEnd);
    stdin.off('error', onEnd);
    stdin.setRawMode(false);
    stdin.pause();
  };
  const onEnd = (cause?: unknown): void => {
    release();
    closed.resolve(new DeviceError('disconnected', 'terminal: it was closed', { cause }));
  };
  let ours = false;
  stdin.setRawMode(true);
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

/** What Ctrl-C does where the terminal is not in raw mode: the whole program hears it and ends in its own way. */
export function interruptSelf(): void {
  process.kill(process.pid, 'SIGINT');
}
