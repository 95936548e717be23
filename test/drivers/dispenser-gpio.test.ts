// Dispensers by libgpiod's tools, and the drop sensor: with stand-ins for gpioset, gpiodetect and gpiomon of both generations
// that are real processes. What the real ones do on a line is for a machine with one.
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { Dispenser, DispenseOrder } from '../../drivers/device.ts';
import { createDispenser } from '../../drivers/dispenser/dispenser.ts';
import { createRelaySimulator, VirtualRelay } from '../../drivers/dispenser/relay-simulator.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { testDispenser } from './dispenser.contract.ts';

const never = new AbortController().signal;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

let lastId = 0;
const freshId = (): string => `test1-${++lastId}`;
const order = (id: string, pieces = 1): DispenseOrder => ({ id, pieces });

interface Bench {
  dir: string;
  make: (at: string) => Dispenser;
  /** The calls that gpioset got, without --version. */
  calls: () => Promise<string[]>;
  /** What gpioset does from now on, instead of ending well. */
  gpioset: (script: string) => Promise<void>;
  /** Lines for gpiomon to print: the times of edges. */
  drops: (...times: number[]) => Promise<void>;
  /** The Pi's switch for released lines; undefined takes it away. */
  persists: (value: string | undefined) => Promise<void>;
}

