// The network between a kiosk and everything else, to be cut and slowed. Where root may, the kiosk gets a network
// namespace of its own and a cut takes its link down, so that packets vanish; doors of the test's own do the rest.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { systemClock, wait } from '../../src/lib/clock.ts';
import type { WireFault } from './chaos-plan.ts';

export interface Wire {
  /** How a cut is made here, for the test's own words. */
  readonly means: 'network namespace' | 'proxy alone';
  /** The address of this machine that the kiosk sees. */
  readonly host: string;
  /** What stands in front of a command that is to be at the kiosk's end. */
  readonly through: readonly string[];
  /** A port at `host` that leads to a port of our loopback. */
  door(port: number): Promise<number>;
  /** The same as a port of the kiosk's own loopback: the only place where it speaks without TLS. */
  nearDoor(port: number): Promise<number>;
  strike(fault: WireFault): void;
  heal(): void;
  end(): Promise<void>;
}

interface Namespace {
  host: string;
  through: readonly string[];
  /** Leads the kiosk's loopback to the same port at `host`. */
  near(port: number): Promise<void>;
  link(up: boolean): void;
  remove(): void;
}

/** @param own whether the kiosk is to have a namespace of its own; undefined: where that can be made. */
export function openWire(own?: boolean): Wire {
  const space = own === false ? undefined : makeNamespace(own === true);
  const host = space?.host ?? '127.0.0.1';
  const gate = new Gate();
  const doors: Server[] = [];
  async function door(port: number): Promise<number> {
    const server = createServer((near) => {
      gate.lead(near, connect(port, '127.0.0.1'));
    });
    doors.push(server);
    await new Promise<void>((resolve) => server.listen(0, host, resolve));
    return (server.address() as AddressInfo).port;
  }
  return {
    means: space === undefined ? 'proxy alone' : 'network namespace',
    host,
    through: space?.through ?? [],
    door,
    async nearDoor(port) {
      const there = await door(port);
      await space?.near(there);
      return there;
    },
    strike(fault) {
      if (fault.kind === 'cut' && space !== undefined) space.link(false);
      else gate.strike(fault);
    },
    heal() {
      space?.link(true);
      gate.heal();
    },
    async end() {
      gate.end();
      await Promise.all(doors.map((door) => new Promise((resolve) => door.close(resolve))));
      space?.remove();
    },
  };
}

/** Everything that passes through the doors, or does not. */
class Gate {
  readonly #open = new Set<Socket>();
  #fault: WireFault | undefined;
  #healed = Promise.withResolvers<undefined>();

  lead(near: Socket, far: Socket): void {
    if (this.#fault?.kind === 'refuse') {
      near.resetAndDestroy();
      far.destroy();
      return;
    }
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#open.add(socket);
      socket.setNoDelay();
      socket.on('error', () => undefined);
      socket.once('close', () => {
        this.#open.delete(socket);
        other.destroy();
      });
      void this.#pass(socket, other).catch(() => {
        other.destroy();
      });
    }
  }

  strike(fault: WireFault): void {
    this.#fault = fault;
    if (fault.kind === 'refuse') for (const socket of this.#open) socket.resetAndDestroy();
  }

  heal(): void {
    this.#fault = undefined;
    this.#healed.resolve(undefined);
    this.#healed = Promise.withResolvers<undefined>();
  }

  end(): void {
    for (const socket of this.#open) socket.destroy();
    this.heal();
  }

  async #pass(from: Socket, to: Socket): Promise<void> {
    for await (const chunk of from as AsyncIterable<Buffer>) {
      while (this.#fault?.kind === 'cut') await this.#healed.promise;
      if (this.#fault?.kind === 'slow') await wait(systemClock, this.#fault.slowMs);
      if (to.destroyed) return;
      if (!to.write(chunk)) await once(to, 'drain');
    }
    to.end();
  }
}

/** Undefined where this user or this kernel does not let us. @throws when it is demanded */
function makeNamespace(demanded: boolean): Namespace | undefined {
  const name = `kios-${process.pid}`;
  const [hostLink, kioskLink] = [`kh${process.pid}`, `kk${process.pid}`];
  const net = `10.203.${process.pid % 250}`;
  const [host, kiosk] = [`${net}.1`, `${net}.2`];
  const ip = (...args: string[]): void => {
    execFileSync('ip', args, { stdio: 'pipe' });
  };
  const command = 'ip';
  const through = [command, 'netns', 'exec', name];
  const relays: ChildProcess[] = [];
  const remove = (): void => {
    // Each with the connections that it has forked for.
    for (const { pid } of relays) if (pid !== undefined) process.kill(-pid, 'SIGKILL');
    for (const what of [
      ['link', 'del', hostLink],
      ['netns', 'del', name],
    ]) {
      try {
        ip(...what);
      } catch {
        continue; // It was never made.
      }
    }
  };
  try {
    ip('netns', 'add', name);
    ip('link', 'add', hostLink, 'type', 'veth', 'peer', 'name', kioskLink);
    ip('link', 'set', kioskLink, 'netns', name);
    ip('addr', 'add', `${host}/24`, 'dev', hostLink);
    ip('link', 'set', hostLink, 'up');
    ip('-n', name, 'addr', 'add', `${kiosk}/24`, 'dev', kioskLink);
    ip('-n', name, 'link', 'set', kioskLink, 'up');
    ip('-n', name, 'link', 'set', 'lo', 'up');
  } catch (error) {
    remove();
    if (demanded) throw error;
    return undefined;
  }
  return {
    host,
    through,
    async near(port) {
      const from = `TCP-LISTEN:${port},bind=127.0.0.1,fork,reuseaddr`;
      const line = [...through.slice(1), 'socat', '-dd', from, `TCP:${host}:${port}`];
      const relay = spawn(command, line, { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
      relays.push(relay);
      await new Promise<void>((resolve, reject) => {
        // Read to its end: one whose words nobody takes ends.
        relay.stderr.on('data', (said: Buffer) => {
          if (said.includes('listening')) resolve();
        });
        relay.once('exit', () => {
          reject(new Error('socat ended before it listened'));
        });
      });
    },
    link(up) {
      ip('link', 'set', hostLink, up ? 'up' : 'down');
    },
    remove,
  };
}
