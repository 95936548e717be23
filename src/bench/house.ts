// Where a demo lives: its folder, its ports and the configuration of each part. The Server Key in it is made up.
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { z } from 'zod';
import { kioskConfig, kioskExamples } from '../kiosk/config.ts';
import {
  DemoRefusal,
  deviceKinds,
  merchant,
  products,
  type DemoOptions,
  type DeviceKind,
} from './options.ts';
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
 * @throws DemoRefusal when the folder cannot be had, or a port of an earlier run is taken
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
    makeFolders(options.stateDir, [dir, logDir, kioskDir]);
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

function makeFolders(stateDir: string | undefined, folders: readonly string[]): void {
  if (stateDir !== undefined && existsSync(stateDir) && !statSync(stateDir).isDirectory()) {
    throw new DemoRefusal(`--state: ${stateDir} is a file; give a folder`);
  }
  try {
    for (const folder of folders) mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new DemoRefusal(`--state: the folder cannot be used: ${why}`, error);
  }
}

/**
 * Writes the three configurations. `at`: where each device of the kiosk is.
 * @throws DemoRefusal when the kiosk would not take them, with the flag that is wrong
 */
export function furnish(
  house: House,
  options: DemoOptions,
  at: Readonly<Record<DeviceKind, string>>,
): void {
  const serverKeyFile = join(house.dir, 'server-key');
  // The twin takes any key; this one could never be a merchant's.
  writeFileSync(serverKeyFile, 'SB-Mid-server-demo-not-a-secret\n', { mode: 0o600 });
  const texts = configurations(house, options, at, serverKeyFile);
  checkDevices(texts.kiosk, options.real);
  for (const part of ['twin', 'relay', 'kiosk'] as const) {
    writeFileSync(house.config[part], stringify(texts[part]), { mode: 0o600 });
  }
}

/** As the kiosk itself will check them, but named as the person wrote them. */
function checkDevices(kiosk: unknown, real: DemoOptions['real']): void {
  const { error } = kioskConfig.safeParse(kiosk);
  if (error === undefined) return;
  const faults = error.issues.map(({ path, message }) => {
    const kind = deviceKinds.find((name) => name === path[0]);
    const at = kind === undefined ? undefined : real[kind];
    if (kind === undefined || at === undefined) return [...path.map(String), message].join(': ');
    return `--${kind} ${at}: ${message} (for example --${kind} ${kioskExamples[`${kind}.at`] ?? ''})`;
  });
  throw new DemoRefusal(faults.join('\n'));
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
  const kept = readPorts(file);
  for (const [part, port] of Object.entries(kept)) {
    const release = await takePort(port).catch((error: unknown) => {
      throw new DemoRefusal(
        `port ${port}, where the ${part} of this --state listened before, is in use; ` +
          'is another demo running on the same folder?',
        error,
      );
    });
    await release();
  }
  return kept;
}

function readPorts(file: string): Ports {
  try {
    return portsFile.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    throw new DemoRefusal(`--state: ${file} is not what a demo wrote; give another folder`, error);
  }
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
