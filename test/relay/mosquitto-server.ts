// A Mosquitto of the test's own: the configuration that `config/` ships with its paths changed, a free port, a throw-away
// CA, its files in a folder of its own.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

const config = new URL('../../config/', import.meta.url);
const folder = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' }[process.arch as 'x64'];
export const relayUser = 'kios-relay';
export const relayPassword = 'the-relays-own-password';

export interface MosquittoServer {
  url: string;
  caFile: string;
  ca: Buffer;
  /** The relay's `broker` setting. */
  broker: Record<string, unknown>;
  logText(): string;
  /** As `kill -9`. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** While it is down: all that it knew is gone but the relay's own account. */
  loseFiles(): void;
  stop(): Promise<void>;
}

/** @param alsoAt another address of this machine under which clients see it, through something of the test's own. */
export async function startMosquitto(alsoAt?: string): Promise<MosquittoServer> {
  const dir = mkdtempSync(join(tmpdir(), 'kios-mosquitto-'));
  const file = (name: string): string => join(dir, name);
  const port = await freePort();
  makeCertificates(dir, alsoAt);
  writeFileSync(file('password'), `${relayPassword}\n`, { mode: 0o600 });
  writeFileSync(file('mosquitto.conf'), configFor(dir, port));
  const accounts = file('dynamic-security.json');
  const init = (): void => {
    execFileSync('mosquitto_ctrl', ['dynsec', 'init', accounts, relayUser, relayPassword]);
  };
  init();
  let child: ChildProcess | undefined;
  let text = '';
  const url = `mqtts://127.0.0.1:${port}`;

  async function start(): Promise<void> {
    const started = spawn('/usr/sbin/mosquitto', ['-c', file('mosquitto.conf')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child = started;
    started.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
    while (!(await answers(port))) {
      if (started.exitCode !== null) throw new Error(`mosquitto ended: ${text}`);
    }
  }

  async function kill(): Promise<void> {
    const running = child;
    if (running === undefined) return;
    child = undefined;
    const ended = new Promise((resolve) => running.once('exit', resolve));
    running.kill('SIGKILL');
    await ended;
  }

  await start();
  return {
    url,
    caFile: file('ca.crt'),
    ca: readFileSync(file('ca.crt')),
    broker: {
      ...{ kind: 'mosquitto', url, username: relayUser, passwordFile: file('password') },
      ...{ caFile: file('ca.crt'), publicUrl: url },
    },
    logText: () => text,
    start,
    kill,
    loseFiles() {
      for (const name of ['dynamic-security.json', 'mosquitto.db'])
        rmSync(file(name), { force: true });
      init();
    },
    async stop() {
      await kill();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** The shipped file, line by line; a path that it no longer has is a fault of this harness. */
function configFor(dir: string, port: number): string {
  const file = (name: string): string => join(dir, name);
  writeFileSync(file('kios.acl'), readFileSync(new URL('mosquitto.acl', config)), { mode: 0o600 });
  const changes: [from: RegExp, to: string][] = [
    [/^listener 8883$/m, `listener ${port} 127.0.0.1`],
    [/^certfile .*$/m, `certfile ${file('broker.crt')}`],
    [/^keyfile .*$/m, `keyfile ${file('broker.key')}`],
    [/x86_64-linux-gnu(?=\/mosquitto_dynamic)/, folder],
    [/^plugin_opt_config_file .*$/m, `plugin_opt_config_file ${file('dynamic-security.json')}`],
    [/^acl_file .*$/m, `acl_file ${file('kios.acl')}`],
    [/^persistence_location .*$/m, `persistence_location ${dir}/`],
  ];
  let text = readFileSync(new URL('mosquitto.conf', config), 'utf8');
  for (const [from, to] of changes) {
    if (!from.test(text)) throw new Error(`config/mosquitto.conf has no ${from.source}`);
    text = text.replace(from, to);
  }
  // Started by root it would become the user mosquitto, who may not read this folder.
  return `${text}\nuser ${userInfo().username}\n`;
}

/** A CA, and a certificate of 127.0.0.1 (and of one address more) that it has signed. */
export function makeCertificates(dir: string, alsoAt = '127.0.0.1'): void {
  const file = (name: string): string => join(dir, name);
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { stdio: 'ignore' });
  };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const signed = ['-CA', file('ca.crt'), '-CAkey', file('ca.key')];
  openssl(
    ...['req', '-x509', '-days', '2', ...key, '-subj', '/CN=kios test CA'],
    ...['-keyout', file('ca.key'), '-out', file('ca.crt')],
  );
  openssl(
    ...['req', '-x509', '-days', '2', ...key, ...signed, '-subj', '/CN=broker'],
    ...[
      '-addext',
      `subjectAltName=IP:127.0.0.1,IP:${alsoAt}`,
      '-addext',
      'basicConstraints=CA:FALSE',
    ],
    ...['-keyout', file('broker.key'), '-out', file('broker.crt')],
  );
}

async function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      setTimeout(resolve, 20, false);
    });
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
