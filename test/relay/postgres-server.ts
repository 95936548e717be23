// A PostgreSQL server of the test's own: made in a temporary folder, on a free port of loopback, gone afterwards. It
// syncs as a real one does. PostgreSQL refuses root, so as root it runs as another user.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { chmod, chown, copyFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { tmpdir } from 'node:os';
import { Client } from 'pg';
import { systemClock, wait } from '../../src/lib/clock.ts';

export interface PostgresServer {
  /** Of its superuser, without a password. */
  url: string;
  /** A fresh, empty database of its own. */
  newDatabase(): Promise<string>;
  /** `kill -9` of all of its processes at once; `start` recovers. */
  kill(): Promise<void>;
  /** As a power cut or an upgrade would: every connection ends at once; with `start` it is back on the same port. */
  crash(): Promise<void>;
  start(): Promise<void>;
  /** Ends it and removes all that it wrote. */
  stop(): Promise<void>;
}

export interface PostgresOptions {
  /** Of its superuser, over SCRAM; without it everybody is trusted. */
  password?: string;
  /** Its settings, other than ours. */
  settings?: readonly string[];
  /** Speaks TLS with `broker.crt` and `broker.key` of this folder (`makeCertificates`). */
  certificates?: string;
}

const debianDir = '/usr/lib/postgresql';
/** Who may run it in root's place, the first that there is. */
const users = ['postgres', 'nobody'] as const;
const startMs = 20_000;
const settings = [
  ...['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=on'],
  ...['synchronous_commit=on', 'max_connections=100', 'shared_buffers=64MB'],
] as const;

/** Where initdb and postgres are; undefined: not on this machine. */
export function findPostgres(): string | undefined {
  const versions = existsSync(debianDir) ? readdirSync(debianDir) : [];
  const newestFirst = versions.sort((a, b) => Number(b) - Number(a));
  return [
    ...newestFirst.map((version) => join(debianDir, version, 'bin')),
    ...(process.env['PATH'] ?? '').split(delimiter),
  ].find((dir) => existsSync(join(dir, 'initdb')) && existsSync(join(dir, 'postgres')));
}

/** Starts one server; call `stop`. @throws when there is no PostgreSQL here (`findPostgres`), or it does not start. */
export async function startPostgres({
  password,
  settings: more = [],
  certificates,
}: PostgresOptions = {}): Promise<PostgresServer> {
  const bin = findPostgres();
  if (bin === undefined) throw new Error('PostgreSQL is not installed');
  const root = mkdtempSync(join(tmpdir(), 'kios-postgres-'));
  const home = join(root, 'pgdata');
  const as = process.getuid?.() === 0 ? someUser() : undefined;
  if (as !== undefined) await chown(root, as.uid, as.gid);
  const who = as ?? {};
  const passwordFile = join(root, 'password');
  writeFileSync(passwordFile, `${password ?? 'trusted'}\n`);
  const auth = password === undefined ? 'trust' : 'scram-sha-256';
  try {
    execFileSync(
      join(bin, 'initdb'),
      [
        ...['--pgdata', home, '--username', 'kios', '--encoding', 'UTF8', '--no-sync'],
        ...['--auth', auth, '--pwfile', passwordFile],
      ],
      { ...who, cwd: root, stdio: 'pipe' },
    );
  } catch (error) {
    rmSync(root, { recursive: true, force: true });
    throw error;
  }
  const tls = certificates === undefined ? [] : await tlsSettings(certificates, root, as);
  const port = await freePort();
  const url = `postgres://kios@127.0.0.1:${port}/postgres`;
  const run = (text: string): Promise<void> => query(url, password, text);
  let child: ChildProcess | undefined;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ending = child;
    child = undefined;
    if (ending?.exitCode !== null || ending.signalCode !== null) return;
    const gone = new Promise((resolve) => ending.once('exit', resolve));
    ending.kill(signal);
    await gone;
  };
  let databases = 0;
  const server: PostgresServer = {
    url,
    async newDatabase() {
      const name = `kios_${++databases}`;
      await run(`create database ${name}`);
      return `postgres://kios@127.0.0.1:${port}/${name}`;
    },
    async kill() {
      const pid = child?.pid;
      // Its backends first: they hold the shared memory, and end only when they notice that their parent is gone.
      if (pid !== undefined) childrenOf(pid).forEach(killNow);
      await end('SIGKILL');
    },
    // SIGQUIT is PostgreSQL's "immediate": no goodbye to the clients, recovery from the log at the next start.
    crash: () => end('SIGQUIT'),
    async start() {
      const chosen = [...settings, ...tls, ...more].flatMap((text) => ['-c', text]);
      const args = ['-D', home, '-p', String(port), ...chosen];
      child = spawn(join(bin, 'postgres'), args, { ...who, cwd: root, stdio: 'ignore' });
      await answering(run, child);
    },
    async stop() {
      await end('SIGINT');
      rmSync(root, { recursive: true, force: true });
    },
  };
  try {
    await server.start();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

/** PostgreSQL takes a key that is its own alone. */
async function tlsSettings(
  from: string,
  root: string,
  as: { uid: number; gid: number } | undefined,
): Promise<string[]> {
  for (const name of ['broker.crt', 'broker.key']) {
    const file = join(root, name);
    await copyFile(join(from, name), file);
    await chmod(file, 0o600);
    if (as !== undefined) await chown(file, as.uid, as.gid);
  }
  const file = (name: string): string => join(root, name);
  return ['ssl=on', `ssl_cert_file=${file('broker.crt')}`, `ssl_key_file=${file('broker.key')}`];
}

function someUser(): { uid: number; gid: number } {
  for (const user of users) {
    try {
      const id = (flag: string): number =>
        Number(execFileSync('id', [flag, user], { stdio: 'pipe' }));
      return { uid: id('-u'), gid: id('-g') };
    } catch {
      continue; // No such user here: the next one.
    }
  }
  throw new Error(`PostgreSQL does not run as root, and there is neither of: ${users.join(', ')}`);
}

function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // It ended by itself just now.
  }
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

async function answering(run: (text: string) => Promise<void>, child: ChildProcess): Promise<void> {
  const endMs = systemClock.monotonicMs() + startMs;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`postgres ended with ${child.exitCode}`);
    try {
      await run('select 1');
      return;
    } catch (error) {
      if (systemClock.monotonicMs() > endMs)
        throw new Error('postgres does not answer', { cause: error });
      await wait(systemClock, 50);
    }
  }
}

async function query(url: string, password: string | undefined, text: string): Promise<void> {
  const address = new URL(url);
  if (password !== undefined) address.password = encodeURIComponent(password);
  const client = new Client({ connectionString: address.href });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
