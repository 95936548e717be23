// The power goes before each change that an update makes to the disk: what is left starts, has a way on, and has lost
// nothing. And what a power cut may take of what was written is on the disk before anything leads to it.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { obeyUpdate } from '../../src/field/obey-update.ts';
import { noteStart, rollBack } from '../../src/field/update.ts';
import { placesOf, type RootPlaces } from '../../src/field/root-places.ts';
import { readState, readTrial } from '../../src/field/update-state.ts';
import { makeRootTree, putBundle, updatingWell, type RootTree } from './root-tree.ts';

type Job = 'update' | 'start' | 'rollback';

const program = join(import.meta.dirname, 'update-process.ts');
const preload = join(import.meta.dirname, 'die-before.ts');
/** More than any of them takes: a run that never ends early is a fault. */
const maxSteps = 120;

let made: RootTree;
let work: string;

beforeAll(async () => {
  made = makeRootTree();
  vi.stubEnv('PATH', made.tools);
  work = mkdtempSync(join(tmpdir(), 'kios-power-'));
  const bundle = await putBundle(made, '1.1.0');
  made.request('update', { id: 'request-1', bundle });
});

afterAll(() => {
  vi.unstubAllEnvs();
  made.remove();
  rmSync(work, { recursive: true });
});

const fresh = (from = made.path): string => {
  const tree = mkdtempSync(join(work, 'tree-'));
  cpSync(from, tree, { recursive: true, verbatimSymlinks: true });
  return tree;
};

/** True: it was killed. */
function run(tree: string, job: Job, env: Record<string, string> = {}): boolean {
  const path = `${join(tree, 'tools')}:${process.env['PATH'] ?? ''}`;
  const { signal, status, stderr } = spawnSync(
    process.execPath,
    ['--import', preload, program, tree, job],
    { env: { ...process.env, PATH: path, ...env }, encoding: 'utf8' },
  );
  if (signal === 'SIGKILL') return true;
  expect(`${status} ${stderr}`).toBe('0 ');
  return false;
}

/** Both links lead to a release with everything in it. */
function expectBootable(places: RootPlaces): void {
  for (const link of [places.current, places.good]) {
    if (link === places.good && !existsSync(link)) continue;
    for (const part of ['node_modules/.bin/node', 'src/cli/kios.ts', 'package.json']) {
      expect(existsSync(join(link, part)), `${link}/${part}`).toBe(true);
    }
  }
}

/** Kills the job before each of its steps, in a tree of its own each time; answers how many there were. */
async function cutEverywhere(
  job: Job,
  from: string,
  check: (tree: string) => Promise<void>,
): Promise<number> {
  for (let at = 1; at <= maxSteps; at++) {
    const tree = fresh(from);
    const killed = run(tree, job, { KIOS_DIE_AT: `${at}` });
    expectBootable(placesOf(tree));
    if (!killed) return at - 1;
    await check(tree);
    rmSync(tree, { recursive: true });
  }
  throw new Error('it never ended by itself');
}

/** After a boot the memory of requests is empty, and the same bundle is asked for again. */
const request = 'run/kios-ask/update/request.json';
const currentOf = (places: RootPlaces): string => basename(readlinkSync(places.current));

describe('a power cut', () => {
  test('before each step of an update: one whole release starts, and the update is finished later', async () => {
    const steps = await cutEverywhere('update', made.path, async (tree) => {
      const updating = updatingWell(tree);
      const { places } = updating;
      rmSync(join(tree, request), { force: true });
      await obeyUpdate(updating);
      expect(readTrial(places)).toBeUndefined();
      expectBootable(places);
      cpSync(join(made.path, request), join(tree, request));
      await obeyUpdate(updating);
      expect(currentOf(places)).toMatch(/^1\.1\.0-/);
      expect(readlinkSync(places.good)).toBe(readlinkSync(places.current));
      expect(readState(places)).toMatchObject({ floor: '1.1.0', previous: 'releases/1.0.0-base' });
    });
    expect(steps).toBeGreaterThan(30);
  }, 300_000);

  test('before each step that takes a release back: it is taken back, by then or at the next start', async () => {
    const dying = fresh();
    killWhenOnTrial(dying);
    // As often as it may.
    for (let start = 0; start < 4; start++) noteStart(updatingWell(dying));
    const steps = await cutEverywhere('start', dying, async (tree) => {
      const updating = updatingWell(tree);
      noteStart(updating);
      expect(currentOf(updating.places)).toBe('1.0.0-base');
      await obeyUpdate(updating);
      expect(readTrial(updating.places)).toBeUndefined();
      expect(currentOf(updating.places)).toBe('1.0.0-base');
    });
    expect(steps).toBeGreaterThan(8);
  }, 300_000);

  test('before each step back by hand: both releases are whole, and it can be asked again', async () => {
    const updated = fresh();
    await obeyUpdate(updatingWell(updated));
    const steps = await cutEverywhere('rollback', updated, async (tree) => {
      const updating = updatingWell(tree);
      await rollBack(updating);
      expect(currentOf(updating.places)).toBe('1.0.0-base');
    });
    expect(steps).toBeGreaterThan(6);
  }, 300_000);
});

/** Runs the update until the new release is led to, and kills it there. */
function killWhenOnTrial(tree: string): void {
  const steps = stepsOf(fresh(), 'update');
  const { current } = placesOf(tree);
  const at = steps.findIndex((step) => step.endsWith(`/${basename(current)}`) && isRename(step));
  expect(run(tree, 'update', { KIOS_DIE_AT: `${at + 2}` })).toBe(true);
  expect(currentOf(placesOf(tree))).toMatch(/^1\.1\.0-/);
}

function isRename(step: string): boolean {
  return step.startsWith('rename ');
}

function stepsOf(tree: string, job: Job): string[] {
  const file = `${tree}.steps`;
  run(tree, job, { KIOS_STEPS: file });
  return readFileSync(file, 'utf8').trimEnd().split('\n');
}

describe('the order of what is written', () => {
  test('every renaming is on the disk before the next step, and a release before its name', () => {
    const tree = fresh();
    const steps = stepsOf(tree, 'update');
    const renames = steps.flatMap((step, index) => (isRename(step) ? [index] : []));
    expect(renames.length).toBeGreaterThan(6);
    for (const index of renames) {
      const to = steps[index]?.split(' ')[2] ?? '';
      expect(steps[index + 1]).toBe(`sync ${dirname(to)}`);
    }
    const named = steps.findIndex((step) => isRename(step) && step.includes('/.unpacking '));
    const before = steps.slice(0, named).filter((step) => step.startsWith('run '));
    expect(before.at(-1)).toBe('run sync');
  });

  test('the judge is there before the link, and the floor before the trial ends', () => {
    const tree = fresh();
    const changes = stepsOf(tree, 'update').flatMap((step) => {
      const [what, path, to] = step.split(' ');
      const place = relative(tree, to === undefined || what === 'rm' ? (path ?? '') : to);
      const named = place.replace(/1\.1\.0-\w+/, 'RELEASE');
      if (what === 'rm' && place.endsWith('trial.json')) return ['end trial'];
      return isRename(step) && !place.includes('answers') ? [named] : [];
    });
    expect(changes).toEqual([
      'opt/kios/releases/RELEASE',
      'opt/kios/good',
      'var/lib/kios-root/trial.json',
      'opt/kios/current',
      'var/lib/kios-root/update.json',
      'opt/kios/good',
      'end trial',
    ]);
  });
});
