// `kios update` and `kios root` as processes, in a folder tree that stands for the system: what a technician and the units
// of systemd call.
import {
  copyFileSync,
  existsSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { beginTrial, holdGood, linkOf, switchTo } from '../../src/field/update-state.ts';
import { run, type Result } from '../scripts/sandbox.ts';
import { makeRelease, makeRootTree, putBundle, type RootTree } from './root-tree.ts';

const project = join(import.meta.dirname, '../..');
let tree: RootTree;

beforeEach(() => {
  tree = makeRootTree();
  vi.stubEnv('PATH', tree.tools);
});

afterEach(() => {
  vi.unstubAllEnvs();
  tree.remove();
});

const kios = async (...args: string[]): Promise<Result> =>
  run(process.execPath, [join(project, 'src/cli/kios.ts'), ...args]);
const update = async (...args: string[]): Promise<Result> =>
  kios('update', '--root', tree.path, ...args);
const root = async (task: string): Promise<Result> => kios('root', task, '--root', tree.path);

function onTrial(): void {
  makeRelease(join(tree.places.releases, '1.1.0-new'), '1.1.0');
  const previous = 'releases/1.0.0-base';
  holdGood(tree.places, previous);
  const more = { version: '1.1.0', previous, before: [], bootId: 'boot', sinceMs: 0 };
  beginTrial(tree.places, { release: '1.1.0-new', ...more });
  switchTo(tree.places, linkOf('1.1.0-new'));
}

test('status says what runs, what is good and what is on trial', async () => {
  onTrial();
  await root('start');
  const { stdout, status } = await update('status', '--json');
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toEqual({
    current: '1.1.0-new',
    good: '1.0.0-base',
    trial: { release: '1.1.0-new', starts: 1 },
    failed: [],
  });
  expect((await update('status')).stdout).toMatch(/^current: 1\.1\.0-new\ngood: 1\.0\.0-base\n/);
});

test('five starts of a release on trial, as the unit counts them, bring back the one before', async () => {
  onTrial();
  for (let start = 1; start <= 5; start++) expect((await root('start')).status).toBe(0);
  expect(readlinkSync(tree.places.current)).toBe('releases/1.0.0-base');
});

test('apply hands the bundle to the unit, waits for its word, and leaves nothing behind', async () => {
  const { privateKey } = generateKeyPairSync('ed25519');
  const folder = join(tree.path, 'stick');
  const bundle = await putBundle(tree, '1.1.0', { folder, key: privateKey });
  const applied = update('apply', join(folder, bundle));
  // What the path unit waits for.
  await vi.waitFor(
    () => {
      const names = readdirSync(join(tree.places.ask, 'update'));
      expect(names.some((name) => name.endsWith('.json'))).toBe(true);
    },
    { timeout: 20_000 },
  );
  expect((await root('update')).status).toBe(0);
  const { status, stderr } = await applied;
  expect(stderr).toBe(`kios: ${bundle} is not signed by the key of this kiosk\n`);
  expect(status).toBe(1);
  expect(readdirSync(join(tree.places.kept, 'incoming'))).toEqual([]);
});

test('rollback from a trial', async () => {
  onTrial();
  expect((await update('rollback')).stderr).toContain('1.1.0-new was taken back: by hand');
  expect(readlinkSync(tree.places.current)).toBe('releases/1.0.0-base');
});

test('without the data partition root does nothing, and says why', async () => {
  tree.remove();
  tree = makeRootTree(true);
  copyFileSync(join(project, 'package.json'), join(tree.path, 'package.json'));
  await run('mv', [join(tree.path, 'srv/kios'), join(tree.path, 'srv/away')]);
  const { status, stderr } = await root('update');
  expect(status).toBe(1);
  expect(stderr).toContain('/srv/kios/root is not there: is the data partition mounted?');
  expect(existsSync(join(tree.path, 'srv/kios'))).toBe(false);
});

test("a release's own check: a configuration that it does not understand, and one that it does", async () => {
  const config = join(tree.path, 'kiosk.yaml');
  copyFileSync(join(project, 'config/kiosk.example.yaml'), config);
  const good = await kios('update', 'self-check', '--config', config);
  expect(good).toEqual({ status: 0, stdout: '', stderr: '' });
  writeFileSync(config, 'colour: red\n');
  expect((await kios('update', 'self-check', '--config', config)).status).toBe(1);
});

test("a release's own check: a journal that is none", async () => {
  const state = join(tree.path, 'state');
  symlinkSync(join(tree.path, 'var/lib/kios'), state);
  writeFileSync(
    join(state, 'journal.sqlite'),
    'no journal, and long enough for its header to be read\n',
  );
  const config = join(tree.path, 'kiosk.yaml');
  writeFileSync(config, `stateDir: ${state}\nkeypad:\n  at: terminal\ndisplay:\n  at: terminal\n`);
  const { status, stderr } = await kios('update', 'self-check', '--config', config);
  expect(status).toBe(1);
  expect(stderr).toContain('[journal-');
});
