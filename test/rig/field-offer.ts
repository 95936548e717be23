// A server of releases on this machine, as the operator has one, and a kiosk that does not wait an hour before it asks.
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:https';
import { basename, join } from 'node:path';
import { hostSeenFromGuest } from './machine/qemu-line.ts';
import type { Guest } from './machine/guest.ts';
import type { House } from './house.ts';

const hurry = '/usr/local/share/rig-hurry.mjs';
const dropIn = '/etc/systemd/system/kios.service.d/hurry.conf';
/**
 * Every wait of five minutes and more lasts five seconds: the daemon asks for a release after the first such wait. Our clock
 * is never early, and would wait on; so its one look at the time, when a timer has fired, says that all of it is over.
 */
export const hurryProgram = `const real = globalThis.setTimeout;
const realNs = process.hrtime.bigint;
let aheadNs = 0n;
process.hrtime.bigint = () => {
  const ns = realNs() + aheadNs;
  aheadNs = 0n;
  return ns;
};
globalThis.setTimeout = (call, ms, ...rest) => {
  if (!(ms >= 300_000)) return real(call, ms, ...rest);
  const fired = (...given) => {
    aheadNs = BigInt(Math.ceil(ms)) * 1_000_000n;
    try {
      call(...given);
    } finally {
      aheadNs = 0n;
    }
  };
  return real(fired, 5_000, ...rest);
};
`;

export interface ReleaseServer {
  /** As a kiosk in a guest finds it. */
  url: string;
  close(): Promise<void>;
}

/** Serves the files of a folder by the certificate of the relay. @param port a free one that the guest may reach */
export async function serveReleases(
  house: House,
  folder: string,
  port: number,
): Promise<ReleaseServer> {
  const of = (name: string): Buffer => readFileSync(join(house.folder, name));
  const tls = { cert: of('broker.crt'), key: of('broker.key') };
  const server = createServer(tls, (request, response) => {
    const file = join(folder, basename(request.url ?? ''));
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat?.isFile() !== true) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-length': stat.size });
    createReadStream(file).pipe(response);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `https://${hostSeenFromGuest}:${port}/`,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** The daemon starts anew, and is in a hurry from then on. */
export async function hurryUp(guest: Guest): Promise<void> {
  await guest.put(hurry, hurryProgram);
  const options = `--max-semi-space-size=1 --import=${hurry}`;
  await guest.put(dropIn, `[Service]\nEnvironment="NODE_OPTIONS=${options}"\n`);
  await guest.sh('systemctl daemon-reload; systemctl restart kios');
}

/** From its next start on it takes its time again. */
export async function calmDown(guest: Guest): Promise<void> {
  await guest.sh(`rm ${dropIn} ${hurry}; systemctl daemon-reload`);
}
