// Which configuration from afar a start has, and what is left of it after a power cut at any moment, after damage, and after
// whatever a relay, or somebody who is none, may offer.
import fs from 'node:fs';
import { generateKeyPairSync } from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { kioskConfig, type KioskConfig } from '../../src/kiosk/config.ts';
import { trustedKeys } from '../../src/kiosk/identity.ts';
import { takeUpConfig, type Offered, type RemoteConfig } from '../../src/kiosk/remote-config.ts';
import { silentLog } from '../../src/lib/log.ts';
import { openConfig } from '../../src/protocol/remote-config.ts';
import { identityFor, sign } from './signer.ts';

const identity = identityFor('https://relay.example');
const keys = trustedKeys(identity);
const barcode = '96385074';
const crashed = 'kios or the machine ended without a word while it was on trial';
const ownPriceIdr = 5_000;
let folder: string;
let own: KioskConfig;

beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'kios-config-'));
  own = ownIn(folder);
});
afterEach(() => {
  fs.rmSync(folder, { recursive: true, force: true });
});

const tea = (priceIdr: number): KioskConfig['catalogue'] => ({
  [barcode]: { id: 'teh', name: 'Teh botol', priceIdr },
});
const ownIn = (stateDir: string, more = {}): KioskConfig =>
  kioskConfig.parse({
    ...{ stateDir, scanner: { at: 'unix:/s' }, display: { at: 'terminal' } },
    ...{ catalogue: tea(ownPriceIdr), technicianCode: '314159', ...more },
  });
const claimsOf = (version: number, settings: unknown, more = {}): Record<string, unknown> => ({
  ...{ env: 'sandbox', kioskId: 'ksk01', version, iat: 1, settings, ...more },
});
const priceIn = ({ config }: RemoteConfig): unknown => config.catalogue[barcode]?.priceIdr;

function start(stateDir = folder, mayBegin = true, file = own): Promise<RemoteConfig> {
  const mine = { ...file, stateDir };
  const may = (): boolean => mayBegin;
  return takeUpConfig({ own: mine, identity, keys, mayBegin: may, log: silentLog });
}

/** As it comes from the relay. Version n sells tea for n thousand. */
async function offer(
  remote: RemoteConfig,
  version: number,
  settings: unknown = { catalogue: tea(version * 1_000) },
): Promise<Offered> {
  const token = await sign('kios-config', claimsOf(version, settings));
  return remote.offer(token, await openConfig(token, identity.enrolment, keys), own);
}

/** The state of a kiosk whose last good one is version 7. */
async function withGood(): Promise<RemoteConfig> {
  await offer(await start(), 7);
  const trial = await start();
  trial.promote();
  return start();
}

