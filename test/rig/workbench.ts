// A guest with our users and udev rules and without a kiosk: devices are plugged in, and opened by the bench program in there
// (`guest-bench.ts`) as the user of the kiosk, so that what our rules permit is what there is.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { BenchOrder, BenchWord } from './bench-words.ts';
import { entryFile } from '../../src/field/bundle-program.ts';
import { makeRelease } from './guest-kiosk.ts';
import { until } from './house.ts';
import { Guest } from './machine/guest.ts';
import type { GuestImage } from './machine/launch.ts';

const root = join(import.meta.dirname, '../..');
const benchFile = 'rig-bench.mjs';
/** Native parts, which the release has as packages. */
const outside = ['node-hid', 'usb', 'sharp', '@serialport/bindings-cpp'];
const banner = `const require = process.getBuiltinModule('node:module').createRequire(import.meta.url);`;
/** As kios.service has them beside the groups of its user. */
const asKiosk = 'setpriv --reuid=kios --regid=kios --groups=kios,video,lp,dialout,gpio';
const memory = '/run/rig-memory';

export class Workbench {
  readonly guest: Guest;
  readonly #undo: AsyncDisposableStack;
  #programs = 0;

  private constructor(guest: Guest, undo: AsyncDisposableStack) {
    this.guest = guest;
    this.#undo = undo;
  }

  static async open(image: GuestImage): Promise<Workbench> {
    await using undo = new AsyncDisposableStack();
    const share = undo.adopt(await mkdtemp(join(tmpdir(), 'kios-bench-')), (one) =>
      rm(one, { recursive: true }),
    );
    await makeRelease(share);
    await build({
      ...{ absWorkingDir: root, entryPoints: ['test/rig/guest-bench.ts'] },
      ...{ outfile: join(share, benchFile), bundle: true, platform: 'node', format: 'esm' },
      ...{ target: 'node24', external: outside, banner: { js: banner }, logLevel: 'error' },
    });
    const guest = undo.adopt(await Guest.start(image, { share }), (one) => one.end());
    await guest.sh(`set -e
      systemd-sysusers /mnt/host/systemd/kios.sysusers
      cp /mnt/host/systemd/99-kios.rules /etc/udev/rules.d/
      udevadm control --reload
      install -d -o kios ${memory} /var/lib/kios`);
    return new Workbench(guest, undo.move());
  }

  /** The program as a technician starts it, with what it answered. @param as the user of the kiosk, with its groups; else root */
  async kios(line: string, as?: 'kios'): Promise<{ code: number; out: string; err: string }> {
    return this.guest.run(`${as === undefined ? '' : asKiosk} node /mnt/run/${entryFile} ${line}`);
  }

  /** A bench with nothing open. Several may run; what they remember of orders is the same. */
  async start(): Promise<BenchProgram> {
    const name = `/run/bench-${++this.#programs}`;
    const pid = await this.guest.sh(`
      mkfifo ${name}.in; : >${name}.out
      exec ${asKiosk} node /mnt/run/${benchFile} ${memory} <>${name}.in >${name}.out 2>&1 &
      echo $!`);
    const program = new BenchProgram(this.guest, name, Number(pid));
    await program.heard('a bench', ({ at, state }) => at === 'bench' && state === 'up');
    return program;
  }

  /** The links of our rules that begin so, in the order of the ports; waits until there are as many. */
  async links(kind: string, count: number): Promise<string[]> {
    let found: string[] = [];
    await until(`${count} links ${kind}`, async () => {
      const listed = await this.guest.sh(
        `udevadm settle; find -L /dev/kios -name '${kind}*' -type c -group kios | sort`,
      );
      found = listed.split('\n').filter(Boolean);
      return found.length >= count;
    });
    return found;
  }

  async close(): Promise<void> {
    await this.#undo.disposeAsync();
  }
}

export class BenchProgram {
  readonly #guest: Guest;
  readonly #name: string;
  readonly #pid: number;
  #text = '';

  constructor(guest: Guest, name: string, pid: number) {
    this.#guest = guest;
    this.#name = name;
    this.#pid = pid;
  }

  async say(order: BenchOrder): Promise<void> {
    await this.#guest.sh(`echo '${JSON.stringify(order)}' >${this.#name}.in`);
  }

  /** Everything that it has said so far. */
  async words(): Promise<BenchWord[]> {
    this.#text = (await this.#guest.get(`${this.#name}.out`)).toString();
    const whole = this.#text.slice(0, this.#text.lastIndexOf('\n') + 1);
    return whole.split('\n').flatMap((line) => {
      return line.startsWith('{') ? [JSON.parse(line) as BenchWord] : [];
    });
  }

  /** The first word after `since` that fits. @throws Error with all that it said */
  async heard(what: string, fits: (word: BenchWord) => boolean, since = 0): Promise<BenchWord> {
    let found: BenchWord | undefined;
    try {
      await until(what, async () => {
        found = (await this.words()).slice(since).find(fits);
        return found !== undefined;
      });
    } catch (error) {
      throw new Error(`${what}; the bench said\n${this.#text}`, { cause: error });
    }
    if (found === undefined) throw new Error(what);
    return found;
  }

  /** Opens a device and waits until it is up. */
  async open(kind: Extract<BenchOrder, { open: string }>['open'], at: string): Promise<void> {
    await this.say({ open: kind, at });
    await this.heard(`${at} up`, (word) => word.at === at && word.state === 'up');
  }

  /** kill -9. */
  async kill(): Promise<void> {
    await this.#guest.sh(`kill -9 ${this.#pid}`);
  }
}
