// For tests of set-up sheets: a real daemon with a real scanner and screen at its ports, a real relay, and root's own code
// behind a folder that stands for the system.
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pino } from 'pino';
import { vi } from 'vitest';
import type { Frame } from '../../drivers/device.ts';
import { createDisplaySimulator, type DisplaySimulator } from '../../drivers/display/simulator.ts';
import { createRenderer } from '../../drivers/display/render.ts';
import { createScannerSimulator, type ScannerSimulator } from '../../drivers/scanner/simulator.ts';
import { readAnswers } from '../../src/field/requests.ts';
import { obeyNet } from '../../src/field/set-net.ts';
import type { AskRoot } from '../../src/kiosk/ask-root.ts';
import { kioskConfig } from '../../src/kiosk/config.ts';
import { setUpScene, type SetUp } from '../../src/kiosk/enrol-screen.ts';
import { startKiosk, type RunningKiosk } from '../../src/kiosk/run.ts';
import { systemClock, type Clock } from '../../src/lib/clock.ts';
import { publicJwk } from '../../src/protocol/api.ts';
import { signSheet, type EnrolSheet, type Sheet } from '../../src/protocol/sheet.ts';
import { seededRandom } from '../../src/twin/random.ts';
import { makeRootTree, type RootTree } from '../field/root-tree.ts';
import type { Setting } from '../relay/setting.ts';

const geometry = { width: 800, height: 480, widthMm: 155 };
const patienceMs = 20_000;

export const dayS = 86_400;
export const nowS = (): number => Math.floor(systemClock.nowMs() / 1000);

/** The key by which the relay of a setting signs. */
export function relayKeyOf({ config }: Setting): { privateKey: KeyObject; pin: string } {
  const pem = readFileSync(join(config.stateDir, 'relay-key.pem'));
  return keyOf(createPrivateKey(pem));
}

export function anyKey(): { privateKey: KeyObject; pin: string } {
  return keyOf(generateKeyPairSync('ed25519').privateKey);
}

function keyOf(privateKey: KeyObject): { privateKey: KeyObject; pin: string } {
  const { x } = publicJwk.parse({ ...privateKey.export({ format: 'jwk' }) });
  return { privateKey, pin: x };
}

/** The set-up QR of a relay for a kiosk. */
export async function enrolmentQr(
  relay: Setting,
  change: Partial<EnrolSheet> = {},
  key = relayKeyOf(relay),
): Promise<string> {
  const code = (await relay.code('ksk01')).replaceAll('-', '');
  const sheet: Sheet = {
    ...{ kind: 'enrol', issuedS: nowS(), deadlineS: nowS() + 600, site: 'kuta-square' },
    ...{ relayUrl: relay.relayUrl, code, pin: key.pin, ...change },
  };
  return signSheet(sheet, key.privateKey);
}

export class SetUpKiosk {
  readonly folder = mkdtempSync(join(tmpdir(), 'kios-set-up-'));
  readonly root: RootTree = makeRootTree();
  scanner!: ScannerSimulator;
  display!: DisplaySimulator;
  running!: RunningKiosk;
  /** Whether the kiosk ended by itself. */
  ended = false;
  /** Waits of the kiosk pass so much faster. */
  haste = 10;
  /** Nobody of this user may write where root looks. */
  rootIsClosed = false;
  readonly #lines: string[] = [];

  static async make(): Promise<SetUpKiosk> {
    const kiosk = new SetUpKiosk();
    rmSync(kiosk.stateDir, { recursive: true });
    // The system's tools are stand-ins; `vi.unstubAllEnvs` brings the real ones back.
    vi.stubEnv('PATH', kiosk.root.tools);
    const path = (name: string): string => join(kiosk.folder, name);
    kiosk.scanner = await createScannerSimulator({ path: path('scanner'), speaks: 'keys' });
    kiosk.display = await createDisplaySimulator({
      ...{ listen: { path: path('display') }, geometry },
    });
    return kiosk;
  }

  /** Where root looks for the identity; the kiosk makes it. */
  get stateDir(): string {
    return dirname(this.root.places.identity);
  }

  get log(): string {
    return this.#lines.join('');
  }

  async start(more: Record<string, unknown> = {}): Promise<void> {
    const config = kioskConfig.parse({
      stateDir: this.stateDir,
      scanner: { at: this.scanner.at, rereadMs: 0 },
      display: { at: this.display.at },
      technicianCode: '314159',
      ...more,
    });
    const log = pino({ level: 'debug' }, { write: (line: string) => void this.#lines.push(line) });
    this.ended = false;
    this.running = await startKiosk({
      ...{ config, clock: this.#clock(), log, random: seededRandom(3), version: '0.1.0' },
      ...{ askRoot: this.askRoot, operatorKeyFile: this.root.places.operatorKey },
    });
    void this.running.ended.then(() => (this.ended = true));
    if (config.scanner !== undefined) await this.scanner.whenOpened();
  }

  /** As systemd does when it ended. */
  async startAgain(more: Record<string, unknown> = {}): Promise<void> {
    await this.running.stop();
    await this.start(more);
  }

  scan(text: string): void {
    if (!this.scanner.scan({ text })) throw new Error('nobody has the scanner open');
  }

  /** Provisioning brings the operator's public key. */
  bringOperatorKey(key: KeyObject): void {
    const pem = createPublicKey(key).export({ type: 'spki', format: 'pem' });
    writeFileSync(this.root.places.operatorKey, pem);
  }

  /** Waits until the screen shows exactly this. */
  async shows(setUp: SetUp): Promise<void> {
    const wanted = createRenderer({ geometry }).render(setUpScene(setUp, 'id'));
    await this.until(JSON.stringify(setUp), () => isSame(this.display.frame(), wanted));
  }

  /** Waits until it is so; looked at whenever the screen or the log may have changed. */
  async until(what: string, isSo: () => boolean): Promise<void> {
    const untilMs = systemClock.monotonicMs() + patienceMs;
    while (!isSo()) {
      if (systemClock.monotonicMs() > untilMs) {
        throw new Error(`waited in vain for ${what}; the log ends with\n${this.log.slice(-3000)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** All that the kiosk keeps, to look for what must not be there. */
  kept(): string {
    const names = readdirSync(this.stateDir, { recursive: true, withFileTypes: true });
    const files = names.filter((entry) => entry.isFile());
    return files
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
      .join('\n');
  }

  async end(): Promise<void> {
    await this.running.stop();
    vi.unstubAllEnvs();
    await this.scanner.unplug();
    await this.display.unplug();
    this.root.remove();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Root's own code, at once. */
  readonly askRoot: AskRoot = async (task, request) => {
    if (task !== 'net') return undefined;
    if (this.rootIsClosed) throw new Error('EACCES: permission denied');
    this.root.request(task, request, `${request.id}.json`);
    await obeyNet(this.root.places, this.#clock());
    return readAnswers(this.root.places, task).find(({ id }) => id === request.id);
  };

  #clock(): Clock {
    return {
      ...systemClock,
      after: (delayMs, call) => systemClock.after(delayMs / this.haste, call),
    };
  }
}

function isSame(shown: Frame | undefined, wanted: Frame): boolean {
  return shown !== undefined && Buffer.compare(bytes(shown), bytes(wanted)) === 0;
}

const bytes = ({ pixels }: Frame): Uint8Array =>
  new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength);
