// An update of the program in a folder tree: what is taken and what refused, who judges it, and how it is taken back.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { generateKeyPairSync } from 'node:crypto';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { obeyUpdate } from '../../src/field/obey-update.ts';
import { readAnswers, type Outcome } from '../../src/field/requests.ts';
import {
  applyBundle,
  noteStart,
  rollBack,
  watchTrial,
  type Updating,
} from '../../src/field/update.ts';
import { updateStatus } from '../../src/field/update-status.ts';
import { maxTries, readState, readTrial } from '../../src/field/update-state.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { makeRootTree, putBundle, type BundleOptions, type RootTree } from './root-tree.ts';

let tree: RootTree;
let nowMs: number;
/** What happens while somebody waits: once a wait, by the running release's name. */
let meanwhile: (release: string) => void;
let updating: Updating;

const current = (): string => basename(readlinkSync(tree.places.current));
const good = (): string => basename(readlinkSync(tree.places.good));
const releases = (): string[] => readdirSync(tree.places.releases).sort();
const restarts = (): number => tree.calls().filter((call) => call.includes('kios.service')).length;

function use(next: RootTree): void {
  tree = next;
  vi.stubEnv('PATH', tree.tools);
  updating = { places: tree.places, clock, bootId: 'boot-1', say: () => undefined };
}

const clock: Clock = {
  nowMs: () => nowMs,
  monotonicMs: () => nowMs,
  after(delayMs, call) {
    nowMs += delayMs;
    meanwhile(updateStatus(tree.places).current);
    queueMicrotask(call);
    return () => undefined;
  },
};

const parts = { keypad: { ok: true }, printer: { ok: false }, relay: { ok: true } };
const alive = (release: string): void => {
  tree.report({ release, atMs: nowMs, parts });
};
const dead = (): void => undefined;

beforeEach(() => {
  nowMs = 1_000_000;
  meanwhile = alive;
  use(makeRootTree());
  alive('1.0.0-base');
});

afterEach(() => {
  vi.unstubAllEnvs();
  tree.remove();
});

/** Applies a bundle and judges it, as root's unit does. */
async function update(version: string, options: BundleOptions = {}): Promise<Outcome> {
  const bundle = await putBundle(tree, version, options);
  const applied = await applyBundle(updating, bundle);
  return (await watchTrial(updating)) ?? applied;
}

describe('a release that serves is kept', () => {
  test('it is on trial, is confirmed after two good minutes, and the one before is the way back', async () => {
    const bundle = await putBundle(tree, '1.1.0');
    expect((await applyBundle(updating, bundle)).why).toMatch(/^1\.1\.0-\w{12} is on trial$/);
    expect(current()).toMatch(/^1\.1\.0-/);
    expect(good()).toBe('1.0.0-base');
    expect(restarts()).toBe(1);
    const from = nowMs;
    expect((await watchTrial(updating))?.outcome).toBe('done');
    expect(nowMs - from).toBeGreaterThanOrEqual(120_000);
    expect(good()).toBe(current());
    expect(updateStatus(tree.places)).toMatchObject({ previous: '1.0.0-base', floor: '1.1.0' });
    expect(readTrial(tree.places)).toBeUndefined();
  });

  test('what it only warns of is told, and holds nothing back', async () => {
    const told: string[] = [];
    updating.say = (line) => told.push(line);
    const says = 'warning: config-good.json is damaged';
    expect((await update('1.1.0', { says })).outcome).toBe('done');
    expect(told.filter((line) => line.includes('warning'))).toEqual([
      expect.stringMatching(/^1\.1\.0-\w{12} says: warning: config-good\.json is damaged$/),
    ]);
  });

  test('a part that did not work before need not work after', async () => {
    expect((await update('1.1.0')).outcome).toBe('done');
  });

  test('two releases are kept, and what is older goes', async () => {
    await update('1.1.0');
    await update('1.2.0');
    expect(releases()).toHaveLength(2);
    expect(releases().map((name) => name.slice(0, 5))).toEqual(['1.1.0', '1.2.0']);
  });

  test('on the data partition: the release of provisioning stays what it was', async () => {
    tree.remove();
    use(makeRootTree(true));
    alive('1.0.0-base');
    expect((await update('1.1.0')).outcome).toBe('done');
    expect(readlinkSync(join(tree.path, 'opt/kios/current'))).toBe('releases/1.0.0-base');
    expect(tree.places.current).toBe(join(tree.path, 'srv/kios/current'));
    expect((await rollBack(updating)).why).toBe('1.0.0-base runs again');
    expect(existsSync(join(tree.places.current, 'package.json'))).toBe(true);
  });

  test('the same bundle again changes nothing', async () => {
    const bundle = await putBundle(tree, '1.1.0');
    await applyBundle(updating, bundle);
    await watchTrial(updating);
    const before = restarts();
    expect((await applyBundle(updating, bundle)).why).toMatch(/runs already$/);
    expect(restarts()).toBe(before);
  });
});

