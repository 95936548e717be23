// One running guest: its power, its hardware from outside, and commands inside. Whatever happens, no guest and no folder
// of it outlives `end`, and no guest outlives this process.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, wait } from '../../../src/lib/clock.ts';
import type { Answer, Ask, Ran } from './agent-words.ts';
import { connectSoon, speakJson, type JsonSocket } from './json-socket.ts';
import { launch, rootDisk, type GuestImage, type GuestOptions } from './launch.ts';
import { Monitor } from './monitor.ts';
import { shareTags, sockets, usbSocket } from './qemu-line.ts';

/** An emulated machine boots in half a minute, on a busy host in several. */
const bootLimitMs = 300_000;
/** Of a console, in the message of a failed boot. */
const shownChars = 4_000;
const connectLimitMs = 10_000;
const answerLimitMs = 60_000;
const pollMs = 20;
const shutdownLimitMs = 3_000;
const mountWords = 'trans=virtio,version=9p2000.L,msize=512000,cache=loose,ro';

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

type Asked = Ask extends infer One ? (One extends { id: number } ? Omit<One, 'id'> : never) : never;

export class Guest {
  readonly folder: string;
  readonly #child: ChildProcess;
  readonly #exited = new AbortController();
  readonly #waiting = new Map<number, PromiseWithResolvers<Answer>>();
  #hello = Promise.withResolvers<undefined>();
  #monitor: Monitor | undefined;
  #agent: JsonSocket | undefined;
  #lastId = 0;

  private constructor(folder: string, child: ChildProcess) {
    this.folder = folder;
    this.#child = child;
    running.add(child);
    child.once('exit', () => {
      running.delete(child);
      this.#exited.abort(
        new Error(`qemu ended: ${readFileSync(join(folder, 'qemu.log'), 'utf8')}`),
      );
      this.#monitor?.close();
      for (const { reject } of this.#waiting.values()) reject(new Error('the guest is off'));
    });
  }

  /** Resumes the saved state, or boots where there is none, and then mounts the shares. */
  static async start(image: GuestImage, options: GuestOptions = {}): Promise<Guest> {
    const folder = await mkdtemp(join(tmpdir(), 'kios-guest-'));
    const child = await launch(folder, image, options);
    const guest = new Guest(folder, child);
    try {
      await guest.#begin(image.warm !== undefined);
      if (image.warm !== undefined && options.dataDisk !== undefined) {
        await guest.measure(options.dataDisk.file);
      }
      if (image.warm !== undefined || image.used !== undefined) await guest.mountShares();
    } catch (error) {
      await guest.end();
      throw error;
    }
    return guest;
  }

