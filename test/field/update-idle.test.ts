// An update in a folder tree waits for the customers, but not for ever; and a person goes back, but not below what was
// provisioned.
import { readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Outcome } from '../../src/field/requests.ts';
import { applyBundle, rollBack, watchTrial, type Updating } from '../../src/field/update.ts';
import { updateStatus } from '../../src/field/update-status.ts';
import { readState, writeState } from '../../src/field/update-state.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { makeRelease, makeRootTree, putBundle, type RootTree } from './root-tree.ts';

let tree: RootTree;
let nowMs: number;
/** What happens while somebody waits: once a wait, by the running release's name. */
let meanwhile: (release: string) => void;
let updating: Updating;

const current = (): string => basename(readlinkSync(tree.places.current));
const good = (): string => basename(readlinkSync(tree.places.good));
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
async function update(version: string): Promise<Outcome> {
  const bundle = await putBundle(tree, version);
  const applied = await applyBundle(updating, bundle);
  return (await watchTrial(updating)) ?? applied;
}

describe('a customer is not disturbed', () => {
  test('the switch waits for the end of a sale', async () => {
    let left = 30;
    meanwhile = (release) => {
      if (release === '1.0.0-base') expect(restarts()).toBe(0);
      tree.report({ release, atMs: nowMs, parts, idle: left-- <= 0 });
    };
    tree.report({ release: '1.0.0-base', atMs: nowMs, parts, idle: false });
    expect((await update('1.1.0')).outcome).toBe('done');
    expect(left).toBeLessThan(0);
  });

  test('a kiosk that is never idle is not updated', async () => {
    meanwhile = (release) => {
      tree.report({ release, atMs: nowMs, parts, idle: false });
    };
    meanwhile('1.0.0-base');
    const bundle = await putBundle(tree, '1.1.0');
    const { outcome, why } = await applyBundle(updating, bundle);
    expect(outcome).toBe('failed');
    expect(why).toMatch(/^the kiosk was never idle; .*systemctl stop kios/);
    expect(current()).toBe('1.0.0-base');
  });

  test('one that is never idle over hours of requests is stuck, and waited for no longer', async () => {
    const never = (release: string): void => {
      tree.report({ release, atMs: nowMs, parts, idle: false });
    };
    // A quarter of an hour passes with each look: so long is the wait of one request.
    const after: Clock['after'] = (delayMs, call) => clock.after(Math.max(delayMs, 900_000), call);
    const hasty = { ...updating, clock: { ...clock, after } };
    const bundle = await putBundle(tree, '1.1.0');
    const ask = (): Promise<Outcome> => {
      never('1.0.0-base');
      return applyBundle(hasty, bundle);
    };
    meanwhile = never;
    for (let request = 1; request <= 12; request++) expect((await ask()).outcome).toBe('failed');
    expect(readState(tree.places).heldOff).toBe(12);
    expect(current()).toBe('1.0.0-base');
    expect((await ask()).why).toMatch(/ is on trial$/);
    // It begins anew: the customers of the next update are waited for again.
    expect(readState(tree.places).heldOff).toBeUndefined();
  });

  test('one idle moment ends the count', async () => {
    writeState(tree.places, { ...readState(tree.places), heldOff: 12 });
    expect((await update('1.1.0')).outcome).toBe('done');
    expect(readState(tree.places).heldOff).toBeUndefined();
  });
});

describe('a person goes back', () => {
  test('to the release before, once', async () => {
    await update('1.1.0');
    expect((await rollBack(updating)).why).toBe('1.0.0-base runs again');
    expect([current(), good()]).toEqual(['1.0.0-base', '1.0.0-base']);
    expect((await rollBack(updating)).outcome).toBe('refused');
  });

  test('never below what was provisioned since', async () => {
    tree.remove();
    use(makeRootTree(true));
    alive('1.0.0-base');
    await update('1.1.0');
    await update('1.2.0');
    makeRelease(join(tree.path, 'opt/kios/releases/1.3.0-base'), '1.3.0');
    rmSync(tree.places.base);
    symlinkSync('releases/1.3.0-base', tree.places.base);
    const before = current();
    const { outcome, why } = await rollBack(updating);
    expect(outcome).toBe('refused');
    expect(why).toMatch(/^1\.1\.0-\w+ is older than 1\.3\.0, which was provisioned here since/);
    expect([current(), good()]).toEqual([before, before]);
    expect(updateStatus(tree.places).floor).toBe('1.3.0');
  });

  test('nor where provisioning has put it in the place of an update', async () => {
    await update('1.1.0');
    makeRelease(join(tree.places.releases, '1.3.0-base'), '1.3.0');
    rmSync(tree.places.current);
    symlinkSync('releases/1.3.0-base', tree.places.current);
    expect((await rollBack(updating)).why).toMatch(/^1\.0\.0-base is older than 1\.3\.0, /);
    expect(current()).toBe('1.3.0-base');
  });

  test('from a trial', async () => {
    const bundle = await putBundle(tree, '1.1.0');
    await applyBundle(updating, bundle);
    expect((await rollBack(updating)).why).toMatch(/taken back: by hand/);
    expect(current()).toBe('1.0.0-base');
    expect(await watchTrial(updating)).toBeUndefined();
  });

  test('a restart that fails is told with what is current and what to do', async () => {
    await update('1.1.0');
    tree.tool('systemctl', 'echo "no bus" >&2; exit 1');
    const { outcome, why } = await rollBack(updating);
    expect(outcome).toBe('failed');
    expect(why).toMatch(/^1\.0\.0-base is current; the restart failed.*systemctl restart kios /);
    expect([current(), good()]).toEqual(['1.0.0-base', '1.0.0-base']);
  });

  test('from a trial, where the restart fails', async () => {
    await applyBundle(updating, await putBundle(tree, '1.1.0'));
    tree.tool('systemctl', 'exit 1');
    expect((await rollBack(updating)).why).toMatch(
      /taken back: by hand; 1\.0\.0-base is current; the restart failed/,
    );
    expect(current()).toBe('1.0.0-base');
  });

  test('in a folder tree that stands for the system nothing of the machine is restarted', async () => {
    await update('1.1.0');
    const before = restarts();
    expect((await rollBack({ ...updating, isTree: true })).outcome).toBe('done');
    expect(restarts()).toBe(before);
  });
});