describe('the life of a version', () => {
  test('it is kept, tried at the next start, and good once it has proved itself', async () => {
    const first = await start();
    expect([priceIn(first), first.have, first.report]).toEqual([ownPriceIdr, 0, {}]);
    expect(await offer(first, 7)).toBe('kept');
    expect([priceIn(first), first.waits, first.have]).toEqual([ownPriceIdr, true, 7]);
    const trial = await start();
    expect([priceIn(trial), trial.report]).toEqual([7_000, { version: 7, trial: true }]);
    expect([trial.promote(), trial.promote()]).toEqual([true, false]);
    expect(trial.report).toEqual({ version: 7 });
    const later = await start();
    expect([priceIn(later), later.onTrial, later.waits]).toEqual([7_000, false, false]);
  });

  test('a start that finds its mark goes back to the last good one, and it is never taken again', async () => {
    await offer(await withGood(), 8);
    expect((await start()).report).toEqual({ version: 8, trial: true });
    const after = await start();
    const refused = { version: 8, why: crashed };
    expect([priceIn(after), after.report]).toEqual([7_000, { version: 7, refused }]);
    expect(await offer(after, 8)).toBe('old');
    expect(after.have).toBe(8);
    expect(priceIn(await start())).toBe(7_000);
    expect((await start()).have).toBe(8);
    expect(await offer(after, 9)).toBe('kept');
    const mended = await start();
    expect([priceIn(mended), mended.report]).toEqual([9_000, { version: 9, trial: true }]);
  });

  test('an end in order takes the mark back: it is tried again, as often as that', async () => {
    await offer(await start(), 7);
    for (let round = 0; round < 5; round++) {
      const trial = await start();
      expect(trial.onTrial).toBe(true);
      trial.endOrderly();
    }
    expect(priceIn(await start())).toBe(7_000);
    expect((await start()).report.refused?.version).toBe(7);
  });

  test('nothing begins while somebody is served', async () => {
    await offer(await withGood(), 8);
    const busy = await start(folder, false);
    expect([priceIn(busy), busy.waits]).toEqual([7_000, true]);
    expect(priceIn(await start())).toBe(8_000);
  });

  test('a newer one that comes during a trial takes its place; the older one is not condemned by that, and not good', async () => {
    await offer(await withGood(), 8);
    const trial = await start();
    expect(await offer(trial, 9)).toBe('kept');
    trial.endOrderly();
    expect(priceIn(await start())).toBe(9_000);
    const after = await start();
    expect([priceIn(after), after.report.refused?.version]).toEqual([7_000, 9]);
  });

  test('a trial goes on when a newer one is refused, and a crash of it condemns it all the same', async () => {
    await offer(await withGood(), 8);
    const trial = await start();
    expect(await offer(trial, 9, { colour: 'red' })).toMatchObject({
      refused: expect.anything() as unknown,
    });
    trial.endOrderly();
    const again = await start();
    expect([priceIn(again), again.report]).toMatchObject([
      8_000,
      { version: 8, refused: { version: 9 } },
    ]);
    const after = await start();
    expect([priceIn(after), after.have]).toEqual([7_000, 9]);
    expect([priceIn(await start()), (await start()).waits]).toEqual([7_000, false]);
  });
});

describe('what is offered', () => {
  test.each([7, 6])('version %i is old where 7 is good', async (version) => {
    const remote = await withGood();
    expect(await offer(remote, version, { catalogue: tea(1) })).toBe('old');
    expect(priceIn(await start())).toBe(7_000);
  });

  test.each([
    ['an unknown setting', { colour: 'red' }, /^the whole: Unrecognized key/],
    ['the machine’s folder', { stateDir: '/tmp' }, /^the whole: Unrecognized key/],
    ['a place of a device', { printer: { at: 'lp:/dev/lp0' } }, /^printer: Unrecognized key/],
    [
      'an item without a price',
      { catalogue: { '123': { id: 'a', name: 'b' } } },
      /^catalogue: an item without/,
    ],
    ['a price of nothing', { catalogue: tea(0) }, /^catalogue: Too small/],
    ['a code that is no secret', { technicianCode: '111111' }, /^technicianCode: .* no secret$/],
  ])('%s is refused with words, and never asked for again', async (_what, settings, words) => {
    const remote = await withGood();
    const offered = await offer(remote, 8, settings);
    expect(offered).toEqual({ refused: expect.stringMatching(words) as string });
    expect(JSON.stringify(offered)).not.toMatch(/Teh|9638|111111/);
    const after = await start();
    expect([priceIn(after), after.have, after.report.refused?.version]).toEqual([7_000, 8, 8]);
  });

  test('what is said of a printer is for machines that have one', async () => {
    const remote = await start();
    expect(await offer(remote, 7, { printer: { receipts: false }, language: 'en' })).toBe('kept');
    const { config } = await start();
    expect([config.printer, config.language]).toEqual([undefined, 'en']);
  });

  const other = generateKeyPairSync('ed25519').privateKey;
  test.each([
    ['another key', claimsOf(7, {}), other, 'bad-proof'],
    ['another kiosk’s', claimsOf(7, {}, { kioskId: 'ksk02' }), undefined, 'not-yours'],
    ['another environment', claimsOf(7, {}, { env: 'production' }), undefined, 'not-yours'],
    ['no version', claimsOf(0, {}), undefined, 'bad-proof'],
  ])(
    'signed by or for %s is believed neither from the line nor from the disk',
    async (_what, claims, key, code) => {
      const token = await sign('kios-config', claims, key);
      await expect(openConfig(token, identity.enrolment, keys)).rejects.toMatchObject({ code });
      for (const [name, content] of [
        ['config-good.json', { token }],
        ['config-next.json', { token, begun: false }],
      ] as const) {
        fs.writeFileSync(join(folder, name), JSON.stringify(content));
      }
      const after = await start();
      expect([priceIn(after), after.have, after.onTrial]).toEqual([ownPriceIdr, 0, false]);
    },
  );

  test('a command is no configuration', async () => {
    const token = await sign('kios-command', claimsOf(7, {}));
    await expect(openConfig(token, identity.enrolment, keys)).rejects.toMatchObject({
      code: 'bad-proof',
    });
  });
});

