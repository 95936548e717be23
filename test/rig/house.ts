// The world outside of a guest: twin and relay as real processes of this machine, and one kiosk enrolled with them, whose
// identity is then carried into the guest.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { z } from 'zod';
import { systemClock, wait } from '../../src/lib/clock.ts';
import { isSettled } from '../../src/protocol/verdict.ts';
import { balanceOf, isBalanced, type Balance, type BalanceRow } from '../../src/relay/balance.ts';
import { connectDatabase } from '../../src/relay/store/connect.ts';
import { dayStore } from '../../src/relay/store/day.ts';
import { freePorts } from '../bench/machine.ts';
import { Program, runKios } from '../e2e/program.ts';
import { makeCertificates } from '../relay/mosquitto-server.ts';
import { hostSeenFromGuest } from './machine/qemu-line.ts';

const merchant = { name: 'KIOS CONTOH', nmid: 'AID1099000000001', pan: '9360091400000000017' };
export const kioskId = 'rig01';
/** The guest has no serial of its own that outlives it. */
export const serial = 'rig-guest';
const serverKey = 'SB-Mid-server-RIGKEY';
/** An emulated kiosk takes its time. */
const expiresInMs = 600_000;
const pollMs = 100;
const patienceMs = 120_000;

const order = z.object({ orderId: z.string(), status: z.string(), amountIdr: z.number() });
export type Order = z.infer<typeof order>;

export interface Books {
  balance: Balance;
  balanced: boolean;
  /** Where the two differ, and what fits nowhere. */
  strange: readonly string[];
}

export class House {
  readonly folder: string;
  readonly ports: { relay: number; mqtt: number };
  /** Where kiosks are told to find the relay. */
  readonly relayUrl: string;
  readonly #twinUrl: string;
  readonly #isFar: boolean;
  #programs: Program[] = [];

  private constructor(folder: string, twinPort: number, ports: House['ports'], isFar: boolean) {
    this.folder = folder;
    this.ports = ports;
    this.#isFar = isFar;
    this.relayUrl = isFar
      ? `https://${hostSeenFromGuest}:${ports.relay}`
      : `http://127.0.0.1:${ports.relay}`;
    this.#twinUrl = `http://127.0.0.1:${twinPort}`;
  }

  /** Everything started, and a kiosk enrolled. */
  static async open(): Promise<House> {
    const house = await House.#start(false);
    try {
      await house.#enrol();
    } catch (error) {
      await house.close();
      throw error;
    }
    return house;
  }

  /** Everything started as it is in the field: the relay by TLS alone, by `caFile`; the kiosk has yet to be enrolled. */
  static async openFar(): Promise<House> {
    return House.#start(true);
  }