describe('only what the release key has signed is taken, and only forward', () => {
  const refusedAs = async (attempt: Promise<Outcome>): Promise<string> => {
    const { outcome, why } = await attempt;
    expect(outcome).toBe('refused');
    expect(current()).toBe('1.0.0-base');
    expect(releases()).toEqual(['1.0.0-base']);
    expect(restarts()).toBe(0);
    return why;
  };

  test("somebody else's key", async () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    expect(await refusedAs(update('1.1.0', { key: privateKey }))).toContain(
      'not signed by the key',
    );
  });

  test('one changed byte, a cut end, no signature', async () => {
    const bundle = await putBundle(tree, '1.1.0');
    const path = join(tree.path, 'var/lib/kios/updates', bundle);
    const bytes = readFileSync(path);
    bytes[40] = (bytes[40] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    expect(await refusedAs(applyBundle(updating, bundle))).toContain('not signed');
    truncateSync(path, 100);
    expect(await refusedAs(applyBundle(updating, bundle))).toContain('not signed');
    truncateSync(`${path}.sig`, 0);
    expect(await refusedAs(applyBundle(updating, bundle))).toContain('not signed');
  });

  test('a link in place of the bundle is not followed', async () => {
    const bundle = await putBundle(tree, '1.1.0', { folder: join(tree.path, 'elsewhere') });
    const folder = join(tree.path, 'var/lib/kios/updates');
    mkdirSync(folder, { recursive: true });
    for (const name of [bundle, `${bundle}.sig`]) {
      symlinkSync(join(tree.path, 'elsewhere', name), join(folder, name));
    }
    expect(await refusedAs(applyBundle(updating, bundle))).toContain('no file that may be read');
  });

  test('a file that its sums do not fit, one too many, one too few', async () => {
    const spoilt = (spoil: (release: string) => void): Promise<string> =>
      refusedAs(update('1.1.0', { spoil }));
    const at = (release: string): string => join(release, 'src/cli/kios.ts');
    expect(
      await spoilt((release) => {
        writeFileSync(at(release), 'other');
      }),
    ).toContain('damaged');
    expect(
      await spoilt((release) => {
        writeFileSync(join(release, 'more'), '');
      }),
    ).toContain('no sum');
    expect(
      await spoilt((release) => {
        const sums = readFileSync(join(release, 'SHA256SUMS'), 'utf8');
        writeFileSync(join(release, 'SHA256SUMS'), `${sums}${'0'.repeat(64)}  ./absent\n`);
      }),
    ).toContain('absent, which is not in it');
  });

  test('an older version than one that ran well', async () => {
    await update('1.2.0');
    const before = current();
    const { outcome, why } = await update('1.1.9');
    expect(outcome).toBe('refused');
    expect(why).toBe('1.1.9 is older than 1.2.0, which ran well here');
    expect(current()).toBe(before);
  });

  test('one that cannot read what this machine has', async () => {
    const { outcome, why } = await update('1.1.0', { fit: false });
    expect(outcome).toBe('failed');
    expect(why).toContain('cannot serve here');
    expect(releases()).toEqual(['1.0.0-base']);
    expect(restarts()).toBe(0);
  });
});

