// A relay with a real twin behind it and a kiosk's own keys in front, on loopback, for the tests of this room.
import { createPublicKey, generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import { pino } from 'pino';
import { ulid } from 'ulid';
import { systemClock, type Clock } from '../../src/lib/clock.ts';
import { silentLog, type Log } from '../../src/lib/log.ts';
import { enrolAnswer, publicJwk, type EnrolAnswer } from '../../src/protocol/api.ts';
import { verifySale, type TrustedKeys } from '../../src/protocol/proof.ts';
import { signReport, type SaleReport } from '../../src/protocol/report.ts';
import { sale, type Sale } from '../../src/protocol/sale.ts';
import { signKioskToken, type TokenAudience } from '../../src/protocol/token.ts';
import { kioskTopics } from '../../src/protocol/topics.ts';
import { relayConfig, type RelayConfig } from '../../src/relay/config.ts';
import { codeBytes, formatCode, hashCode } from '../../src/relay/fleet/codes.ts';
import { createRelay, type Relay } from '../../src/relay/relay.ts';
import { connectDatabase } from '../../src/relay/store/connect.ts';
import { openStore } from '../../src/relay/store/open.ts';
import { twinConfig } from '../../src/twin/config.ts';
import { seededRandom } from '../../src/twin/random.ts';
import { createTwin, type Twin } from '../../src/twin/twin.ts';

export const serverKey = 'SB-Mid-server-EXAMPLEKEY';
export const merchantId = 'G000000001';
export const payee = {
  name: 'KIOS CONTOH',
  nmid: 'AID1099000000001',
  pan: '9360091400000000017',
};

export interface Setting {
  relayUrl: string;
  twinUrl: string;
  mqttUrl: string;
  dir: string;
  config: RelayConfig;
  logText(): string;
  /** What was logged so far is kept no longer. */
  forgetLog(): void;
  /** A fresh one-time code, as `kios relay enrolment` makes it, while the relay runs. */
  code(kioskId: string): Promise<string>;
  kiosk(kioskId: string): Promise<TestKiosk>;
  metrics(): Promise<string>;
  restart(): Promise<void>;
  stopRelay(): Promise<void>;
  stop(): Promise<void>;
}

export interface TestKiosk {
  kioskId: string;
  privateKey: KeyObject;
  enrolled: EnrolAnswer;
  keys: TrustedKeys;
  token(more?: { bootId?: string; nowMs?: number; audience?: TokenAudience }): Promise<string>;
  call(
    method: string,
    path: string,
    body?: unknown,
    token?: string,
    headers?: Record<string, string>,
  ): Promise<{ status: number; json: Record<string, unknown> }>;
  /** Its signed word: of the sale's own goods, or of a granted dispense. */
  report(
    saleId: string,
    result: SaleReport['result'],
    dispenseId?: string,
  ): ReturnType<TestKiosk['call']>;
  newSaleId(): string;
  put(saleId: string, amountIdr: number): Promise<{ status: number; sale: Sale }>;
  get(saleId: string): Promise<Sale>;
  /** Asks until the verdict is this one; the test's own time limit ends it. */
  until(saleId: string, verdict: string): Promise<Sale>;
  verify(document: Sale, nonce?: string): Promise<void>;
  connect(more?: IClientOptions): Promise<KioskLine>;
}

export interface KioskLine {
  client: MqttClient;
  sales: Sale[];
  next(accept: (document: Sale) => boolean): Promise<Sale>;
}

export interface SettingOptions {
  overrides?: Record<string, unknown>;
  midtrans?: Record<string, unknown>;
  http?: Record<string, unknown>;
  /** Instead of the twin. */
  midtransUrl?: string;
  clock?: Clock;
}

/** Starts twin and relay; `stop` ends both and removes everything. */
export async function startSetting(options: SettingOptions = {}): Promise<Setting> {
  const dir = mkdtempSync(join(tmpdir(), 'kios-relay-'));
  const keyFile = join(dir, 'server-key');
  writeFileSync(keyFile, `${serverKey}\n`);
  const twin = options.midtransUrl === undefined ? startTwin(keyFile) : undefined;
  const twinUrl =
    twin === undefined
      ? (options.midtransUrl ?? '')
      : `http://127.0.0.1:${(await twin.listen()).port}`;
  const port = await freePort();
  const config = relayConfig.parse({
    environment: 'sandbox',
    http: { host: '127.0.0.1', port, ...options.http },
    publicUrl: `http://127.0.0.1:${port}`,
    mqtt: { host: '127.0.0.1', port: 0 },
    store: { sqlite: join(dir, 'relay.db') },
    stateDir: join(dir, 'state'),
    midtrans: {
      baseUrl: twinUrl,
      serverKeyFile: keyFile,
      merchantId,
      chargeTimeoutMs: 2000,
      askTimeoutMs: 2000,
      ...options.midtrans,
    },
    merchant: payee,
    ...options.overrides,
  });
  const { log, text, forget } = capturedLog();
  const clock = options.clock ?? systemClock;
  const make = (): Relay => createRelay(config, { clock, random: seededRandom(7), log });
  let relay = make();
  let ports = await relay.start();
  const setting: Setting = {
    relayUrl: `http://127.0.0.1:${port}`,
    twinUrl,
    mqttUrl: `mqtt://127.0.0.1:${ports.mqttPort}`,
    dir,
    config,
    logText: text,
    forgetLog: forget,
    code: (kioskId) => makeCode(config, kioskId),
    kiosk: (kioskId) => enrolKiosk(setting, kioskId),
    metrics: async () => (await fetch(`${setting.relayUrl}/metrics`)).text(),
    async restart() {
      await relay.stop();
      relay = make();
      ports = await relay.start();
      setting.mqttUrl = `mqtt://127.0.0.1:${ports.mqttPort}`;
    },
    stopRelay: () => relay.stop(),
    async stop() {
      await relay.stop();
      await twin?.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  return setting;
}

function startTwin(keyFile: string): Twin {
  const { pan, name, nmid } = payee;
  const merchant = { city: 'BANDUNG', postalCode: '40111', mcc: '5812', pan, name, nmid };
  const config = twinConfig.parse({
    http: { host: '127.0.0.1', port: 0 },
    serverKeyFile: keyFile,
    merchant: { id: merchantId, ...merchant },
    notifications: { timeScale: 0.001, delayMs: 0 },
  });
  return createTwin(config, { clock: systemClock, random: seededRandom(42), log: silentLog });
}

function capturedLog(): { log: Log; text: () => string; forget: () => void } {
  const lines: string[] = [];
  const log: Log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
  const forget = (): void => void lines.splice(0);
  return { log, text: () => lines.join(''), forget };
}

async function makeCode(config: RelayConfig, kioskId: string): Promise<string> {
  // A second connection, as the command line has it.
  const store = await openStore(await connectDatabase(config.store, systemClock), 'unused');
  const code = formatCode(randomBytes(codeBytes));
  await store.addEnrolment(hashCode(code), kioskId, 600_000);
  await store.close();
  return code;
}

async function enrolKiosk(setting: Setting, kioskId: string): Promise<TestKiosk> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const code = await setting.code(kioskId);
  const response = await fetch(`${setting.relayUrl}/v1/enrol`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ code, publicKey: publicJwk.parse(publicKey.export({ format: 'jwk' })) }),
  });
  const enrolled = enrolAnswer.parse(await response.json());
  const keys = new Map(
    enrolled.keys.map((key) => [
      key.kid,
      createPublicKey({ key: { ...key.publicKey }, format: 'jwk' }),
    ]),
  );
  const bootId = `boot-${ulid()}`;
  const kiosk: TestKiosk = {
    kioskId,
    privateKey,
    enrolled,
    keys,
    token: (more = {}) =>
      signKioskToken(
        { kioskId, bootId: more.bootId ?? bootId },
        privateKey,
        more.nowMs ?? systemClock.nowMs(),
        more.audience,
      ),
    async call(method, path, body, token, headers) {
      const answer = await fetch(setting.relayUrl + path, {
        method,
        headers: {
          authorization: `Bearer ${token ?? (await kiosk.token())}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      const json: unknown = text === '' ? {} : JSON.parse(text);
      return { status: answer.status, json: json as Record<string, unknown> };
    },
    report(saleId, result, dispenseId) {
      const said = { result, ...(dispenseId === undefined ? {} : { dispenseId }) };
      const signed = signReport({ saleId, ...said }, privateKey, systemClock.nowMs());
      const path =
        dispenseId === undefined ? `sales/${saleId}/fulfilment` : `claims/${saleId}/result`;
      return kiosk.call('POST', `/v1/${path}`, { ...said, signed });
    },
    newSaleId: () => `${kioskId}-${ulid()}`,
    async put(saleId, amountIdr) {
      const { status, json } = await kiosk.call('PUT', `/v1/sales/${saleId}`, { amountIdr });
      return { status, sale: sale.parse(json) };
    },
    get: async (saleId) => sale.parse((await kiosk.call('GET', `/v1/sales/${saleId}`)).json),
    async until(saleId, verdict) {
      for (;;) {
        const document = await kiosk.get(saleId);
        if (document.verdict === verdict) return document;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    async verify(document, nonce) {
      const asked = nonce === undefined ? {} : { nonce };
      await verifySale(document, { kioskId, environment: 'sandbox', ...asked }, keys);
    },
    connect: (more) => connectKiosk(setting, kiosk, more),
  };
  return kiosk;
}

async function connectKiosk(
  setting: Setting,
  kiosk: TestKiosk,
  more: IClientOptions = {},
): Promise<KioskLine> {
  const client = await connectAsync(setting.config.broker?.publicUrl ?? setting.mqttUrl, {
    protocolVersion: 4,
    clean: false,
    clientId: kiosk.kioskId,
    username: kiosk.kioskId,
    password: kiosk.enrolled.brokerPassword ?? (await kiosk.token({ audience: 'kios-broker' })),
    reconnectPeriod: 0,
    ...more,
  });
  const sales: Sale[] = [];
  const waiting = new Set<() => void>();
  client.on('message', (_topic, payload) => {
    sales.push(sale.parse(JSON.parse(payload.toString())));
    for (const wake of waiting) wake();
  });
  await client.subscribeAsync(kioskTopics(kiosk.kioskId).sale, { qos: 1 });
  return {
    client,
    sales,
    next: (accept) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = sales.find(accept);
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
  };
}

/** The customer's phone. */
export async function pay(setting: Setting, qrString: string, late = false): Promise<number> {
  const response = await fetch(`${setting.twinUrl}/_twin/wallet/pay`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ qrString, issuer: 'gopay', late }),
  });
  await response.arrayBuffer();
  return response.status;
}

/** Plants faults in the twin. */
export async function plant(setting: Setting, ...faults: unknown[]): Promise<void> {
  const response = await fetch(`${setting.twinUrl}/_twin/faults`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(faults),
  });
  if (response.status !== 200) throw new Error(await response.text());
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The text of a file of the setting, for tests that look for secrets. */
export function textOf(setting: Setting, name: string): string {
  return readFileSync(join(setting.dir, name), 'latin1');
}
