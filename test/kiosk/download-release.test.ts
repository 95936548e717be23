// Which release a kiosk fetches, when, how often, and what it does with what root says.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Download } from '../../src/kiosk/download.ts';
import {
  lookForRelease,
  watchRelease,
  type ReleaseWatch,
} from '../../src/kiosk/download-release.ts';
import { silentLog } from '../../src/lib/log.ts';
import { KiosError } from '../../src/protocol/errors.ts';
import { isAmong, releaseAnswer, type Release } from '../../src/protocol/release.ts';
import type { RootAnswer } from '../../src/protocol/root-request.ts';
import { VirtualClock } from '../lib/virtual-clock.ts';

const hourMs = 3_600_000;
const bundle = 'kios-1.4.0-linux-arm64.tar.gz';

let stateDir: string;
let clock: VirtualClock;
let release: Release | undefined;
let outcome: RootAnswer['outcome'] | undefined;
let breaks: boolean;
/** What lies at the file server as the bundle's signature. */
let signature: string;
let idle: boolean;
let canUpdate: boolean;
/** What was asked for, in order. */
let asked: string[];
let ended: AbortController;

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'kios-release-'));
  clock = new VirtualClock();
  release = { version: '1.4.0', url: 'https://files.example/kios/', sha256: 'a'.repeat(64) };
  [outcome, breaks, idle, canUpdate] = ['done', false, true, true];
  signature = 'good';
  asked = [];
  ended = new AbortController();
});
afterEach(() => {
  ended.abort();
  rmSync(stateDir, { recursive: true, force: true });
});

function watch(more: Partial<ReleaseWatch> = {}): ReleaseWatch {
  return {
    ...{ stateDir, version: '1.3.0', clock, log: silentLog, random: () => 0, arch: 'arm64' },
    signal: ended.signal,
    idle: () => idle,
    canUpdate: () => canUpdate,
    client: {
      ask: (_method, path, _body, shape) => {
        asked.push(path);
        return Promise.resolve({ ok: true, value: shape.parse(releaseAnswer.parse({ release })) });
      },
    },
    askRoot: (task, request) => {
      const here = readdirSync(join(stateDir, 'updates')).sort().join(' ');
      asked.push(`${task}: ${'bundle' in request ? request.bundle : ''} of ${here}`);
      const answer = outcome === undefined ? undefined : { id: request.id, outcome, why: '' };
      return Promise.resolve(answer);
    },
    download: ({ url, path, sha256 }: Download) => {
      asked.push(`${url.href} ${sha256 === undefined ? '' : 'with its sum'}`.trim());
      if (breaks) return Promise.reject(new KiosError('download-failed', 'it was cut off'));
      writeFileSync(path, path.endsWith('.sig') ? signature : basename(path));
      return Promise.resolve();
    },
    ...more,
  };
}

const look = (more: Partial<ReleaseWatch> = {}): Promise<void> => lookForRelease(watch(more));
/** So often the bundle was fetched, or its signature alone in vain. */
const tried = (): number =>
  breaks
    ? asked.filter((line) => line.endsWith('.sig') && line.startsWith('https')).length
    : asked.filter((line) => line.endsWith('its sum')).length;
const shown = (): number => asked.filter((line) => line.startsWith('update')).length;

describe('a release that the relay names', () => {
  test('is fetched with its signature, shown to root, and tidied away', async () => {
    await look();
    expect(asked).toEqual([
      '/v1/release?arch=arm64',
      `https://files.example/kios/${bundle}.sig`,
      `https://files.example/kios/${bundle} with its sum`,
      `update: ${bundle} of ${bundle} ${bundle}.sig`,
    ]);
    expect(existsSync(join(stateDir, 'updates'))).toBe(false);
  });

  test.each<[string, () => void]>([
    ['runs already', () => (release = release && { ...release, version: '1.3.0' })],
    ['is none', () => (release = undefined)],
    ['has no root to take it', () => (canUpdate = false)],
  ])('that %s is not fetched', async (_what, make) => {
    make();
    await look();
    expect(asked.filter((line) => line.startsWith('https'))).toEqual([]);
  });

  test('is not asked for on a machine that there is no bundle for', async () => {
    await look({ arch: 's390x' });
    expect(asked).toEqual([]);
  });

  test('waits for the customer', async () => {
    idle = false;
    const looking = look();
    await clock.advance(60_000);
    expect(shown()).toBe(0);
    idle = true;
    await clock.advance(1_000);
    await looking;
    expect(shown()).toBe(1);
  });
});

