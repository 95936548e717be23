// Several real relay processes on one real PostgreSQL and one real Mosquitto, a load balancer in front of them, a twin
// behind; and kiosks that do with verdicts what a kiosk must.
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectAsync, type MqttClient } from 'mqtt';
import { ulid } from 'ulid';
import { stringify } from 'yaml';
import { systemClock, wait } from '../../src/lib/clock.ts';
import { enrolAnswer, publicJwk, type EnrolAnswer } from '../../src/protocol/api.ts';
import { verifySale, type TrustedKeys } from '../../src/protocol/proof.ts';
import { signReport } from '../../src/protocol/report.ts';
import { sale, type Sale } from '../../src/protocol/sale.ts';
import { signKioskToken } from '../../src/protocol/token.ts';
import { kioskTopics } from '../../src/protocol/topics.ts';
import { startMosquitto, type MosquittoServer } from '../relay/mosquitto-server.ts';
import { startPostgres, type PostgresServer } from '../relay/postgres-server.ts';
import { startFront, type Front } from './front.ts';
import { Program, runKios } from './program.ts';

const merchant = { name: 'KIOS CONTOH', nmid: 'AID1099000000001', pan: '9360091400000000017' };
const serverKey = 'SB-Mid-server-E2EPLANTEDKEY';
/** Between two tries of a call that failed: a relay may just have died under it. */
const retryMs = 100;

export class Relays {
  readonly #folder: string;
  readonly #postgres: PostgresServer;
  readonly #mosquitto: MosquittoServer;
  #front!: Front;
  #twin!: Program;
  twinUrl = '';
  readonly #names: readonly string[];
  readonly #running = new Map<string, { program: Program; port: number }>();

  private constructor(
    folder: string,
    names: readonly string[],
    postgres: PostgresServer,
    mosquitto: MosquittoServer,
  ) {
    this.#folder = folder;
    this.#names = names;
    this.#postgres = postgres;
    this.#mosquitto = mosquitto;
  }

  static async start(names: readonly string[]): Promise<Relays> {
    const folder = await mkdtemp(join(tmpdir(), 'kios-relays-'));
    const [postgres, mosquitto] = await Promise.all([startPostgres(), startMosquitto()]);
    const relays = new Relays(folder, names, postgres, mosquitto);
    try {
      await relays.#prepare();
      // The first makes the signing key, which the operator then gives to the others.
      for (const name of names) await relays.startRelay(name);
    } catch (error) {
      await relays.end();
      throw error;
    }
    return relays;
  }

  get url(): string {
    return this.#front.url;
  }

  get postgres(): PostgresServer {
    return this.#postgres;
  }

  /** How many connections each running relay has had, in the order of the names. */
  connections(): number[] {
    return this.#names.map((name) => this.#front.taken.get(this.relay(name).port) ?? 0);
  }

  relay(name: string): { program: Program; port: number } {
    const running = this.#running.get(name);
    if (running === undefined) throw new Error(`relay ${name} does not run`);
    return running;
  }

