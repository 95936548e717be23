// The whole house under one process: starts the parts, enrols the kiosk, watches over them, and takes all down again.
import { join } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../lib/clock.ts';
import { checkTable, CheckFailure } from './check-table.ts';
import { runCheck } from './check.ts';
import { createVirtualDevices, type VirtualDevices } from './devices.ts';
import { greeting, kioskLogFile, type TerminalSize } from './greeting.ts';
import { furnish, openHouse, type House } from './house.ts';
import { deviceKinds, DemoRefusal, kioskId, type DemoOptions } from './options.ts';
import { servePage, type BenchPage } from './page-server.ts';
import { startPart, type Part, type PartOptions } from './part.ts';

export interface DemoWorld {
  clock: Clock;
  /** One line for the person at the terminal. */
  say: (line: string) => void;
  /** Aborts when the person wants it to end. */
  stopping: AbortSignal;
  /** The size of the terminal; undefined where there is none. */
  terminal: TerminalSize | undefined;
}

/** Why the demo is over before its own end. */
class Over extends Error {
  readonly part: Part | undefined;

  constructor(part?: Part, why = 'stopped by hand') {
    super(why);
    this.name = 'Over';
    this.part = part;
  }
}

/**
 * Runs until it is stopped, a part dies, or the check is done. The answer is the exit code.
 * @throws DemoRefusal when what was asked for cannot be; then nothing was started
 */
export async function runDemo(options: DemoOptions, world: DemoWorld): Promise<number> {
  const house = await openHouse(options);
  let failed = true;
  const parts = new PartsOfTheHouse(house, world);
  let devices: VirtualDevices | undefined;
  let page: BenchPage | undefined;
  try {
    devices = await createVirtualDevices({ ...world, dir: house.socketDir, real: options.real });
    furnish(house, options, devices.at);
    if (!options.check) {
      const { twin } = house.ports;
      page = await servePage({ port: options.port, devices, twinPort: twin });
      for (const line of greeting(options, house, page.url, world.terminal)) world.say(line);
    }
    await parts.race(startAll(parts, house, options));
    page?.opened();
    if (page !== undefined && options.real.display !== 'terminal') {
      world.say(`Kios siap / ready to sell:  ${page.url}`);
    }
    if (options.check) await parts.race(checked(devices, house, world));
    else await parts.race(new Promise<never>(() => undefined));
    failed = false;
  } catch (error) {
    // Nothing ran, so there is no log to keep.
    if (error instanceof DemoRefusal) {
      failed = false;
      throw error;
    }
    failed = !told(error, options, house, world);
  } finally {
    await parts.stop();
    await page?.close();
    await devices?.close();
    house.leave(failed);
  }
  return failed ? 1 : 0;
}

/** Says why it ended; true when that is no failure. Bugs are thrown on. */
function told(error: unknown, options: DemoOptions, house: House, { say }: DemoWorld): boolean {
  if (error instanceof CheckFailure) {
    say(`GAGAL / FAILED  ${error.message}`);
    say(`log: ${house.logDir}`);
    return false;
  }
  if (!(error instanceof Over)) throw error;
  const { part } = error;
  // Asked to end while it checks, it has not shown what it should.
  if (part === undefined) return !options.check;
  say(`${part.name} berhenti sendiri / ended by itself: ${error.message}`);
  for (const line of part.tail()) say(`  ${line}`);
  say(`log: ${part.logFile}`);
  return false;
}

