// /dev/usb/lp* as a byte port. Linux' usblp counts a transfer that has only begun as written, and closing kills it:
// *written* here means that a zero-byte write after the last one returned 0 (EAGAIN while the transfer is pending).
import { statSync } from 'node:fs';
import { DeviceError } from '../device.ts';
import { FilePort, openDeviceFile } from '../file-port.ts';
import type { BytePort } from '../ports.ts';
import type { Clock } from '../../src/lib/clock.ts';

/**
 * Opens a character device for both directions.
 * @throws DeviceError `not-found`, `busy`, `canceled`
 */
export function openLpPort(
  path: string,
  clock: Clock,
  onBytes: (bytes: Uint8Array) => void,
  signal: AbortSignal,
): BytePort {
  if (signal.aborted) throw new DeviceError('canceled', `opening ${path} was called off`);
  const file = openDeviceFile(path, 'both');
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === true) {
    file.close();
    throw new DeviceError(
      'not-found',
      `${path} is a plain file; write file:${path} to print to it`,
    );
  }
  return new FilePort(file, path, clock, onBytes);
}
