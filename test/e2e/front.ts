// A load balancer in front of several relays, as plain as can be: each new connection goes to the next relay that takes
// it. It keeps nothing and repeats nothing, so that a relay that dies takes its connections with it.
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface Front {
  url: string;
  /** How many connections each port has had. */
  taken: ReadonlyMap<number, number>;
  close(): Promise<void>;
}

/** `ports` is read anew for every connection. */
export async function startFront(ports: () => readonly number[]): Promise<Front> {
  const taken = new Map<number, number>();
  const open = new Set<Socket>();
  let turn = 0;
  const server = createServer((client) => {
    open.add(client);
    client.on('error', () => undefined);
    client.once('close', () => open.delete(client));
    void (async () => {
      const all = ports();
      const first = turn++ % Math.max(all.length, 1);
      for (const port of [...all.slice(first), ...all.slice(0, first)]) {
        const relay = await tryConnect(port);
        if (relay === undefined) continue;
        taken.set(port, (taken.get(port) ?? 0) + 1);
        open.add(relay);
        relay.on('error', () => undefined);
        relay.once('close', () => {
          open.delete(relay);
          client.destroy();
        });
        client.once('close', () => {
          relay.destroy();
        });
        client.pipe(relay).pipe(client);
        return;
      }
      client.destroy();
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    taken,
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function tryConnect(port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      resolve(socket);
    });
    socket.once('error', () => {
      resolve(undefined);
    });
  });
}