/** Twin and relay at the same time; then the kiosk, enrolled if it is new. */
async function startAll(parts: PartsOfTheHouse, house: House, options: DemoOptions): Promise<void> {
  const { config, kioskDir, ports } = house;
  const twin = parts.start('twin', ['twin', '--config', config.twin]);
  const relay = parts.start('relay', ['relay', '--config', config.relay]);
  await Promise.all([twin.logged('twin.ready'), relay.logged('relay.ready')]);
  if (!house.enrolled) {
    const made = await parts.run('enrolment', [
      'relay',
      'enrolment',
      '--config',
      config.relay,
      '--kiosk',
      kioskId,
      '--json',
    ]);
    const { code } = z.object({ code: z.string() }).parse(JSON.parse(made));
    const relayUrl = `http://127.0.0.1:${ports.relay}`;
    await parts.run('enrol', ['enrol', '--relay', relayUrl, '--code', code, '--state', kioskDir]);
  }
  const { real } = options;
  const flags = deviceKinds.flatMap((kind) => {
    const at = real[kind];
    return at === undefined ? [] : [`--${kind}`, at];
  });
  const terminal = { keypad: real.keypad === 'terminal', display: real.display === 'terminal' };
  const kiosk = parts.start('kiosk', ['kiosk', '--config', config.kiosk, ...flags], terminal);
  // A kiosk whose output is the terminal's own cannot be heard.
  if (!terminal.display) await kiosk.logged('kiosk.ready');
}

async function checked(devices: VirtualDevices, house: House, world: DemoWorld): Promise<void> {
  const { clock, say } = world;
  const fromMs = clock.monotonicMs();
  let count = 0;
  await runCheck({
    devices,
    clock,
    twinPort: house.ports.twin,
    onSale: (sale) => {
      count += 1;
      say(checkTable([sale], count).trimEnd());
    },
  });
  const seconds = ((clock.monotonicMs() - fromMs) / 1000).toFixed(1);
  say(`LULUS / PASSED  ${count} penjualan / sales, ${seconds} s`);
}

/** The processes in the order in which they were started. The first that ends by itself ends the demo. */
class PartsOfTheHouse {
  readonly #parts: Part[] = [];
  readonly #house: House;
  readonly #world: DemoWorld;
  readonly #over = Promise.withResolvers<never>();
  #stopping = false;

  constructor(house: House, world: DemoWorld) {
    this.#house = house;
    this.#world = world;
    this.#over.promise.catch(() => undefined); // `race` tells it; outside of a race nobody has to know.
    const stop = (): void => {
      this.#over.reject(new Over());
    };
    if (world.stopping.aborted) stop();
    else world.stopping.addEventListener('abort', stop, { once: true });
  }

  start(name: string, args: readonly string[], terminal?: PartOptions['terminal']): Part {
    const part = this.#spawn(name, args, terminal);
    void part.ended.then(({ code, words }) => {
      if (this.#stopping) return;
      // Ctrl-C on a keypad that is the terminal reaches the kiosk as a key, and the kiosk ends as it should.
      const byHand = terminal?.keypad === true && code === 0;
      this.#over.reject(byHand ? new Over() : new Over(part, words));
    });
    return part;
  }

  /** Runs a command to its end and gives what it printed. */
  async run(name: string, args: readonly string[]): Promise<string> {
    const part = this.#spawn(name, args, undefined, true);
    const { code, words } = await part.ended;
    if (code !== 0) throw new Over(part, words);
    return part.printed();
  }

  /** @throws Over when the demo ends before the work does */
  async race<T>(work: Promise<T>): Promise<T> {
    work.catch(() => undefined); // When it loses, its own end is a consequence.
    return Promise.race([work, this.#over.promise]);
  }

  /** Kiosk first, twin last: each still has what it needs to finish its work. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const part of this.#parts.toReversed()) await part.stop();
  }

  #spawn(
    name: string,
    args: readonly string[],
    terminal?: PartOptions['terminal'],
    secret = false,
  ): Part {
    const { logDir } = this.#house;
    const part = startPart({
      name,
      args,
      logFile: terminal?.display === true ? kioskLogFile(this.#house) : join(logDir, `${name}.log`),
      clock: this.#world.clock,
      secret,
      ...(terminal === undefined ? {} : { terminal }),
    });
    this.#parts.push(part);
    return part;
  }
}