describe('a release that does not serve is taken back', () => {
  const takenBack = (): void => {
    expect(current()).toBe('1.0.0-base');
    expect(good()).toBe('1.0.0-base');
    expect(readTrial(tree.places)).toBeUndefined();
    expect(readState(tree.places).floor).toBeUndefined();
    expect(restarts()).toBe(2);
  };

  test('it says nothing for ten minutes', async () => {
    meanwhile = dead;
    const from = nowMs;
    expect((await update('1.1.0')).why).toMatch(/was taken back: not-healthy$/);
    expect(nowMs - from).toBeGreaterThan(600_000);
    takenBack();
  });

  test('a part that worked before does not work', async () => {
    meanwhile = (release) => {
      const keypad = { ok: release === '1.0.0-base' };
      tree.report({ release, atMs: nowMs, parts: { ...parts, keypad } });
    };
    expect((await update('1.1.0')).outcome).toBe('failed');
    takenBack();
  });

  test('what the old one said before it ended is no word for the new one', async () => {
    meanwhile = () => {
      tree.report({ release: '1.0.0-base', atMs: nowMs, parts });
    };
    expect((await update('1.1.0')).outcome).toBe('failed');
    takenBack();
  });

  test('it was well and is silent now', async () => {
    const bundle = await putBundle(tree, '1.1.0');
    await applyBundle(updating, bundle);
    const since = nowMs;
    meanwhile = (release) => {
      if (nowMs - since < 60_000) alive(release);
    };
    expect((await watchTrial(updating))?.outcome).toBe('failed');
    takenBack();
  });

  test('it keeps dying: the fifth start is the one before', async () => {
    const bundle = await putBundle(tree, '1.1.0');
    await applyBundle(updating, bundle);
    for (let start = 1; start <= 4; start++) {
      noteStart(updating);
      expect(current()).toMatch(/^1\.1\.0/);
    }
    noteStart(updating);
    expect(current()).toBe('1.0.0-base');
    expect(await watchTrial(updating)).toBeUndefined();
    expect(updateStatus(tree.places).failed).toMatchObject([{ tries: 1 }]);
  });

  test('starts without a trial are not counted', () => {
    noteStart(updating);
    expect(readdirSync(tree.places.kept)).toEqual([]);
  });

  test('it is tried so often and no more, but for a person', async () => {
    meanwhile = dead;
    for (let tries = 1; tries <= maxTries; tries++) {
      expect((await update('1.1.0')).outcome).toBe('failed');
    }
    const bundle = await putBundle(tree, '1.1.0');
    expect((await applyBundle(updating, bundle)).outcome).toBe('refused');
    expect((await applyBundle(updating, bundle, true)).outcome).toBe('done');
  });
});

describe('requests', () => {
  test('each is taken away once and answered', async () => {
    const bundle = await putBundle(tree, '1.1.0');
    tree.request('update', { id: 'request-1', bundle });
    await obeyUpdate(updating);
    expect(readAnswers(tree.places, 'update')).toMatchObject([
      { id: 'request-1', outcome: 'done' },
    ]);
    expect(readdirSync(join(tree.places.ask, 'update'))).toEqual([]);
  });

  test.each([
    ['a path', { id: 'request-1', bundle: '../../etc/kios-1.1.0-linux-x64.tar.gz' }],
    ['another shape', { id: 'request-1' }],
    ['more than is asked for', { id: 'request-1', bundle: 'kios-1.1.0-linux-x64.tar.gz', as: 1 }],
    ['no JSON at all', undefined],
  ])('%s does nothing', async (_what, body) => {
    tree.request('update', body);
    await obeyUpdate(updating);
    expect(readdirSync(join(tree.places.ask, 'update'))).toEqual([]);
    expect(readAnswers(tree.places, 'update')).toEqual([]);
  });

  test('a link in place of a request is taken away, and what it leads to is not', async () => {
    const secret = join(tree.path, 'secret.json');
    writeFileSync(
      secret,
      JSON.stringify({ id: 'request-1', bundle: await putBundle(tree, '1.1.0') }),
    );
    symlinkSync(secret, join(tree.places.ask, 'update/request.json'));
    await obeyUpdate(updating);
    expect(readdirSync(join(tree.places.ask, 'update'))).toEqual([]);
    expect(existsSync(secret)).toBe(true);
    expect(current()).toBe('1.0.0-base');
  });

  test('a trial that a power cut has interrupted is judged in the next boot', async () => {
    const bundle = await putBundle(tree, '1.1.0');
    await applyBundle(updating, bundle);
    nowMs = 5_000;
    tree.report({ atMs: 0 });
    await obeyUpdate({ ...updating, bootId: 'boot-2' });
    expect(good()).toMatch(/^1\.1\.0/);
  });
});
