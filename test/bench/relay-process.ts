// A real relay, `kios relay` as an operator starts it, for a bench: it can be ended and started again on the same store.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { systemClock, wait } from '../../src/lib/clock.ts';
import { relayConfig, type RelayConfig } from '../../src/relay/config.ts';
import { freePorts } from './machine.ts';
import { merchantId, serverKey } from './notices.ts';
import { payee } from './payee.ts';

const entry = fileURLToPath(new URL('../../src/cli/kios.ts', import.meta.url));
const readyMs = 60_000;
const askEveryMs = 20;
/** Of its log, for the message when it does not start. */
const shownLogCharacters = 2_000;

export interface RelaySettings {
  /** A folder of its own. */
  folder: string;
  midtransUrl: string;
  /** Default: SQLite in the folder. */
  store?: RelayConfig['store'];
  /** TLS of the broker inside. */
  tls?: { certFile: string; keyFile: string };
  /** A broker outside, instead of the one inside. */
  broker?: NonNullable<RelayConfig['broker']>;
}

export interface RelayProcess {
  url: string;
  /** Where kiosks reach the broker. */
  mqttUrl: string;
  store: RelayConfig['store'];
  pid(): number;
  /** Resolves when it is ready. */
  start(): Promise<void>;
  /** Resolves when it is ready again, after something that it needs was away. */
  isReady(): Promise<void>;
  /** SIGTERM, and its end. */
  stop(): Promise<void>;
}

/** Writes its configuration and starts it. */
export async function startRelay(settings: RelaySettings): Promise<RelayProcess> {
  const { folder } = settings;
  const file = join(folder, 'relay.yaml');
  const [httpPort = 0, mqttPort = 0] = await freePorts(2);
  const url = `http://127.0.0.1:${httpPort}`;
  const store = settings.store ?? { sqlite: join(folder, 'relay.db') };
  writeFileSync(join(folder, 'server-key'), `${serverKey}\n`, { mode: 0o600 });
  const config = {
    environment: 'sandbox',
    http: { host: '127.0.0.1', port: httpPort },
    publicUrl: url,
    ...(settings.broker === undefined
      ? { mqtt: { host: '127.0.0.1', port: mqttPort, ...tlsOf(settings) } }
      : { broker: settings.broker }),
    store,
    stateDir: join(folder, 'state'),
    midtrans: {
      baseUrl: settings.midtransUrl,
      serverKeyFile: join(folder, 'server-key'),
      merchantId,
    },
    merchant: payee,
    sale: { expiresInMs: 3_600_000 }, // A sale that a bench made beforehand is not to end meanwhile.
  };
  relayConfig.parse(config);
  writeFileSync(file, stringify(config));
  const scheme = settings.tls === undefined ? 'mqtt' : 'mqtts';
  let child: ChildProcess | undefined;
  const relay: RelayProcess = {
    url,
    mqttUrl: settings.broker?.publicUrl ?? `${scheme}://127.0.0.1:${mqttPort}`,
    store,
    pid: () => child?.pid ?? 0,
    async start() {
      const log = openSync(join(folder, 'relay.log'), 'a');
      child = spawn(process.execPath, [entry, 'relay', '--config', file], {
        // Written as journald would have it written; nobody reads it while something is measured.
        stdio: ['ignore', log, log],
      });
      await ready(url, child, join(folder, 'relay.log'));
    },
    async isReady() {
      if (child !== undefined) await ready(url, child, join(folder, 'relay.log'));
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
  await relay.start().catch(async (error: unknown) => {
    await relay.stop();
    throw error;
  });
  return relay;
}

function tlsOf({ tls }: RelaySettings): { tls?: { certFile: string; keyFile: string } } {
  return tls === undefined ? {} : { tls };
}

async function ready(url: string, child: ChildProcess, log: string): Promise<void> {
  const untilMs = systemClock.monotonicMs() + readyMs;
  for (;;) {
    const answer = await fetch(`${url}/readyz`).catch(() => undefined); // Not listening yet.
    await answer?.arrayBuffer();
    if (answer?.status === 200) return;
    if (child.exitCode !== null || systemClock.monotonicMs() > untilMs) {
      const said = readFileSync(log, 'utf8').slice(-shownLogCharacters);
      throw new Error(`the relay did not start: ${said}`);
    }
    await wait(systemClock, askEveryMs);
  }
}
