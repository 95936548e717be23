// A line that is listened to: passes every byte on at once, both ways, and says when which text went by.
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { systemClock } from '../../src/lib/clock.ts';

export type Way = 'up' | 'down';

export interface Tap {
  port: number;
  /** The next chunk that goes this way and holds this text; the time when it came by. */
  heard(way: Way, text: string): Promise<number>;
  close(): Promise<void>;
}

interface Wish {
  way: Way;
  text: string;
  found: (atMs: number) => void;
}

/** `up`: from whoever connects here to `port`. */
export async function openTap(port: number): Promise<Tap> {
  const open = new Set<Socket>();
  const wishes = new Set<Wish>();
  const hear = (way: Way, chunk: Buffer): void => {
    const atMs = systemClock.monotonicMs();
    for (const wish of [...wishes]) {
      if (wish.way !== way || !chunk.includes(wish.text)) continue;
      wishes.delete(wish);
      wish.found(atMs);
    }
  };
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    lead('up', near, far);
    lead('down', far, near);
  });
  const lead = (way: Way, from: Socket, to: Socket): void => {
    open.add(from);
    from.setNoDelay();
    from.on('error', () => undefined);
    from.on('data', (chunk) => {
      to.write(chunk);
      hear(way, chunk);
    });
    from.once('close', () => {
      open.delete(from);
      to.destroy();
    });
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    heard: (way, text) =>
      new Promise((found) => {
        wishes.add({ way, text, found });
      }),
    close: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