describe('what does not succeed', () => {
  test.each<[string, () => void]>([
    ['a download that breaks', () => (breaks = true)],
    ['a trial that fails', () => (outcome = 'failed')],
    ['a root that says nothing', () => (outcome = undefined)],
  ])('%s is tried again hours later, four times, and a week later anew', async (_what, make) => {
    make();
    for (let round = 0; round < 48; round++) {
      await look();
      await clock.advance(hourMs);
    }
    expect(tried()).toBe(4);
    await clock.advance(7 * 24 * hourMs);
    await look();
    expect(tried()).toBe(5);
  });

  test('what root refuses is fetched never again; another release is', async () => {
    outcome = 'refused';
    for (let day = 0; day < 30; day++) {
      await look();
      await clock.advance(24 * hourMs);
    }
    expect(shown()).toBe(1);
    release = release && { ...release, version: '1.4.1' };
    await look();
    expect(shown()).toBe(2);
    release = release && { ...release, sha256: 'b'.repeat(64) };
    await look();
    expect(shown()).toBe(3);
  });

  test('what root refused for a junk signature is taken with the good one, and junk costs little', async () => {
    outcome = 'refused';
    for (let hour = 0; hour < 24; hour++) {
      signature = `junk ${hour}`;
      await look();
      await clock.advance(hourMs);
    }
    expect(shown()).toBe(4);
    [signature, outcome] = ['good', 'done'];
    await look();
    expect(shown()).toBe(5);
    expect(existsSync(join(stateDir, 'updates'))).toBe(false);
  });

  test('a try counts although the kiosk died of it', async () => {
    const died = new Error('out of memory');
    const dies = { download: () => Promise.reject(died) };
    for (let round = 0; round < 10; round++) {
      await look(dies).catch((error: unknown) => {
        expect(error).toBe(died);
      });
      await clock.advance(12 * hourMs);
    }
    expect(asked.filter((line) => line.startsWith('/v1/release'))).toHaveLength(10);
    asked = [];
    await look();
    expect(shown()).toBe(0);
  });

  test('a broken note of tries is no reason to stop', async () => {
    writeFileSync(join(stateDir, 'release-tried.json'), '{');
    await look();
    expect(shown()).toBe(1);
  });
});

test('it asks every hour from a while after the start, which takes away what was left', async () => {
  mkdirSync(join(stateDir, 'updates'));
  release = undefined;
  const watching = watchRelease(watch());
  expect(existsSync(join(stateDir, 'updates'))).toBe(false);
  await clock.advance(4 * 60_000);
  expect(asked).toHaveLength(0);
  await clock.advance(3 * hourMs);
  expect(asked).toHaveLength(3);
  ended.abort();
  await watching;
});

test('a share takes the same kiosks first, about so many, and a larger one holds the smaller', () => {
  const kiosks = Array.from({ length: 2_000 }, (_, i) => `ksk${String(i).padStart(4, '0')}`);
  const among = (percent: number): string[] => kiosks.filter((id) => isAmong(id, percent));
  expect(among(0)).toEqual([]);
  expect(among(100)).toEqual(kiosks);
  expect(among(10).length).toBeGreaterThan(140);
  expect(among(10).length).toBeLessThan(260);
  expect(among(50)).toEqual(expect.arrayContaining(among(10)));
});