  async startRelay(name: string): Promise<void> {
    const program = new Program('relay', '--config', this.#path(`${name}.yaml`));
    const ready = await program.waitForMessage('relay.ready');
    this.#running.set(name, { program, port: Number(ready['httpPort']) });
  }

  /** kill -9. */
  async killRelay(name: string): Promise<void> {
    const { program } = this.relay(name);
    this.#running.delete(name);
    await program.kill();
  }

  /** What the operator reads at the end of the day. */
  async report(): Promise<{ code: number | null; output: string }> {
    const day = new Date(systemClock.nowMs() + 7 * 3_600_000).toISOString().slice(0, 10);
    return this.command('report', '--day', day);
  }

  async command(...args: string[]): Promise<{ code: number | null; output: string }> {
    const [first = ''] = this.#names;
    return runKios('relay', '--config', this.#path(`${first}.yaml`), ...args);
  }

  async enrol(kioskId: string): Promise<Seller> {
    const made = await this.command('enrolment', '--kiosk', kioskId, '--json');
    const { code } = JSON.parse(made.output) as { code: string };
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const body = { code, publicKey: publicJwk.parse(publicKey.export({ format: 'jwk' })) };
    const answer = await fetch(`${this.url}/v1/enrol`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return new Seller(this, privateKey, enrolAnswer.parse(await answer.json()), this.#mosquitto.ca);
  }

  async pay(qrString: string): Promise<number> {
    const answer = await fetch(`${this.twinUrl}/_twin/wallet/pay`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ qrString, issuer: 'gopay' }),
    });
    await answer.arrayBuffer();
    return answer.status;
  }

  async end(): Promise<void> {
    for (const { program } of this.#running.values()) await program.kill();
    await (this.#twin as Program | undefined)?.kill();
    await (this.#front as Front | undefined)?.close();
    await Promise.all([this.#postgres.stop(), this.#mosquitto.stop()]);
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #prepare(): Promise<void> {
    this.#front = await startFront(() => [...this.#running.values()].map(({ port }) => port));
    await writeFile(this.#path('server-key'), `${serverKey}\n`, { mode: 0o600 });
    await mkdir(this.#path('state'));
    await this.#config('twin', {
      serverKeyFile: this.#path('server-key'),
      http: { port: 0 },
      merchant: {
        ...merchant,
        id: 'G000000001',
        city: 'BANDUNG',
        postalCode: '40111',
        mcc: '5812',
      },
      notifications: { timeScale: 0.01, delayMs: 50 },
    });
    this.#twin = new Program('twin', '--config', this.#path('twin.yaml'));
    const ready = await this.#twin.waitForMessage('twin.ready');
    this.twinUrl = `http://127.0.0.1:${String(ready['port'] ?? ready['httpPort'])}`;
    const url = await this.#postgres.newDatabase();
    for (const name of this.#names) {
      await this.#config(name, {
        environment: 'sandbox',
        http: { host: '127.0.0.1', port: 0 },
        publicUrl: this.#front.url,
        broker: this.#mosquitto.broker,
        store: { postgres: { url } },
        stateDir: this.#path('state'),
        midtrans: {
          baseUrl: this.twinUrl,
          serverKeyFile: this.#path('server-key'),
          merchantId: 'G000000001',
        },
        merchant,
      });
    }
  }

  async #config(name: string, value: unknown): Promise<void> {
    await writeFile(this.#path(`${name}.yaml`), stringify(value));
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }
}

/** A kiosk as far as the wire goes: it proves what it believes, keeps it, acknowledges it, and reports what it did. */
export class Seller {
  readonly #relays: Relays;
  readonly #privateKey: KeyObject;
  readonly #ca: Buffer;
  readonly #keys: TrustedKeys;
  readonly #bootId = `boot-${ulid()}`;
  #client: MqttClient | undefined;
  #waiting = new Set<() => void>();
  readonly enrolled: EnrolAnswer;
  /** Every verdict that was kept, in the order in which it came. */
  readonly kept: Sale[] = [];

  constructor(relays: Relays, privateKey: KeyObject, enrolled: EnrolAnswer, ca: Buffer) {
    this.#relays = relays;
    this.#privateKey = privateKey;
    this.enrolled = enrolled;
    this.#ca = ca;
    this.#keys = new Map(
      enrolled.keys.map((key) => [
        key.kid,
        createPublicKey({ key: { ...key.publicKey }, format: 'jwk' }),
      ]),
    );
  }

  get kioskId(): string {
    return this.enrolled.kioskId;
  }

  async connect(): Promise<void> {
    const topics = kioskTopics(this.kioskId);
    const client = await connectAsync(this.enrolled.brokerUrl, {
      ...{ protocolVersion: 4, clean: false, ca: this.#ca, reconnectPeriod: 200 },
      ...{ clientId: this.kioskId, username: this.kioskId },
      password: this.enrolled.brokerPassword ?? '',
    });
    this.#client = client;
    client.handleMessage = (packet, done) => {
      this.#keep(packet.payload.toString()).then(
        () => {
          done();
        },
        (error: unknown) => {
          done(error instanceof Error ? error : new Error(String(error)));
        },
      );
    };
    await client.subscribeAsync(topics.sale, { qos: 1 });
    const status = { online: true, bootId: this.#bootId, connection: 1, version: '1' };
    await client.publishAsync(topics.status, JSON.stringify(status), { qos: 1, retain: true });
  }

  async disconnect(): Promise<void> {
    await this.#client?.endAsync();
  }

  newSaleId(): string {
    return `${this.kioskId}-${ulid()}`;
  }

  /** Calls until a relay answers with something that is no fault of its own. */
  async call(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; json: unknown }> {
    for (;;) {
      const token = await signKioskToken(
        { kioskId: this.kioskId, bootId: this.#bootId },
        this.#privateKey,
        systemClock.nowMs(),
      );
      const headers = {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      };
      const sent = body === undefined ? {} : { body: JSON.stringify(body) };
      const answer = await fetch(this.#relays.url + path, { method, headers, ...sent }).catch(
        () => undefined,
      );
      const text = await answer?.text().catch(() => undefined);
      if (answer !== undefined && text !== undefined && answer.status < 500) {
        return { status: answer.status, json: JSON.parse(text) };
      }
      await wait(systemClock, retryMs);
    }
  }

  async put(saleId: string, amountIdr: number): Promise<Sale> {
    return sale.parse((await this.call('PUT', `/v1/sales/${saleId}`, { amountIdr })).json);
  }

  async get(saleId: string): Promise<Sale> {
    return sale.parse((await this.call('GET', `/v1/sales/${saleId}`)).json);
  }

  /** The first kept document that fits. */
  async heard(fits: (told: Sale) => boolean): Promise<Sale> {
    return new Promise((resolve) => {
      const look = (): void => {
        const found = this.kept.find(fits);
        if (found === undefined) return;
        this.#waiting.delete(look);
        resolve(found);
      };
      this.#waiting.add(look);
      look();
    });
  }

  async done(saleId: string): Promise<void> {
    const { status } = await this.call('POST', `/v1/sales/${saleId}/fulfilment`, {
      result: 'done',
      signed: signReport({ saleId, result: 'done' }, this.#privateKey, systemClock.nowMs()),
    });
    if (status !== 200) throw new Error(`fulfilment of ${saleId} answered ${status}`);
  }

  async #keep(text: string): Promise<void> {
    const told = sale.parse(JSON.parse(text));
    await verifySale(told, { kioskId: this.kioskId, environment: 'sandbox' }, this.#keys);
    this.kept.push(told);
    const ack = JSON.stringify({ ledgerId: told.ledgerId, upTo: told.seq });
    // Not waited for: its PUBACK comes on this very connection.
    this.#client?.publish(kioskTopics(this.kioskId).ack, ack, { qos: 1 });
    for (const look of [...this.#waiting]) look();
  }
}
