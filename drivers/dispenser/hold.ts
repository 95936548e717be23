// One program a device, for those that the kernel gives to anybody: the kernel lets go of it however the program ends.
import { once } from 'node:events';
import { realpath } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { DeviceError } from '../device.ts';

/** unix(7): an abstract name has at most 107 bytes. */
const maxNameBytes = 107;

/**
 * Holds a device by a name that only one process can have (an abstract unix socket: no file, gone with the process).
 * @throws DeviceError `busy` when another program has it
 */
export async function holdAlone(path: string): Promise<Server> {
  const real = await realpath(path).catch(() => path);
  const server = createServer((socket) => socket.destroy());
  server.unref();
  // Its end names it: the beginning of a path in sysfs is the same for all.
  server.listen(`\0kios:${real.slice(-maxNameBytes + 'kios:'.length + 1)}`);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new DeviceError('busy', `${path}: another program of kios uses it; end that one`, {
      cause: error,
    });
  }
  return server;
}
