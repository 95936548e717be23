// A whole world of real processes for one test: twin, relay and kiosk, with simulated devices at the kiosk's ports.
import { mkdtemp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import decodeQr from 'qr/decode.js';
import { frameRgba } from '../../drivers/display/png.ts';
import { createDisplaySimulator, type DisplaySimulator } from '../../drivers/display/simulator.ts';
import {
  createVendBoardSimulator,
  type VendBoardSimulator,
} from '../../drivers/dispenser/simulator.ts';
import { createKeypadSimulator, type KeypadSimulator } from '../../drivers/keypad/simulator.ts';
import { printerProfiles } from '../../drivers/printer/profiles.ts';
import {
  createPrinterSimulator,
  type PrinterSimulator,
  type Sheet,
} from '../../drivers/printer/simulator.ts';
import { createScannerSimulator, type ScannerSimulator } from '../../drivers/scanner/simulator.ts';
import type { Frame, Key } from '../../drivers/device.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { freePorts } from '../bench/machine.ts';
import { Program, runKios, type Launch, type LogLine } from './program.ts';

const merchant = { name: 'KIOS CONTOH', nmid: 'AID1099000000001', pan: '9360091400000000017' };
export const serverKey = 'SB-Mid-server-E2EPLANTEDKEY';

export interface WorldOptions {
  /** How long a QR stays payable. */
  expiresInMs?: number;
  /** How long the vend board turns for one item. */
  pulseMs?: number;
  paymentType?: 'qris' | 'gopay';
  /** Makes the kiosk's state folder what it shall be, before anything is in it; the answer undoes that at the end. */
  stateFolder?: (folder: string) => () => Promise<void>;
  /** More of the kiosk's configuration. */
  kiosk?: Record<string, unknown>;
  /** More of the relay's; a setting that is undefined is left out. */
  relay?: Record<string, unknown>;
  /** More of the twin's. */
  twin?: Record<string, unknown>;
  /** false: nobody has enrolled the kiosk, which waits for its set-up QR. */
  enrolled?: false;
  /** How the kiosk's process is started. */
  launch?: Launch;
  /** Where the kiosk finds the relay that listens at this port, when not there itself. */
  relayFor?: (port: number) => Promise<string>;
}

export class World {
  readonly folder: string;
  readonly #options: WorldOptions;
  twin!: Program;
  relay!: Program;
  kiosk!: Program;
  twinUrl = '';
  relayUrl = '';
  keypad!: KeypadSimulator;
  scanner!: ScannerSimulator;
  display!: DisplaySimulator;
  printer!: PrinterSimulator;
  board!: VendBoardSimulator;
  readonly sheets: Sheet[] = [];
  /** Every pulse of the vend board, by sale. */
  readonly pulses: string[] = [];
  /** Whatever listens at a port of the kiosk. */
  readonly #closers: (() => Promise<void>)[] = [];
  #onFrame: ((frame: Frame) => void)[] = [];
  #onSheet: (() => void)[] = [];

  private constructor(folder: string, options: WorldOptions) {
    this.folder = folder;
    this.#options = options;
  }

  /** Everything started, enrolled and ready to sell. */
  static async start(options: WorldOptions = {}): Promise<World> {
    const world = new World(await mkdtemp(join(tmpdir(), 'kios-e2e-')), options);
    try {
      await world.#makeDevices();
      await world.#writeConfigs();
      await Promise.all([world.startTwin(), world.startRelay()]);
      if (options.enrolled === false) {
        await world.startKiosk('kiosk.not-enrolled');
      } else {
        await world.#enrol();
        await world.startKiosk();
        await world.ready();
      }
    } catch (error) {
      await world.end();
      throw error;
    }
    return world;
  }

  async startTwin(): Promise<void> {
    this.twin = new Program('twin', '--config', this.#path('twin.yaml'));
    await this.twin.waitForMessage('twin.ready');
  }

  async startRelay(launch: Launch = {}): Promise<void> {
    this.relay = new Program(launch, 'relay', '--config', this.#path('relay.yaml'));
    await this.relay.waitForMessage('relay.ready');
  }

  /** @param until it has logged that */
  async startKiosk(until = 'kiosk.ready'): Promise<void> {
    const { launch = {} } = this.#options;
    this.kiosk = new Program(launch, 'kiosk', '--config', this.#path('kiosk.yaml'));
    await this.kiosk.waitForMessage(until);
  }

  /** Waits until the kiosk has all of its devices and has heard the relay. */
  async ready(since = 0): Promise<void> {
    await this.kiosk.waitForMessage('broker.up', since);
    await Promise.all([this.keypad.whenOpened(), this.scanner.whenOpened()]);
    await this.kiosk.waitFor(
      'a kiosk that sells',
      (line) => line.msg === 'kiosk.selling' && line['selling'] === true,
      since,
    );
  }

  press(...keys: Key[]): void {
    for (const key of keys) {
      if (!this.keypad.press(key)) throw new Error('nobody has the keypad open');
    }
  }

  async phase(to: string, since = 0): Promise<LogLine> {
    return this.kiosk.waitFor(
      `phase ${to}`,
      (line) => line.msg === 'sale.phase' && line['to'] === to,
      since,
    );
  }

  /** Puts the last sale's screen away, as somebody does who presses until it goes: a claim code stays for a moment. */
  async toIdle(): Promise<void> {
    await this.poll('an idle kiosk', () => {
      const { lastPhase } = this.kiosk;
      if (lastPhase === undefined || lastPhase === 'idle') return Promise.resolve(true);
      this.press('clear');
      return Promise.resolve(false);
    });
  }

  /** The sale that the kiosk last spoke of. */
  async saleId(since = 0): Promise<string> {
    const line = await this.kiosk.waitFor(
      'a sale',
      (entry) => typeof entry['saleId'] === 'string',
      since,
    );
    return String(line['saleId']);
  }

  async statusAtMidtrans(saleId: string): Promise<unknown> {
    const all = await this.transactions();
    return all.find((entry) => entry['orderId'] === saleId)?.['status'];
  }

  async untilPulse(): Promise<void> {
    await this.poll('a pulse', async () => Promise.resolve(this.pulses.length > 0));
  }

  /** Reads the QR of a slip as a phone's camera would. */
  qrOnPaper(sheet: Sheet): string {
    const data = new Uint8Array(sheet.bitmap.length * 4);
    sheet.bitmap.forEach((dot, at) => {
      data.fill(dot === 1 ? 0 : 255, at * 4, at * 4 + 3);
      data[at * 4 + 3] = 255;
    });
    return decodeQr({ width: sheet.widthDots, height: sheet.heightDots, data });
  }

  /** The text of the QR on the screen, read out of its pixels. */
  async qrOnScreen(): Promise<string> {
    for (;;) {
      const frame = this.display.frame();
      const text = frame === undefined ? undefined : readQr(frame);
      if (text !== undefined) return text;
      await this.nextFrame();
    }
  }

  async nextFrame(): Promise<Frame> {
    return new Promise((resolve) => {
      this.#onFrame.push(resolve);
    });
  }

  async sheet(count: number): Promise<Sheet> {
    while (this.sheets.length < count) {
      await new Promise<void>((resolve) => {
        this.#onSheet.push(resolve);
      });
    }
    const sheet = this.sheets[count - 1];
    if (sheet === undefined) throw new Error('no paper');
    return sheet;
  }

  async wallet(
    action: 'scan' | 'pay' | 'decline',
    body: Record<string, unknown>,
  ): Promise<Response> {
    return fetch(`${this.twinUrl}/_twin/wallet/${action}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  }

  /** Pays as a wallet does; throws when the wallet would refuse. */
  async pay(qrString: string, more: Record<string, unknown> = {}): Promise<void> {
    const answer = await this.wallet('pay', { qrString, ...more });
    if (!answer.ok) throw new Error(`the wallet refused: ${answer.status} ${await answer.text()}`);
  }

  async faults(...faults: unknown[]): Promise<void> {
    const answer = await fetch(`${this.twinUrl}/_twin/faults`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(faults),
    });
    if (!answer.ok) throw new Error(`the twin took no fault: ${await answer.text()}`);
  }

  async transactions(): Promise<Record<string, unknown>[]> {
    const answer = await fetch(`${this.twinUrl}/_twin/transactions`);
    const { transactions } = (await answer.json()) as { transactions: Record<string, unknown>[] };
    return transactions;
  }

  /** Asks again and again, without hurry, until it is so; bounded. */
  async poll(what: string, isSo: () => Promise<boolean>): Promise<void> {
    const untilMs = systemClock.monotonicMs() + 20_000;
    while (!(await isSo())) {
      if (systemClock.monotonicMs() > untilMs) throw new Error(`waited in vain for ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async end(): Promise<void> {
    const programs = [this.kiosk, this.relay, this.twin] as (Program | undefined)[];
    await Promise.all(programs.map(async (program) => program?.kill()));
    await Promise.all(this.#closers.splice(0).map(async (close) => close()));
    await rm(this.folder, { recursive: true, force: true });
  }

  async #makeDevices(): Promise<void> {
    this.keypad = await createKeypadSimulator({ path: this.#path('keypad') });
    this.scanner = await createScannerSimulator({ path: this.#path('scanner') });
    this.display = await createDisplaySimulator({
      listen: { path: this.#path('display') },
      geometry: { width: 800, height: 480, widthMm: 155 },
      onFrame: (frame) => {
        for (const resolve of this.#onFrame.splice(0)) resolve(frame);
      },
    });
    this.printer = await createPrinterSimulator({
      // A kiosk that is started through something else may have another loopback.
      listen: this.#options.launch === undefined ? { port: 0 } : { path: this.#path('printer') },
      profile: printerProfiles['generic-58'],
      onPaper: (sheet) => {
        this.sheets.push(sheet);
        for (const resolve of this.#onSheet.splice(0)) resolve();
      },
    });
    this.board = await createVendBoardSimulator({
      listen: { path: this.#path('board') },
      clock: systemClock,
      pulseMs: this.#options.pulseMs ?? 20,
      onPulse: (id) => void this.pulses.push(id),
    });
    this.#afterwards(
      async () => this.keypad.unplug(),
      async () => this.scanner.unplug(),
      async () => this.display.unplug(),
      async () => this.printer.close(),
      async () => this.board.close(),
    );
  }

  #afterwards(...closers: (() => Promise<void>)[]): void {
    this.#closers.push(...closers);
  }

  async #writeConfigs(): Promise<void> {
    const [twinPort, relayPort, mqttPort] = await freePorts(3);
    this.twinUrl = `http://127.0.0.1:${twinPort}`;
    this.relayUrl = `http://127.0.0.1:${relayPort}`;
    await writeFile(this.#path('server-key'), `${serverKey}\n`, { mode: 0o600 });
    await mkdir(this.#path('relay'));
    await mkdir(this.#path('kiosk'), { mode: 0o700 });
    const undo = this.#options.stateFolder?.(this.#path('kiosk'));
    if (undo !== undefined) this.#afterwards(undo);
    await this.#config('twin.yaml', {
      serverKeyFile: this.#path('server-key'),
      http: { port: twinPort },
      merchant: {
        ...merchant,
        id: 'G000000001',
        city: 'BANDUNG',
        postalCode: '40111',
        mcc: '5812',
      },
      stateFile: this.#path('twin.json'),
      ...this.#options.twin,
    });
    await this.#config('relay.yaml', {
      environment: 'sandbox',
      http: { host: '127.0.0.1', port: relayPort },
      publicUrl: this.relayUrl,
      mqtt: { host: '127.0.0.1', port: mqttPort },
      store: { sqlite: this.#path('relay', 'relay.sqlite') },
      stateDir: this.#path('relay'),
      midtrans: {
        baseUrl: this.twinUrl,
        serverKeyFile: this.#path('server-key'),
        merchantId: 'G000000001',
        paymentType: this.#options.paymentType ?? 'qris',
      },
      merchant,
      sale: { expiresInMs: this.#options.expiresInMs ?? 180_000 },
      ...this.#options.relay,
    });
    await this.#config('kiosk.yaml', {
      stateDir: this.#path('kiosk'),
      ...{ keypad: { at: this.keypad.at }, scanner: { at: this.scanner.at } },
      ...{ display: { at: this.display.at }, printer: { at: this.printer.at } },
      // These customers all pay the same.
      ...{ dispenser: { at: this.board.at, anyAmount: true }, askAgainS: 0 },
      catalogue: {
        '8991002101234': { id: 'kopi', name: 'Kopi susu', priceIdr: 12_000 },
        '96385074': { id: 'teh', name: 'Teh botol', priceIdr: 5_000 },
      },
      ...this.#options.kiosk,
    });
  }

  async #enrol(): Promise<void> {
    const made = await runKios(
      'relay',
      'enrolment',
      '--config',
      this.#path('relay.yaml'),
      '--kiosk',
      'ksk01',
      '--json',
    );
    const { code } = JSON.parse(made.output) as { code: string };
    const port = Number(new URL(this.relayUrl).port);
    const seenAs = (await this.#options.relayFor?.(port)) ?? this.relayUrl;
    const serial = this.#options.kiosk?.['serial'];
    const { launch = {} } = this.#options;
    const done = await runKios(
      launch,
      'enrol',
      ...['--relay', seenAs, '--code', code, '--state', this.#path('kiosk')],
      ...(typeof serial === 'string' ? ['--serial', serial] : []),
    );
    if (done.code !== 0) throw new Error(`enrolment failed: ${done.output}`);
  }

  /** A new card: neither identity nor journal. */
  async forgetIdentity(): Promise<void> {
    await rm(this.#path('kiosk'), { recursive: true });
    await mkdir(this.#path('kiosk'), { mode: 0o700 });
  }

  /** Edits the kiosk's configuration as a technician would, while the kiosk is down. */
  async changeKioskConfig(edit: (text: string) => string): Promise<void> {
    const path = this.#path('kiosk.yaml');
    await writeFile(path, edit(await readFile(path, 'utf8')));
  }

  async #config(name: string, value: unknown): Promise<void> {
    await writeFile(this.#path(name), stringify(value));
  }

  #path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }
}

/** Reads the QR of a frame as a phone's camera would; undefined when there is none. */
export function readQr(frame: Frame): string | undefined {
  try {
    return decodeQr({ width: frame.width, height: frame.height, data: frameRgba(frame) });
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}
