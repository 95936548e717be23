// A kiosk's world for the tests of `kios doctor`: state folder, relay, broker and devices, all real and on loopback.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createLine, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { onTestFinished } from 'vitest';
import type { Finding } from '../../src/cli/finding.ts';
import { checkDevices } from '../../src/cli/doctor-devices.ts';
import { checkBroker, checkRelay, readRemembered } from '../../src/cli/doctor-relay.ts';
import { kioskConfig, kioskExamples } from '../../src/kiosk/config.ts';
import { readIdentity, writeIdentity } from '../../src/kiosk/identity.ts';
import { openJournal } from '../../src/kiosk/journal.ts';
import { lockFolder } from '../../src/kiosk/lock.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { readConfigFile } from '../../src/lib/config-file.ts';
import { identityFor, sign } from '../kiosk/signer.ts';

const kios = fileURLToPath(new URL('../../src/cli/kios.ts', import.meta.url));

export interface RelayWays {
  /** Its clock minus ours. */
  offsetMs?: number;
  /** What it answers to a question about a sale: our code of a problem. */
  code?: string;
  status?: number;
  signedBy?: Parameters<typeof sign>[2];
}

/** A relay that knows the time and no sale. */
export async function relay(ways: RelayWays = {}): Promise<string> {
  const { offsetMs = 0, code = 'sale-unknown', status = 404, signedBy } = ways;
  const answer: RequestListener = (request, response) => {
    const url = new URL(request.url ?? '/', 'http://relay');
    void (async () => {
      const isTime = url.pathname === '/v1/time';
      const nonce = url.searchParams.get('nonce');
      const time = new Date(systemClock.nowMs() + offsetMs).toISOString();
      const body = isTime
        ? { proof: await sign('kios-time', { nonce, time }, signedBy) }
        : { type: 'about:blank', title: code, status, code };
      response.writeHead(isTime ? 200 : status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    })();
  };
  const server = createServer(answer);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${await portOf(server)}`;
}

/** Takes a line and says nothing. */
export async function broker(): Promise<string> {
  const server = createLine((socket) => socket.on('error', () => undefined));
  onTestFinished(() => void server.close());
  return `mqtt://127.0.0.1:${await portOf(server)}`;
}

/** A port at which nobody listens. */
export async function deadPort(): Promise<number> {
  const server = createLine();
  const port = await portOf(server);
  server.close();
  await once(server, 'close');
  return port;
}

async function portOf(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

export interface Kiosk {
  folder: string;
  stateDir: string;
  config: string;
}

/** An enrolled kiosk that has run once; `devices` as in its configuration. */
export async function kiosk(
  devices: Readonly<Record<string, unknown>> = {},
  urls: { relayUrl?: string; brokerUrl?: string } = {},
): Promise<Kiosk> {
  const folder = await mkdtemp(join(tmpdir(), 'kios-doctor-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const stateDir = join(folder, 'state');
  const config = join(folder, 'kiosk.yaml');
  const relayUrl = urls.relayUrl ?? (await relay());
  writeIdentity(stateDir, identityFor(relayUrl, urls.brokerUrl ?? (await broker())));
  const journal = openJournal(join(stateDir, 'journal.sqlite'));
  const at = new Date(0).toISOString();
  await journal.append([{ kind: 'event', at, body: { kind: 'restarted', bootId: 'boot-1' } }]);
  journal.close();
  lockFolder(stateDir).release();
  // A terminal and a keypad that is nowhere, unless the test says more.
  const own = { display: { at: 'terminal' }, keypad: { at: 'serial:/dev/nothing' } };
  await writeFile(config, stringify({ stateDir, serial: 'kiosk-7', ...own, ...devices }));
  return { folder, stateDir, config };
}

export interface Ran {
  code: number | null;
  said: string;
  error: string;
}

/** What the devices alone say, without a process. */
export async function devicesOf({ config }: Kiosk): Promise<Record<string, Finding>> {
  const read = readConfigFile(config, kioskConfig, kioskExamples);
  return byCheck(await checkDevices(read, systemClock));
}

/** What relay, clock and broker say, without a process. */
export async function linesOf({ stateDir }: Kiosk): Promise<Record<string, Finding>> {
  const identity = readIdentity(stateDir);
  const remembered = await readRemembered(stateDir);
  const asked = { identity, remembered, bootId: 'boot-1', clock: systemClock };
  return byCheck([...(await checkRelay(asked)), await checkBroker(identity, systemClock)]);
}

function byCheck(findings: readonly Finding[]): Record<string, Finding> {
  return Object.fromEntries(findings.map((one) => [one.check, one]));
}

/** Runs a command of `kios`; `talk` hears all that it has said so far, each time that it says more. */
export async function run(
  args: readonly string[],
  talk: (said: string, child: ChildProcess) => void = () => undefined,
): Promise<Ran> {
  const child = spawn(process.execPath, [kios, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  let [said, error] = ['', ''];
  child.stdout.on('data', (piece: Buffer) => {
    said += piece.toString();
    talk(said, child);
  });
  child.stderr.on('data', (piece: Buffer) => (error += piece.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, said, error };
}

/** What the doctor finds alone, by check. */
export async function doctor(
  { config }: Kiosk,
  ...flags: readonly string[]
): Promise<{ status: number | null; found: Record<string, Finding> }> {
  const { code, said, error } = await run(['doctor', '--config', config, '--json', ...flags]);
  if (error !== '') throw new Error(error);
  const { findings } = JSON.parse(said) as { findings: Finding[] };
  return { status: code, found: byCheck(findings) };
}