  async #begin(resumed: boolean): Promise<void> {
    const at = sockets(this.folder);
    const { signal } = this.#exited;
    this.#monitor = new Monitor(await connectSoon(at.monitor, connectLimitMs, signal));
    await this.#monitor.do('qmp_capabilities');
    const agent = await connectSoon(at.agent, connectLimitMs, signal);
    this.#agent = speakJson(agent, (message) => {
      this.#take(message as Answer);
    });
    if (!resumed) {
      await this.untilBooted();
      return;
    }
    await this.#until('running', async () => {
      const { status } = (await this.do('query-status')) as { status: string };
      if (status === 'paused') await this.do('cont');
      return status === 'running';
    });
    // Its clock stood still.
    await this.sh(`date --utc --set=@${(systemClock.nowMs() / 1000).toFixed(3)}`);
  }

  /** Tells it that the second disk has become another one: a saved state knows it as it was when it was frozen. */
  async measure(file: string): Promise<void> {
    await this.do('block_resize', { 'node-name': 'data', size: statSync(file).size });
  }

  /** The folders of this machine that it may see; a resumed guest has them, one that has booted anew does not. */
  async mountShares(): Promise<void> {
    const each = shareTags.map((tag) => `mount -t 9p -o ${mountWords} ${tag} /mnt/${tag}`);
    await this.sh(each.join(' && '));
  }

  /** Resolves at the agent's next hello: after a start without a saved state, and after a reset. */
  async untilBooted(): Promise<void> {
    const given = new AbortController();
    await Promise.race([
      this.#hello.promise,
      wait(systemClock, bootLimitMs, given.signal).then(() => {
        if (given.signal.aborted) return;
        const console = readFileSync(join(this.folder, 'console.log'), 'latin1').slice(-shownChars);
        throw new Error(`no agent within ${bootLimitMs} ms; the console ends with\n${console}`);
      }),
      once(this.#exited.signal, 'abort').then(() => {
        throw this.#exited.signal.reason;
      }),
    ]);
    given.abort();
    this.#hello = Promise.withResolvers();
  }

  /** A command of qemu's monitor. */
  async do(command: string, args: object = {}): Promise<unknown> {
    if (this.#monitor === undefined) throw new Error('the guest is off');
    return this.#monitor.do(command, args);
  }

  /** Names of what has happened to the hardware. */
  get events(): readonly string[] {
    return this.#monitor?.events ?? [];
  }

  /** Runs bash text in the guest, whatever comes of it. */
  async run(command: string, limitMs = answerLimitMs): Promise<Ran> {
    const answer = await this.#ask({ run: command, limitMs });
    if (!('ran' in answer)) throw new Error(`the agent did not run ${command}`);
    return answer.ran;
  }

  /** Runs bash text in the guest and answers what it printed. @throws Error when it fails */
  async sh(command: string, limitMs = answerLimitMs): Promise<string> {
    const { code, out, err } = await this.run(command, limitMs);
    if (code !== 0) throw new Error(`in the guest, status ${code}: ${command}\n${out}${err}`);
    return out.trimEnd();
  }

  async put(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
    await this.#ask({ put: path, base64: Buffer.from(content).toString('base64'), mode });
  }

  async get(path: string): Promise<Buffer> {
    const answer = await this.#ask({ get: path });
    if (!('base64' in answer)) throw new Error(`the agent did not read ${path}`);
    return Buffer.from(answer.base64, 'base64');
  }

  /** What the panel shows, as a PNG. */
  async screenshot(): Promise<Buffer> {
    const file = join(this.folder, 'screen.png');
    await this.do('screendump', { filename: file, format: 'png' });
    return readFile(file);
  }

  usbSocket(port: number): string {
    return usbSocket(this.folder, port);
  }

  /** Freezes it with its disk into a folder, for `start`, and ends it. */
  async freeze(state: string, disk: string): Promise<void> {
    await this.sh('sync');
    await this.do('stop');
    await this.do('migrate', { uri: `exec:cat > ${state}` });
    await this.#until('saved', async () => {
      const { status } = (await this.do('query-migrate')) as { status: string };
      if (status === 'failed') throw new Error('the guest could not be saved');
      return status === 'completed';
    });
    this.#child.kill('SIGTERM');
    if (!this.#exited.signal.aborted) await once(this.#exited.signal, 'abort');
    await this.copyDisk(disk);
    await this.end();
  }

  /** Its first disk as it is now, for `GuestImage.used`; of one that was switched off as well. */
  async copyDisk(to: string): Promise<void> {
    const isOn = !this.#exited.signal.aborted;
    // qemu writes out all that it holds back.
    if (isOn) await this.do('stop');
    await copyFile(rootDisk(this.folder), to);
    if (isOn) await this.do('cont');
  }

  /** The plug is pulled: no flush and no goodbye. What its disks hold stays until `end`. */
  async cutPower(): Promise<void> {
    if (this.#exited.signal.aborted) return;
    this.#child.kill('SIGKILL');
    await once(this.#exited.signal, 'abort');
  }

  /** Off, and nothing of it left. */
  async end(): Promise<void> {
    this.#child.kill('SIGTERM');
    const late = new AbortController();
    if (!this.#exited.signal.aborted) {
      const gone = once(this.#exited.signal, 'abort').then(() => {
        late.abort();
      });
      await wait(systemClock, shutdownLimitMs, late.signal);
      this.#child.kill('SIGKILL');
      await gone;
    }
    this.#agent?.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  async #until(what: string, isSo: () => Promise<boolean>): Promise<void> {
    const untilMs = systemClock.monotonicMs() + answerLimitMs;
    while (!(await isSo())) {
      if (systemClock.monotonicMs() > untilMs) throw new Error(`the guest is not ${what}`);
      await wait(systemClock, pollMs);
    }
  }

  async #ask(asked: Asked): Promise<Answer> {
    if (this.#agent === undefined || this.#exited.signal.aborted) {
      throw new Error('the guest is off');
    }
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<Answer>();
    this.#waiting.set(id, answer);
    this.#agent.send({ id, ...asked });
    const given = await answer.promise;
    if ('failed' in given) throw new Error(`the agent: ${given.failed}`);
    return given;
  }

  #take(answer: Answer): void {
    if ('hello' in answer) {
      this.#hello.resolve(undefined);
      return;
    }
    this.#waiting.get(answer.id)?.resolve(answer);
    this.#waiting.delete(answer.id);
  }
}