describe('what does not go with this machine any more', () => {
  test('a release or a file that it does not fit runs on its own, says so, and finds it again later', async () => {
    await withGood();
    const motor = ownIn(folder, { dispenser: { at: 'unix:/d' } });
    await offer(await start(), 8, {
      catalogue: { ...tea(8_000), '123': { id: 'a', name: 'b', priceIdr: 1 } },
    });
    const trial = await start();
    trial.promote();
    const misfit = await start(folder, true, motor);
    expect([priceIn(misfit), misfit.report.version]).toEqual([ownPriceIdr, undefined]);
    expect(misfit.report.refused).toMatchObject({
      version: 8,
      why: expect.stringContaining('anyAmount') as string,
    });
    expect(misfit.have).toBe(8);
    expect(priceIn(await start())).toBe(8_000);
  });

  test.each(['config-good.json', 'config-next.json', 'config-refused.json'])(
    'a %s that is torn, empty or too large keeps no kiosk from starting',
    async (name) => {
      await offer(await withGood(), 8);
      await start();
      await offer(await start(), 9);
      const path = join(folder, name);
      const whole = fs.readFileSync(path);
      for (const damage of [
        whole.subarray(0, whole.length >> 1),
        Buffer.alloc(0),
        Buffer.alloc(2 ** 21, 0x20),
      ]) {
        fs.writeFileSync(path, damage);
        const after = await start(folder, false);
        expect(priceIn(after)).toBe(name === 'config-good.json' ? ownPriceIdr : 7_000);
      }
    },
  );

  test('one that was refused is not tried when it would fit later, also where a power cut has left it behind', async () => {
    await withGood();
    const motor = ownIn(folder, { dispenser: { at: 'unix:/d' } });
    const two = { ...tea(8_000), '123': { id: 'a', name: 'b', priceIdr: 1 } };
    await offer(await start(), 8, { catalogue: two });
    const next = fs.readFileSync(join(folder, 'config-next.json'));
    expect((await start(folder, true, motor)).report.refused?.version).toBe(8);
    fs.writeFileSync(join(folder, 'config-next.json'), next);
    expect(priceIn(await start())).toBe(7_000);
    expect(fs.existsSync(join(folder, 'config-next.json'))).toBe(false);
  });

  test('a note of a refusal says nothing to the kiosk of another enrolment', async () => {
    await offer(await start(), 8, { colour: 'red' });
    const { enrolment } = identity;
    const anew = { ...identity, enrolment: { ...enrolment, kioskId: 'ksk02' } };
    const may = (): boolean => true;
    const remote = await takeUpConfig({ own, identity: anew, keys, mayBegin: may, log: silentLog });
    expect(remote.have).toBe(0);
  });
});