async function bench(version: '1.6.3' | '2.2.1'): Promise<Bench> {
  const dir = await mkdtemp(join(tmpdir(), 'kios-gpio-'));
  cleanups.push(() => rm(dir, { recursive: true, force: true }));
  const tool = async (name: string, script: string): Promise<void> => {
    await writeFile(join(dir, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(dir, name), 0o755);
  };
  const log = join(dir, 'calls');
  const edges = join(dir, 'edges');
  const gpioset = async (script: string): Promise<void> =>
    tool(
      'gpioset',
      `[ "$1" = --version ] && echo 'gpioset (libgpiod) v${version}' && exit\necho "$@" >> ${log}\n${script}`,
    );
  await writeFile(log, '');
  await writeFile(edges, '');
  await gpioset('exit 0');
  await tool(
    'gpiodetect',
    `echo 'gpiochip4 [pinctrl-rp1] (54 lines)'; echo 'gpiochip0 [cp2112_gpio] (8 lines)'`,
  );
  const banner = version === '2.2.1' ? `echo 'Monitoring line 5 ...'` : ':';
  await tool('gpiomon', `${banner}\nexec tail -n +1 -s 0.02 -f ${edges}`);
  const switchFolder = join(dir, 'modules/pinctrl_rp1/parameters');
  await mkdir(switchFolder, { recursive: true });
  const tools = {
    path: [dir, process.env['PATH']].join(delimiter),
    modules: join(dir, 'modules'),
  };
  return {
    dir,
    gpioset,
    make: (at) => {
      const memory = { folder: dir, bootId: 'boot-1' };
      const dispenser = createDispenser({ at, clock, tools, memory });
      cleanups.push(() => dispenser.close());
      return dispenser;
    },
    calls: async () => (await readFile(log, 'utf8')).split('\n').filter(Boolean),
    drops: async (...times) => {
      const lines = times.map((at) => (version === '2.2.1' ? `${at}.000000000` : `${at} 0`));
      await writeFile(edges, `${lines.join('\n')}\n`, { flag: 'a' });
    },
    persists: async (value) => {
      const file = join(switchFolder, 'persist_gpio_outputs');
      await (value === undefined ? rm(file, { force: true }) : writeFile(file, `${value}\n`));
    },
  };
}

const at = 'gpio:cp2112_gpio/3?pulseMs=20&gapMs=20&releases=1';

testDispenser('gpioset', async () => {
  const { make } = await bench('2.2.1');
  return { make: () => make(at), freshId, dispose: async () => Promise.resolve() };
});

describe('gpioset', () => {
  test('2.x gets the whole train at once, 1.x one pulse a call', async () => {
    const two = await bench('2.2.1');
    const dispenser = two.make(at);
    await dispenser.open(never);
    expect(await dispenser.dispense(order('k-1', 2), never)).toBe('done');
    expect(await two.calls()).toEqual([
      '-c gpiochip0 -t 0 3=0',
      '-c gpiochip0 -t 20ms,20ms,20ms,0 3=1',
    ]);

    const one = await bench('1.6.3');
    const older = one.make(at);
    await older.open(never);
    expect(await older.dispense(order('k-1', 2), never)).toBe('done');
    const off = '--mode=exit gpiochip0 3=0';
    const pulse = '--mode=time --sec=0 --usec=20000 gpiochip0 3=1';
    expect(await one.calls()).toEqual([off, pulse, off, pulse, off]);
  });

  test('that fails is unknown, and its words are told', async () => {
    const { gpioset, make } = await bench('2.2.1');
    const dispenser = make(at);
    await dispenser.open(never);
    await gpioset('echo "gpioset: unable to request lines: Device or resource busy" >&2; exit 1');
    expect(await dispenser.dispense(order('k-1'), never)).toBe('unknown');
    expect(await dispenser.closed).toMatchObject({ kind: 'hardware' });
    expect((await dispenser.closed)?.message).toMatch(/resource busy/);
  });

  test('that hangs is killed when the order is called off, and what moved is unknown', async () => {
    const { gpioset, calls, make } = await bench('2.2.1');
    const dispenser = make(at);
    await dispenser.open(never);
    await gpioset('[ "$2" = gpiochip0 ] && [ "$4" = 0 ] && exit 0; exec sleep 60');
    const abort = new AbortController();
    const result = dispenser.dispense(order('k-1'), abort.signal);
    await expect.poll(calls).toHaveLength(2);
    abort.abort();
    expect(await result).toBe('unknown');
    // It may have been killed while the line was on.
    expect(await calls()).toHaveLength(3);
    expect((await calls()).at(-1)).toBe('-c gpiochip0 -t 0 3=0');
    expect(await dispenser.dispense(order('k-2'), never)).toBe('failed');
  });

  test('on a Pi that keeps released lines on is refused, with the line that mends it', async () => {
    const { persists, make } = await bench('2.2.1');
    const pi = 'gpio:pinctrl-rp1/17';
    for (const value of ['Y', undefined]) {
      await persists(value);
      const refused = make(pi);
      await expect(refused.open(never)).rejects.toThrow(/dtparam=strict_gpiod/);
    }
    await persists('N');
    await make(pi).open(never);
  });

  test('of which nobody knows what becomes of a released line is refused, until somebody has tried it', async () => {
    const { calls, make } = await bench('2.2.1');
    const refused = make('gpio:cp2112_gpio/3');
    await expect(refused.open(never)).rejects.toThrow(/try it and write releases=1/);
    expect(await calls()).toEqual([]);
    await make('gpio:cp2112_gpio/3?releases=1').open(never);
  });

  test('whose line somebody else has does not open', async () => {
    const { gpioset, make } = await bench('2.2.1');
    await gpioset('echo "gpioset: unable to request lines: Device or resource busy" >&2; exit 1');
    await expect(make(at).open(never)).rejects.toThrow(/resource busy/);
  });

  test.each([
    ['gpio:pinctrl-bcm2711/17', /no GPIO chip|keeps a released/],
    ['gpio:other/17', /no GPIO chip has the label other/],
  ])('a chip that is not there is told: %s', async (place, sentence) => {
    const { make } = await bench('2.2.1');
    await expect(make(place).open(never)).rejects.toThrow(sentence);
  });

  test('that is not installed, or of another generation, is told', async () => {
    const { dir, make } = await bench('2.2.1');
    await writeFile(join(dir, 'gpioset'), '#!/bin/sh\necho "gpioset (libgpiod) v3.0"\n');
    await expect(make(at).open(never)).rejects.toMatchObject({ kind: 'protocol' });
    const bare = createDispenser({ at, clock, tools: { path: join(dir, 'nowhere') } });
    await expect(bare.open(never)).rejects.toThrow(/apt install gpiod/);
  });
});

describe.each(['1.6.3', '2.2.1'] as const)('a drop sensor (gpiomon %s)', (version) => {
  const dropping = `${at}&drop=cp2112_gpio/5&dropMs=300`;

  test('so many that fell are done', async () => {
    const { gpioset, dir, make } = await bench(version);
    const dispenser = make(dropping);
    await dispenser.open(never);
    const line = (second: number): string =>
      version === '2.2.1' ? `${second}.000000000` : `${second} 0`;
    await gpioset(
      `n=$(wc -l < ${dir}/calls); [ $n = 2 ] && printf '${line(1)}\\n${line(2)}\\n' >> ${dir}/edges; exit 0`,
    );
    expect(await dispenser.dispense(order('k-1', 2), never)).toBe('done');
    expect(dispenser.health()).toEqual({ state: 'up' });
  });

  test('too few, or none, is unknown and told; what fell before the order is not counted', async () => {
    const { drops, make } = await bench(version);
    const dispenser = make(dropping);
    await dispenser.open(never);
    await drops(1, 2, 3);
    await expect
      .poll(async () => {
        const result = await dispenser.dispense(order(freshId()), never);
        return [result, dispenser.health().detail ?? ''];
      })
      .toEqual(['unknown', expect.stringMatching(/0 pieces fell for 1 paid/)]);
  });

  test('one piece that bounces is one', async () => {
    const { gpioset, dir, make } = await bench(version);
    const dispenser = make(dropping);
    await dispenser.open(never);
    const bounce = version === '2.2.1' ? ['7.000000000', '7.004000000'] : ['7 0', '7 4000000'];
    await gpioset(`printf '${bounce.join('\\n')}\\n' >> ${dir}/edges`);
    expect(await dispenser.dispense(order('k-1', 2), never)).toBe('unknown');
    expect(dispenser.health().detail).toMatch(/1 pieces fell for 2 paid/);
  });
});

test('a drop sensor that ends takes the dispenser down: nothing is sold blindly', async () => {
  const { dir, make } = await bench('2.2.1');
  const untilOver = `until [ -e ${dir}/over ]; do sleep 0.02; done`;
  await writeFile(join(dir, 'gpiomon'), `#!/bin/sh\necho "Monitoring line 5 ..."\n${untilOver}\n`);
  const dispenser = make(`${at}&drop=cp2112_gpio/5`);
  await dispenser.open(never);
  await writeFile(join(dir, 'over'), '');
  expect(await dispenser.closed).toMatchObject({ kind: 'disconnected' });
  expect(await dispenser.dispense(order('k-1'), never)).toBe('failed');
});

test('a drop sensor whose line is taken does not open', async () => {
  const { dir, make } = await bench('2.2.1');
  await writeFile(
    join(dir, 'gpiomon'),
    '#!/bin/sh\necho "gpiomon: unable to request lines" >&2; exit 1\n',
  );
  await expect(make(`${at}&drop=cp2112_gpio/5`).open(never)).rejects.toThrow(/unable to request/);
});

test('a relay with a drop sensor that saw it fall is done, also after a restart', async () => {
  const { dir, drops, make } = await bench('2.2.1');
  const relay = new VirtualRelay(clock, (on) => {
    if (on) void drops(9);
  });
  const port = await createRelaySimulator({ path: join(dir, 'relay') }, relay);
  cleanups.push(() => port.unplug());
  const place = `lcus:${port.at}?pulseMs=20&gapMs=20&drop=cp2112_gpio/5`;
  const dispenser = make(place);
  await dispenser.open(never);
  expect(await dispenser.dispense(order('k-1'), never)).toBe('done');
  await dispenser.close();
  const again = make(place);
  await again.open(never);
  expect(await again.lastResult?.('k-1', never)).toBe('done');
});
