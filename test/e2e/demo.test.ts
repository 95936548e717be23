// `kios demo` as people run it: it sells by itself, ends cleanly, says what died, and leaves nobody behind.
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { partsOf, runs, startDemo, startKios, type ChildPart } from './house.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kios-e2e-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true, force: true });
});

function partNamed(parts: readonly ChildPart[], name: string): ChildPart {
  const found = parts.find((part) => part.name === name);
  if (found === undefined) throw new Error(`no ${name} among ${JSON.stringify(parts)}`);
  return found;
}

async function untilAllEnded(parts: readonly ChildPart[]): Promise<void> {
  await vi.waitFor(
    () => {
      expect(parts.filter(({ pid }) => runs(pid))).toEqual([]);
    },
    { timeout: 15_000, interval: 50 },
  );
}

test.each([[['--check']], [['--check', '--gopay', '--qr-on', 'paper']]])(
  'kios demo %j sells four times, prints the times and exits 0 within a minute',
  async (flags) => {
    await using demo = startDemo(...flags);
    const { code } = await demo.ended;
    expect(code, demo.said()).toBe(0);
    expect(demo.said().match(/^[1-4]\. .+$/gm)).toHaveLength(4);
    expect(demo.said()).toMatch(/pulse → receipt on paper +\d+ ms/);
    expect(demo.said()).toMatch(/its QR can no longer be paid +ok/);
    expect(demo.said()).toMatch(/LULUS/);
  },
  70_000,
);

test('a stage that does not come to its end makes --check say so and exit 1', async () => {
  await using demo = startDemo('--check');
  await demo.heard(/^1\. /m);
  process.kill(partNamed(partsOf(demo.pid), 'twin').pid, 'SIGSTOP');
  const { code } = await demo.ended;
  expect(code).toBe(1);
  expect(demo.said()).toMatch(/GAGAL .*waited/);
  const [, logDir = ''] = await demo.heard(/^log: (\S+)$/m);
  expect(existsSync(join(logDir, 'kiosk.log'))).toBe(true);
  rmSync(dirname(logDir), { recursive: true });
}, 70_000);

test('Ctrl-C ends every part and exits 0, and nothing temporary stays', async () => {
  await using demo = startDemo();
  await demo.opened();
  const parts = partsOf(demo.pid);
  expect(parts.map(({ name }) => name).sort()).toEqual(['kiosk', 'relay', 'twin']);
  const [, logDir = ''] = await demo.heard(/log: (\S+?)\)/);
  expect(existsSync(logDir)).toBe(true);
  demo.process.kill('SIGINT');
  expect(await demo.ended).toEqual({ code: 0, signal: null });
  expect(parts.filter(({ pid }) => runs(pid))).toEqual([]);
  expect(existsSync(dirname(logDir))).toBe(false);
});

test.each(['twin', 'relay', 'kiosk'])(
  'when the %s dies, the others are stopped and it is said',
  async (name) => {
    await using demo = startDemo('--state', dir);
    await demo.opened();
    const parts = partsOf(demo.pid);
    process.kill(partNamed(parts, name).pid, 'SIGKILL');
    const { code } = await demo.ended;
    expect(code).toBe(1);
    expect(demo.said()).toMatch(new RegExp(`^${name} .*signal SIGKILL$`, 'm'));
    expect(demo.said()).toContain(`${name}.ready`);
    expect(parts.filter(({ pid }) => runs(pid))).toEqual([]);
  },
);

test('when the demo itself is killed, its parts end by themselves, and the next one clears up', async () => {
  vi.stubEnv('TMPDIR', dir);
  const temporary = (): string[] => readdirSync(dir).filter((name) => name.startsWith('kios-'));
  await using demo = startDemo('--state', dir);
  await demo.opened();
  const parts = partsOf(demo.pid);
  expect(parts).toHaveLength(3);
  demo.process.kill('SIGKILL');
  await demo.ended;
  try {
    await untilAllEnded(parts);
  } finally {
    for (const { pid } of parts) if (runs(pid)) process.kill(pid, 'SIGKILL');
  }
  const left = temporary();
  expect(left).toHaveLength(1);
  await using next = startDemo('--state', dir);
  await next.opened();
  expect(temporary()).toHaveLength(1);
  expect(temporary()).not.toEqual(left);
});

test('--state keeps the kiosk and its ports, and one folder serves one demo', async () => {
  const identity = (): string => readFileSync(join(dir, 'kiosk/identity.json'), 'utf8');
  {
    await using first = startDemo('--state', dir);
    await first.opened();
    await using second = startDemo('--state', dir);
    expect((await second.ended).code).toBe(1);
    expect(second.said()).toMatch(/is in use; is another demo running/);
    expect(second.said()).not.toMatch(/^\s+at /m);
  }
  const before = identity();
  const enrolments = readFileSync(join(dir, 'logs/enrol.log'), 'utf8');
  await using again = startDemo('--state', dir);
  await again.opened();
  expect(identity()).toBe(before);
  expect(readFileSync(join(dir, 'logs/enrol.log'), 'utf8')).toBe(enrolments);
});

test('the address is told at once, and that the kiosk sells only when it does', async () => {
  await using demo = startDemo();
  const [, url = ''] = await demo.heard(/opening: +(http:\/\/\S+)/);
  expect(demo.said()).not.toContain('ready to sell');
  expect((await fetch(url)).status).toBe(200);
  expect(await demo.opened()).toBe(url);
});

test.each([
  [['--keypad', 'foo'], /^kios: --keypad foo: .*for example --keypad hid:/],
  [['--state', import.meta.filename], /^kios: --state: \S+ is a file; give a folder\n$/],
])('%j is refused in words before anything is started', async (flags, words) => {
  vi.stubEnv('TMPDIR', dir);
  await using demo = startDemo(...flags);
  expect((await demo.ended).code).toBe(1);
  expect(demo.said()).toMatch(words);
  expect(demo.said()).not.toContain('opening');
  expect(readdirSync(dir)).toEqual([]);
});

test('a port that is taken is told in one sentence, by the page, the twin and the relay', async () => {
  await using first = startDemo('--state', dir);
  const { port } = new URL(await first.opened());
  await using page = startDemo('--port', port);
  expect((await page.ended).code).toBe(1);
  expect(page.said()).toBe(
    `kios: --port: port ${port} is in use; take another, or leave --port out\n`,
  );
  for (const part of ['twin', 'relay']) {
    await using second = startKios(part, '--config', join(dir, `${part}.yaml`));
    expect((await second.ended).code).toBe(1);
    expect(second.said()).toMatch(
      /^kios: \S+ cannot be used:\n {2}- \w+\.port: port \d+ is in use; .*\n$/,
    );
  }
});

test('a command line that cannot be is refused in words', async () => {
  await using real = startDemo('--check', '--printer', 'tcp:printer:9100');
  await using port = startDemo('--port', '70000');
  expect((await real.ended).code).toBe(1);
  expect(real.said()).toMatch(/--check uses the virtual devices/);
  expect((await port.ended).code).toBe(1);
  expect(port.said()).toMatch(/a port is 0 to 65535/);
});