describe('a power cut before any change of the disk', () => {
  const { writeFileSync, renameSync, rmSync } = fs;
  afterEach(() => {
    Object.assign(fs, { writeFileSync, renameSync, rmSync });
    syncBuiltinESMExports();
  });

  /** What lay in the folder before each change that this makes, and how it lies at the end. */
  async function cuts(work: () => Promise<void> | void): Promise<string[]> {
    const places = fs.mkdtempSync(join(tmpdir(), 'kios-cuts-'));
    const found: string[] = [];
    const keep = (): void => {
      const place = join(places, String(found.length));
      fs.cpSync(folder, place, { recursive: true });
      found.push(place);
    };
    const before =
      <A extends unknown[], R>(call: (...args: A) => R) =>
      (...args: A): R => {
        Object.assign(fs, { writeFileSync, renameSync, rmSync });
        keep();
        Object.assign(fs, patched);
        return call(...args);
      };
    const patched = {
      writeFileSync: before(writeFileSync),
      renameSync: before(renameSync),
      rmSync: before(rmSync),
    };
    Object.assign(fs, patched);
    syncBuiltinESMExports();
    await work();
    Object.assign(fs, { writeFileSync, renameSync, rmSync });
    syncBuiltinESMExports();
    keep();
    return found;
  }

  async function pricesAfter(places: readonly string[]): Promise<unknown[]> {
    const prices: unknown[] = [];
    for (const place of places) {
      // What was being written is there in part.
      for (const name of fs.readdirSync(place)) {
        if (name.endsWith('.new')) fs.truncateSync(join(place, name), 10);
      }
      const first = await start(place);
      const second = await start(place);
      expect(second.have).toBe(8);
      // Killed at once, the one that has not proved itself is gone.
      if (first.onTrial)
        expect([priceIn(second), second.report.refused?.version]).toEqual([7_000, 8]);
      else expect(priceIn(second)).toBe(priceIn(first));
      // What is good is not noted as refused.
      if (second.report.version === 8)
        expect(fs.readdirSync(place)).not.toContain('config-refused.json');
      prices.push(priceIn(first));
    }
    forget(places);
    return prices;
  }

  function forget([place = '']: readonly string[]): void {
    fs.rmSync(join(place, '..'), { recursive: true });
  }

  test('while it is kept: the last good one, or the new one whole', async () => {
    const remote = await withGood();
    const places = await cuts(async () => {
      await offer(remote, 8);
    });
    expect(places.length).toBeGreaterThan(3);
    const prices = await Promise.all(places.map(async (place) => priceIn(await start(place))));
    const turn = prices.indexOf(8_000);
    expect(turn).toBeGreaterThan(0);
    expect(prices).toEqual(prices.map((_price, at) => (at < turn ? 7_000 : 8_000)));
    forget(places);
  });

  test('while its trial is noted: it boots once, before or after, and never twice', async () => {
    await offer(await withGood(), 8);
    const prices = await pricesAfter(
      await cuts(async () => {
        await start();
      }),
    );
    expect(prices.length).toBeGreaterThan(3);
    // The last is a start after the mark: the one before it was the trial.
    expect(prices.at(-1)).toBe(7_000);
    expect(prices.slice(0, -1).every((price) => price === 8_000)).toBe(true);
  });

  test('while it is found good: it is good, or it is refused as one that ended', async () => {
    await offer(await withGood(), 8);
    const trial = await start();
    const prices = await pricesAfter(await cuts(() => void trial.promote()));
    const turn = prices.indexOf(8_000);
    expect(turn).toBeGreaterThan(0);
    expect(prices).toEqual(prices.map((_price, at) => (at < turn ? 7_000 : 8_000)));
  });

  test('while it is refused: the last good one', async () => {
    await offer(await withGood(), 8);
    await start();
    const prices = await pricesAfter(
      await cuts(async () => {
        await start();
      }),
    );
    expect(prices.length).toBeGreaterThan(4);
    expect(new Set(prices)).toEqual(new Set([7_000]));
  });

  test('while it ends in order: it may be tried once more, and no oftener', async () => {
    await offer(await withGood(), 8);
    const trial = await start();
    const prices = await pricesAfter(
      await cuts(() => {
        trial.endOrderly();
      }),
    );
    expect(prices.at(-1)).toBe(8_000);
    expect(prices[0]).toBe(7_000);
  });
});