  static async #start(isFar: boolean): Promise<House> {
    const [twin = 0, relay = 0, mqtt = 0] = await freePorts(3);
    const folder = await mkdtemp(join(tmpdir(), 'kios-house-'));
    const house = new House(folder, twin, { relay, mqtt }, isFar);
    try {
      if (isFar) makeCertificates(folder, hostSeenFromGuest);
      await house.#write(twin);
      house.#programs = [
        new Program('twin', '--config', house.#path('twin.yaml')),
        new Program('relay', '--config', house.#path('relay.yaml')),
      ];
      await Promise.all(house.#programs.map((one) => one.waitFor('ready', isReady)));
    } catch (error) {
      await house.close();
      throw error;
    }
    return house;
  }

  get relayConfig(): string {
    return this.#path('relay.yaml');
  }

  /** Who has signed the certificate of a relay that is far. */
  get caFile(): string {
    return this.#path('ca.crt');
  }

  /** A code by which a kiosk enrols. */
  async enrolmentCode(): Promise<string> {
    const made = await this.relay('enrolment', '--kiosk', kioskId, '--json');
    return z.object({ code: z.string() }).parse(JSON.parse(made)).code;
  }

  /** What the operator types behind `kios relay`; answers what it said. @throws Error when it fails */
  async relay(...words: readonly string[]): Promise<string> {
    const { code, output } = await runKios('relay', '--config', this.relayConfig, ...words);
    if (code !== 0) throw new Error(`kios relay ${words.join(' ')}: ${output}`);
    return output;
  }

  /** The kiosk's identity, for its state folder. */
  async identity(): Promise<Buffer> {
    return readFile(this.#path('kiosk', 'identity.json'));
  }

  /** Pays as a wallet does. @throws Error when the wallet refuses */
  async pay(qrString: string): Promise<void> {
    const answer = await fetch(`${this.#twinUrl}/_twin/wallet/pay`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ qrString }),
    });
    if (!answer.ok) throw new Error(`the wallet refused: ${answer.status} ${await answer.text()}`);
  }

  /** Midtrans' book. */
  async orders(): Promise<Order[]> {
    const answer = await fetch(`${this.#twinUrl}/_twin/transactions`);
    return z.object({ transactions: z.array(order) }).parse(await answer.json()).transactions;
  }

  /** Rule 9 over Midtrans' book and the relay's, each read for itself. */
  async books(): Promise<Books> {
    const database = await connectDatabase(
      { sqlite: this.#path('relay', 'relay.sqlite') },
      systemClock,
    );
    try {
      const store = dayStore(database);
      const rows: BalanceRow[] = [];
      const strange: string[] = [];
      for (const { orderId, status } of await this.orders()) {
        const row = await store.saleWithClaim(orderId);
        const settled = row !== undefined && isSettled(row.sale.verdict);
        if (settled !== (status === 'settlement')) strange.push(`${orderId}: ${status}`);
        if (row !== undefined) rows.push(row);
      }
      const balance = balanceOf(rows);
      strange.push(...balance.differences.map(({ saleId, kind }) => `${saleId}: ${kind}`));
      return { balance, balanced: isBalanced(balance), strange };
    } finally {
      await database.close();
    }
  }

  /** Stops the relay's process where it stands, or lets it go on. @throws Error where it is gone */
  holdRelay(isHeld: boolean): void {
    const relay = this.#programs.at(-1);
    if (relay === undefined) throw new Error('there is no relay');
    process.kill(relay.pid, isHeld ? 'SIGSTOP' : 'SIGCONT');
  }

  async close(): Promise<void> {
    await Promise.all(this.#programs.map(async (program) => program.kill()));
    await rm(this.folder, { recursive: true, force: true });
  }

  async #write(twinPort: number): Promise<void> {
    const keyFile = this.#path('server-key');
    await writeFile(keyFile, `${serverKey}\n`, { mode: 0o600 });
    await mkdir(this.#path('relay'));
    const place = { id: 'G000000001', city: 'BANDUNG', postalCode: '40111', mcc: '5812' };
    await this.#config('twin.yaml', {
      ...{ serverKeyFile: keyFile, http: { port: twinPort }, stateFile: this.#path('twin.json') },
      merchant: { ...merchant, ...place },
    });
    const { relay, mqtt } = this.ports;
    const tls = { certFile: this.#path('broker.crt'), keyFile: this.#path('broker.key') };
    const secured = this.#isFar ? { tls } : {};
    const told = this.#isFar ? { publicUrl: `mqtts://${hostSeenFromGuest}:${mqtt}` } : {};
    await this.#config('relay.yaml', {
      environment: 'sandbox',
      http: { host: '127.0.0.1', port: relay, ...secured },
      publicUrl: this.relayUrl,
      mqtt: { host: '127.0.0.1', port: mqtt, ...secured, ...told },
      store: { sqlite: this.#path('relay', 'relay.sqlite') },
      stateDir: this.#path('relay'),
      midtrans: {
        ...{ baseUrl: this.#twinUrl, serverKeyFile: keyFile, merchantId: place.id },
        paymentType: 'qris',
      },
      merchant,
      sale: { expiresInMs },
    });
  }

  async #config(name: string, value: unknown): Promise<void> {
    await writeFile(this.#path(name), stringify(value));
  }

  async #enrol(): Promise<void> {
    const relay = ['--relay', this.relayUrl, '--code', await this.enrolmentCode()];
    const state = ['--state', this.#path('kiosk'), '--serial', serial];
    const done = await runKios('enrol', ...relay, ...state);
    if (done.code !== 0) throw new Error(`enrolment failed: ${done.output}`);
  }

  #path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }
}

const isReady = ({ msg }: { msg: string }): boolean =>
  msg === 'twin.ready' || msg === 'relay.ready';

/** Asks again and again, without hurry, until it is so; bounded. @throws Error when it never is */
export async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const untilMs = systemClock.monotonicMs() + patienceMs;
  while (!(await isSo())) {
    if (systemClock.monotonicMs() > untilMs) throw new Error(`waited in vain for ${what}`);
    await wait(systemClock, pollMs);
  }
}
