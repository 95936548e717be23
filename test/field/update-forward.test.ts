// Which bundle an update takes: never one older than anything that this machine was given, and never another than the one
// that a technician has handed to root.
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Outcome } from '../../src/field/requests.ts';
import { applyBundle, watchTrial } from '../../src/field/update.ts';
import { readState, runningTarget, writeState } from '../../src/field/update-state.ts';
import { makeRelease, makeRootTree, putBundle, updatingWell, type RootTree } from './root-tree.ts';

let tree: RootTree;

beforeEach(() => {
  use(makeRootTree());
});

afterEach(() => {
  vi.unstubAllEnvs();
  tree.remove();
});

function use(next: RootTree): void {
  tree = next;
  vi.stubEnv('PATH', tree.tools);
}

async function apply(bundle: string): Promise<Outcome> {
  const updating = updatingWell(tree.path);
  const applied = await applyBundle(updating, bundle);
  return (await watchTrial(updating)) ?? applied;
}
const update = async (version: string): Promise<Outcome> => apply(await putBundle(tree, version));
const running = (): string => basename(runningTarget(tree.places));

/** What scripts/provision.sh does: the new release, and no link of an update left. */
function provision(release: string): void {
  makeRelease(join(tree.path, 'opt/kios/releases', release), '');
  const base = join(tree.path, 'opt/kios/current');
  for (const link of [base, tree.places.current, tree.places.good]) rmSync(link, { force: true });
  symlinkSync(`releases/${release}`, base);
}

describe.each([
  ['on the card', false],
  ['on the data partition', true],
])('releases %s: nothing older is taken', (_where, onData) => {
  beforeEach(() => {
    tree.remove();
    use(makeRootTree(onData));
  });

  test('than what was provisioned, before any update', async () => {
    expect(await update('0.1.0')).toEqual({
      outcome: 'refused',
      why: '0.1.0 is older than 1.0.0, which ran well here',
    });
    expect(running()).toBe('1.0.0-base');
    expect((await update('1.0.0')).outcome).toBe('done');
  });

  test('than what was provisioned after an update', async () => {
    await update('1.1.0');
    provision('2.0.0-0123456789ab');
    expect((await update('1.1.5')).why).toBe('1.1.5 is older than 2.0.0, which ran well here');
    expect(running()).toBe('2.0.0-0123456789ab');
    expect((await update('2.0.1')).outcome).toBe('done');
  });

  test('than what runs and is good, when nothing else remembers it', async () => {
    await update('1.1.0');
    writeState(tree.places, { failed: [] });
    expect((await update('1.0.5')).why).toBe('1.0.5 is older than 1.1.0, which ran well here');
    expect(running()).toMatch(/^1\.1\.0-/);
  });

  test('than what ran well here, though an older one was provisioned since', async () => {
    await update('1.1.0');
    provision('1.0.1-0123456789ab');
    expect((await update('1.0.9')).why).toBe('1.0.9 is older than 1.1.0, which ran well here');
    expect(readState(tree.places).floor).toBe('1.1.0');
  });
});

test('a card that was made anew beside an old data partition: nothing older than the card', async () => {
  tree.remove();
  use(makeRootTree(true));
  await update('1.1.0');
  const base = join(tree.path, 'opt/kios/current');
  rmSync(base);
  symlinkSync('releases/2.0.0-0123456789ab', base);
  expect((await update('1.1.5')).why).toBe('1.1.5 is older than 2.0.0, which ran well here');
  expect(running()).toMatch(/^1\.1\.0-/);
});

describe('what a technician has handed to root', () => {
  const handed = (): string => join(tree.places.kept, 'incoming');
  const downloads = (): string => join(tree.path, 'var/lib/kios/updates');

  test.each([
    ['an empty file', ''],
    ['a file', 'something else'],
  ])('is taken, though the kiosk has %s of that name', async (_what, text) => {
    const bundle = await putBundle(tree, '1.1.0', { folder: handed() });
    mkdirSync(downloads(), { recursive: true });
    writeFileSync(join(downloads(), bundle), text);
    writeFileSync(join(downloads(), `${bundle}.sig`), text);
    expect((await apply(bundle)).outcome).toBe('done');
    expect(running()).toMatch(/^1\.1\.0-/);
  });

  test('is taken before what the kiosk has, though both are signed', async () => {
    const bundle = await putBundle(tree, '1.1.0', { note: 'theirs' });
    const mine = await putBundle(tree, '1.1.0', { note: 'mine', folder: handed() });
    expect(mine).toBe(bundle);
    await apply(bundle);
    const taken = running();
    rmSync(handed(), { recursive: true });
    expect((await apply(bundle)).outcome).toBe('done');
    expect(running()).not.toBe(taken);
  });

  test('is no bundle: the one that the kiosk has is taken, when it is signed', async () => {
    const bundle = await putBundle(tree, '1.1.0');
    await putBundle(tree, '1.1.0', { folder: handed() });
    truncateSync(join(handed(), bundle), 100);
    expect((await apply(bundle)).outcome).toBe('done');
  });

  test('is signed by nobody, like what the kiosk has: it is said of this one', async () => {
    const { privateKey: key } = generateKeyPairSync('ed25519');
    const bundle = await putBundle(tree, '1.1.0', { folder: handed(), key });
    await putBundle(tree, '1.1.0', { key });
    rmSync(join(downloads(), `${bundle}.sig`));
    const why = `${bundle} is not signed by the key of this kiosk`;
    expect(await apply(bundle)).toEqual({ outcome: 'refused', why });
    expect(running()).toBe('1.0.0-base');
  });
});
