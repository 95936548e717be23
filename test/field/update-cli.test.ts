// `kios update` and `kios root` as processes, in a folder tree that stands for the system: what a technician and the units
// of systemd call.
import {
  chmodSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { applyObstacle, handOver, updateObstacle } from '../../src/cli/update-obstacle.ts';
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
    floor: '1.1.0',
    failed: [],
  });
  expect((await update('status')).stdout).toMatch(/^current: 1\.1\.0-new\ngood: 1\.0\.0-base\n/);
});

test('five starts of a release on trial, as the unit counts them, bring back the one before', async () => {
  onTrial();
  for (let start = 1; start <= 5; start++) expect((await root('start')).status).toBe(0);
  expect(readlinkSync(tree.places.current)).toBe('releases/1.0.0-base');
});

test("a start pins the relay's keys, and a later identity changes nothing", async () => {
  const enrol = (kid: string): void => {
    const publicKey = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
    const enrolment = { kioskId: 'kuta01', keys: [{ kid, publicKey }] };
    writeFileSync(tree.places.identity, JSON.stringify({ enrolment }));
  };
  for (const kid of ['first', 'other']) {
    enrol(kid);
    expect((await root('start')).status).toBe(0);
  }
  const kept = readFileSync(join(tree.places.kept, 'relay-keys.json'), 'utf8');
  expect(kept).toContain('"kid":"first"');
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
  expect(tree.calls()).toEqual([]);
});

describe('what stands in the way is told before anything is made', () => {
  const isFolderMade = (): boolean => existsSync(join(tree.places.kept, 'incoming'));
  const stick = async (): Promise<string> => {
    const folder = join(tree.path, 'stick');
    return join(folder, await putBundle(tree, '1.1.0', { folder }));
  };

  test.each(['nix.tar.gz', 'kios-1.1.0-linux-arm64 (1).tar.gz'])(
    'a file with the name %s',
    async (name) => {
      writeFileSync(join(tree.path, name), '');
      const { status, stderr } = await update('apply', join(tree.path, name));
      expect(stderr).toBe(
        `kios: "${name}" is no name of a bundle; keep the name kios-<version>-linux-<arch>.tar.gz\n`,
      );
      expect([status, isFolderMade()]).toEqual([1, false]);
    },
  );

  test('a file that is missing, then its signature', async () => {
    const file = await stick();
    renameSync(`${file}.sig`, `${file}.away`);
    expect(applyObstacle(tree.places, file)).toMatchObject({
      why: `${file}.sig: there is no such file; copy the signature beside the bundle`,
    });
    rmSync(file);
    const { status, stderr } = await update('apply', file);
    expect(stderr).toBe(`kios: ${file}: there is no such file\n`);
    expect([status, isFolderMade()]).toEqual([1, false]);
  });

  test('a machine where kios is not installed, or only in part', async () => {
    const file = await stick();
    rmSync(tree.places.ask, { recursive: true });
    expect(applyObstacle(tree.places, file)?.why).toMatch(/not installed.*kios-ask\/update/);
    rmSync(join(tree.path, 'opt'), { recursive: true });
    for (const asked of [['status'], ['rollback'], ['apply', file]]) {
      const { status, stdout, stderr } = await update(...asked);
      expect([status, stdout, stderr]).toEqual([1, '', 'kios: kios is not installed here\n']);
    }
    expect(isFolderMade()).toBe(false);
  });

  test('a disk without room, or one that fails', () => {
    const broken = (code: string) => () => {
      throw Object.assign(new Error('no'), { code });
    };
    const said = (code: string): string | undefined => handOver(tree.places, broken(code))?.why;
    expect(said('ENOSPC')).toMatch(/too little room in .*: see what fills it/);
    expect(said('EROFS')).toMatch(/can only be read: look at the card/);
    expect(said('EIO')).toMatch(/\(EIO\): look at stick and card/);
    expect(handOver(tree.places, () => undefined)).toBeUndefined();
  });

  test('a user who may not read what root remembers', () => {
    chmodSync(tree.path, 0o755);
    chmodSync(tree.places.kept, 0o000);
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(65_534);
    try {
      expect(updateObstacle(tree.places)).toEqual({
        outcome: 'refused',
        why: `${tree.places.kept} cannot be read (EACCES): use sudo [permission-denied]`,
      });
    } finally {
      if (isRoot) process.seteuid?.(0);
      chmodSync(tree.places.kept, 0o700);
    }
  });
});

test('whoever stops waiting is told that the update goes on, and the bundle stays for it', async () => {
  const folder = join(tree.path, 'stick');
  const bundle = await putBundle(tree, '1.1.0', { folder });
  const child = spawn(
    process.execPath,
    [join(project, 'src/cli/kios.ts'), 'update', '--root', tree.path].concat(
      'apply',
      join(folder, bundle),
    ),
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let said = '';
  let error = '';
  child.stderr.on('data', (piece: Buffer) => (error += piece.toString()));
  child.stdout.on('data', (piece: Buffer) => {
    said += piece.toString();
    child.kill('SIGINT');
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  expect(said).toContain('at most 45 min');
  expect(error).toContain('the update goes on; see kios update status');
  expect(code).toBe(130);
  expect(readdirSync(join(tree.places.kept, 'incoming'))).toContain(bundle);
});

test('without the data partition root does nothing, and says why', async () => {
  tree.remove();
  tree = makeRootTree(true);
  copyFileSync(join(project, 'package.json'), join(tree.path, 'package.json'));
  await run('mv', [join(tree.path, 'srv/kios'), join(tree.path, 'srv/away')]);
  const { status, stderr } = await root('update');
  expect(status).toBe(1);
  expect(stderr).toContain('/srv/kios/root is not there: is the data partition mounted?');
  expect(stderr).toMatch(/^kios: .*Look at the card.*\[data-missing\]\n$/);
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
