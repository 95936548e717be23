// scripts/install and scripts/demo on machines that are not ready: what they say, and when they install again.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeSandbox, run, type Result, type Sandbox } from './sandbox.ts';

let box: Sandbox;

beforeEach(() => {
  box = makeSandbox(['scripts', 'package.json', 'package-lock.json']);
});

afterEach(() => {
  box.remove();
});

const script = async (name: string, ...args: string[]): Promise<Result> =>
  run(join(box.project, 'scripts', name), args, { path: box.bin });

/** A Node that only knows its version, and says how it was called. */
const node = (version: string): string =>
  `if [[ $1 == --version ]]; then echo ${version}; else echo "$0" "$@"; fi`;

/** An npm that writes down how it was called and leaves the pinned Node in node_modules. */
const npm = `
[[ $1 == --version ]] && { echo 11.0.0; exit; }
echo "$@" >>"$PWD/npm-calls"
mkdir -p node_modules/.bin
cat >node_modules/.bin/node <<'END'
#!/bin/bash
${node('v24.21.0')}
END
chmod +x node_modules/.bin/node`;

const npmCalls = (): string[] => {
  const file = join(box.project, 'npm-calls');
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
};

/** Exactly one sentence for a person, and nothing installed. */
function expectOneSentence(result: Result, pattern: RegExp): void {
  expect(result.stderr.trim().split('\n')).toEqual([expect.stringMatching(pattern)]);
  expect(result.stdout).toBe('');
  expect(result.status).toBe(1);
  expect(npmCalls()).toEqual([]);
}

function readyMachine(): void {
  box.program('node', node('v20.19.0'));
  box.program('npm', npm);
  box.program('chmod', 'exec /bin/chmod "$@"');
}

test('without Node the demo says what to install', async () => {
  expectOneSentence(await script('demo'), /no node was found: install Node 24 .* https:\/\//);
});

test('before an installation the command itself says what to run', async () => {
  readyMachine();
  const { project } = box;
  expectOneSentence(await script('kios', '--help'), /^kios: nothing is installed here yet: run \//);
  expect((await script('kios', '--help')).stderr).toContain(`run ${project}/scripts/install`);
});

test.each(['v18.20.4', 'v8.0.0', 'v19.9.0'])(
  'with Node %s the demo says that it is too old',
  async (version) => {
    box.program('node', node(version));
    box.program('npm', npm);
    expectOneSentence(await script('demo'), /Node \d.* is too old: install Node 24/);
  },
);

test('with Node but without npm the demo says so', async () => {
  box.program('node', node('v20.19.0'));
  expectOneSentence(await script('demo'), /Node 20\.19\.0 was found, but no npm: install/);
});

test('a node that does not run at all counts as none', async () => {
  box.program('node', 'echo "error while loading shared libraries" >&2; exit 127');
  expectOneSentence(await script('demo'), /no node was found/);
});

test('the demo installs the lock and runs on the pinned Node, from any folder', async () => {
  readyMachine();
  const result = await script('demo', '--check', '--state', 'a b');
  expect(npmCalls()).toEqual([expect.stringMatching(/^ci .*--include=optional --include=dev$/)]);
  const pinned = join(box.project, 'node_modules/.bin/node');
  const entry = join(box.project, 'src/cli/kios.ts');
  expect(result.stdout.trim()).toBe(`${pinned} ${entry} demo --check --state a b`);
  expect(result.status).toBe(0);
});

test.each(['card', 'bundle'])('scripts/%s is the command of its name', async (name) => {
  readyMachine();
  const { stdout } = await script(name, '--dry-run', 'a b');
  const entry = join(box.project, 'src/cli/kios.ts');
  expect(stdout.trim().endsWith(`${entry} ${name} --dry-run a b`)).toBe(true);
});

test('it installs once, and again when the lock has changed', async () => {
  readyMachine();
  await script('install');
  const second = await script('install');
  expect(second).toEqual({ status: 0, stdout: '', stderr: '' });
  expect(npmCalls()).toHaveLength(1);
  writeFileSync(join(box.project, 'package-lock.json'), '{}');
  await script('install');
  expect(npmCalls()).toHaveLength(2);
});

test('an install that was broken off is repeated, even with a node_modules of the right lock', async () => {
  readyMachine();
  box.program('npm', npm.replace('mkdir -p', 'mkdir node_modules; exit 1; mkdir -p'));
  const broken = await script('install');
  expect(broken.status).toBe(1);
  expect(broken.stderr).toContain('npm ci failed');
  box.program('npm', npm);
  expect((await script('install')).status).toBe(0);
  expect(npmCalls()).toHaveLength(2);
});

test("where there is no pinned Node, the machine's own serves from 24.12 on", async () => {
  readyMachine();
  await script('install');
  rmSync(join(box.project, 'node_modules/.bin/node'));
  const tooOld = await script('install');
  expect(tooOld.status).toBe(1);
  expect(tooOld.stderr).toMatch(
    /no pinned Node for this machine .*20\.19\.0: install Node >= 24\.12/,
  );
  box.program('node', node('v24.11.9'));
  expect((await script('install')).status).toBe(1);
  box.program('node', node('v24.12.0'));
  expect((await script('demo')).stdout).toContain(join(box.bin, 'node'));
});
