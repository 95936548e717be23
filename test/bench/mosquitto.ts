// Mosquitto for the benches: alone, with nothing to check, as a floor; and as it is shipped here, with an account a kiosk.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { systemClock, wait } from '../../src/lib/clock.ts';
import { freePorts, type Certificate } from './machine.ts';

const binary = '/usr/sbin/mosquitto';
const shipped = new URL('../../config/', import.meta.url);
const startMs = 10_000;

/** Why there is none here, or undefined. */
export function whyNoMosquitto(): string | undefined {
  return existsSync(binary) ? undefined : 'mosquitto is missing: apt-get install mosquitto';
}

export interface Mosquitto {
  url: string;
  port: number;
  pid(): number;
  stop(): Promise<void>;
  /** On the same port, with the files that it has now. */
  start(): Promise<void>;
}

export interface MosquittoOptions {
  /** Is made. */
  folder: string;
  tls?: Certificate;
}

/** Nothing checked, nothing kept. */
export function startBareMosquitto(options: MosquittoOptions): Promise<Mosquitto> {
  const { tls } = options;
  return run(options, (port) => [
    `listener ${port} 127.0.0.1`,
    ...(tls === undefined ? [] : [`certfile ${tls.certFile}`, `keyfile ${tls.keyFile}`]),
    ...['allow_anonymous true', 'max_connections -1', 'set_tcp_nodelay true', 'log_type error'],
    ...['persistence false', 'max_queued_messages 0', 'max_inflight_messages 1000'],
  ]);
}

export interface ShippedMosquitto extends Mosquitto {
  username: string;
  passwordFile: string;
  /** Its accounts, as the plugin keeps them. */
  accountsFile: string;
}

/** As `config/mosquitto.conf` has it, with paths of its own; without `tls` on a plain port. */
export async function startShippedMosquitto(options: MosquittoOptions): Promise<ShippedMosquitto> {
  const { folder, tls } = options;
  const file = (name: string): string => join(folder, name);
  mkdirSync(folder, { recursive: true });
  const [username, password] = ['kios-relay', 'bench-relay-password'];
  const [accountsFile, passwordFile] = [file('dynamic-security.json'), file('password')];
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  execFileSync('mosquitto_ctrl', ['dynsec', 'init', accountsFile, username, password]);
  writeFileSync(file('kios.acl'), readFileSync(new URL('mosquitto.acl', shipped)), { mode: 0o600 });
  const broker = await run(options, (port) => {
    const own: Record<string, string | undefined> = {
      listener: `listener ${port} 127.0.0.1`,
      certfile: tls && `certfile ${tls.certFile}`,
      keyfile: tls && `keyfile ${tls.keyFile}`,
      tls_version: tls && 'tls_version tlsv1.2',
      plugin_opt_config_file: `plugin_opt_config_file ${accountsFile}`,
      acl_file: `acl_file ${file('kios.acl')}`,
      persistence_location: `persistence_location ${folder}/`,
    };
    const lines = readFileSync(new URL('mosquitto.conf', shipped), 'utf8').split('\n');
    const changed = lines.map((line) => {
      const [word = ''] = line.split(' ');
      return Object.hasOwn(own, word) ? (own[word] ?? '') : line;
    });
    return changed;
  });
  return { ...broker, username, passwordFile, accountsFile };
}

async function run(
  { folder, tls }: MosquittoOptions,
  linesOf: (port: number) => string[],
): Promise<Mosquitto> {
  mkdirSync(folder, { recursive: true });
  const [port = 0] = await freePorts(1);
  const file = join(folder, 'mosquitto.conf');
  // Started by root it would become the user mosquitto, who may not read this folder.
  const lines = [...linesOf(port), `user ${userInfo().username}`];
  writeFileSync(file, `${lines.join('\n')}\n`);
  let child: ChildProcess | undefined;
  const broker: Mosquitto = {
    url: `${tls === undefined ? 'mqtt' : 'mqtts'}://127.0.0.1:${port}`,
    port,
    pid: () => child?.pid ?? 0,
    async start() {
      child = spawn(binary, ['-c', file], { stdio: 'ignore' });
      await listening(port, child);
    },
    async stop() {
      const ending = child;
      child = undefined;
      if (ending?.exitCode !== null || ending.signalCode !== null) return;
      const gone = once(ending, 'exit');
      ending.kill('SIGTERM');
      await gone;
    },
  };
  await broker.start();
  return broker;
}

async function listening(port: number, child: ChildProcess): Promise<void> {
  const untilMs = systemClock.monotonicMs() + startMs;
  while (!(await answers(port))) {
    if (child.exitCode !== null || systemClock.monotonicMs() > untilMs) {
      throw new Error('mosquitto does not start');
    }
    await wait(systemClock, 20);
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}
