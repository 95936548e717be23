// Where a demo lives: its folder, its ports and the configuration of each part. The Server Key in it is made up.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { z } from 'zod';
import { merchant, products, type DemoOptions, type DeviceKind } from './options.ts';
import { makeTemporaryFolder } from './temporary-folder.ts';

const portsFile = z.object({
  twin: z.int().min(1).max(65_535),
  relay: z.int().min(1).max(65_535),
  broker: z.int().min(1).max(65_535),
});
export type Ports = z.infer<typeof portsFile>;

export interface House {
  dir: string;
  /** For unix sockets, whose paths the kernel limits to 107 bytes. */
  socketDir: string;
  logDir: string;
  /** Of the kiosk. */
  kioskDir: string;
  ports: Ports;
  config: Record<'twin' | 'relay' | 'kiosk', string>;
  /** Whether the kiosk was enrolled in an earlier run. */
  enrolled: boolean;
  /** Removes what is temporary; `keep` leaves the logs for whoever wants to know why. */
  leave(keep: boolean): void;
}

/** How long a QR may be paid. The check waits for one to run out, so it takes the shortest that Midtrans knows. */
const expiresInMs = { demo: 180_000, check: 20_000 };

/**
 * Makes or takes up the folder and writes the configurations.
 * @throws Error in plain words when a port of an earlier run is taken
 */
export async function openHouse(options: DemoOptions): Promise<House> {
  const temporary = makeTemporaryFolder(shortTmp());
  const socketDir = temporary.path;
  const dir = options.stateDir === undefined ? socketDir : resolve(options.stateDir);
  const [logDir, kioskDir] = [join(dir, 'logs'), join(dir, 'kiosk')];
  const leave = (keep: boolean): void => {
    if (keep && dir === socketDir) temporary.keep();
    else temporary.remove();
  };
  try {
    for (const folder of [dir, logDir, kioskDir]) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
    }
    const ports = await portsOf(join(dir, 'ports.json'));
    const enrolled = existsSync(join(kioskDir, 'identity.json'));
    const config = {
      twin: join(dir, 'twin.yaml'),
      relay: join(dir, 'relay.yaml'),
      kiosk: join(dir, 'kiosk.yaml'),
    };
    return { dir, socketDir, logDir, kioskDir, ports, config, enrolled, leave };
  } catch (error) {
    leave(false);
    throw error;
  }
}

/** Writes the three configurations. `at`: where each device of the kiosk is. */
export function furnish(
  house: House,
  options: DemoOptions,
  at: Readonly<Record<DeviceKind, string>>,
): void {
  const serverKeyFile = join(house.dir, 'server-key');
  // The twin takes any key; this one could never be a merchant's.
  writeFileSync(serverKeyFile, 'SB-Mid-server-demo-not-a-secret\n', { mode: 0o600 });
  const texts = configurations(house, options, at, serverKeyFile);
  for (const part of ['twin', 'relay', 'kiosk'] as const) {
    writeFileSync(house.config[part], stringify(texts[part]), { mode: 0o600 });
  }
}

function configurations(
  { dir, kioskDir, ports }: House,
  { check, paymentType, qrOn }: DemoOptions,
  at: Readonly<Record<DeviceKind, string>>,
  serverKeyFile: string,
): Record<'twin' | 'relay' | 'kiosk', unknown> {
  const relayUrl = `http://127.0.0.1:${ports.relay}`;
  const { name, nmid, pan } = merchant;
  return {
    twin: {
      http: { host: '127.0.0.1', port: ports.twin },
      serverKeyFile,
      merchant,
      notificationUrl: `${relayUrl}/v1/notifications/midtrans`,
      stateFile: join(dir, 'twin.sqlite'),
      notifications: { timeScale: 0.01, delayMs: 100 },
    },
    relay: {
      environment: 'sandbox',
      http: { host: '127.0.0.1', port: ports.relay },
      publicUrl: relayUrl,
      mqtt: { host: '127.0.0.1', port: ports.broker },
      store: { sqlite: join(dir, 'relay.db') },
      stateDir: join(dir, 'relay'),
      midtrans: {
        baseUrl: `http://127.0.0.1:${ports.twin}`,
        serverKeyFile,
        merchantId: merchant.id,
        paymentType,
      },
      merchant: { name, nmid, pan },
      limits: { minIdr: 1000, maxIdr: 10_000_000 },
      sale: { expiresInMs: check ? expiresInMs.check : expiresInMs.demo },
    },
    kiosk: {
      stateDir: kioskDir,
      qrOn,
      keypad: { at: at.keypad },
      scanner: { at: at.scanner },
      display: { at: at.display },
      printer: { at: at.printer },
      // Somebody watches, and the shelf has several prices.
      dispenser: { at: at.dispenser, anyAmount: true },
      catalogue: Object.fromEntries(
        products.map(({ barcode, ...item }): [string, object] => [barcode, item]),
      ),
    },
  };
}

/** The kiosk keeps the relay's address from its enrolment, so a folder keeps its ports for ever. */
async function portsOf(file: string): Promise<Ports> {
  if (!existsSync(file)) {
    const ports = await freePorts();
    writeFileSync(file, `${JSON.stringify(ports)}\n`);
    return ports;
  }
  const kept = portsFile.parse(JSON.parse(readFileSync(file, 'utf8')));
  for (const [part, port] of Object.entries(kept)) {
    const release = await takePort(port).catch((error: unknown) => {
      throw new Error(
        `port ${port}, where the ${part} of this --state listened before, is in use; ` +
          'is another demo running on the same folder?',
        { cause: error },
      );
    });
    await release();
  }
  return kept;
}

/** Three that are free at this moment: the parts start at the same time, so each must know the others' beforehand. */
async function freePorts(): Promise<Ports> {
  const taken = await Promise.all([takeFreePort(), takeFreePort(), takeFreePort()]);
  const [twin, relay, broker] = taken.map(({ port }) => port);
  await Promise.all(taken.map(async ({ release }) => release()));
  return portsFile.parse({ twin, relay, broker });
}

async function takeFreePort(): Promise<{ port: number; release: () => Promise<void> }> {
  let port = 0;
  const release = await takePort(0, (found) => {
    port = found;
  });
  return { port, release };
}

async function takePort(
  port: number,
  found: (port: number) => void = () => undefined,
): Promise<() => Promise<void>> {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address !== null && typeof address === 'object') found(address.port);
  return async () => {
    server.close();
    await once(server, 'close');
  };
}

/** TMPDIR may be too long for a unix socket below it. */
function shortTmp(): string {
  const longest = 60;
  return tmpdir().length <= longest ? tmpdir() : '/tmp';
}
