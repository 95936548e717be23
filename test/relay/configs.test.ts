// A configuration's way through the relay: checked at the operator's terminal, kept under a rising number, signed for one
// kiosk alone, and what the kiosks say of it on the list.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { relayCommand } from '../../src/cli/relay.ts';
import { explain } from '../../src/cli/run-process.ts';
import {
  configAnswer,
  maxConfigToken,
  maxSettingsBytes,
  openConfig,
  type ConfigClaims,
} from '../../src/protocol/remote-config.ts';
import { commandsAnswer, openCommand } from '../../src/protocol/command.ts';
import { everyKiosk, keptConfigs } from '../../src/relay/store/configs.ts';
import { openStore } from '../../src/relay/store/open.ts';
import { type Store } from '../../src/relay/store/store.ts';
import { databases, type Room } from './databases.ts';
import { storeFile } from './restored.ts';
import { startSetting, type Setting, type TestKiosk } from './setting.ts';

describe.each(databases())('%s', (_name, newRoom) => {
  let room: Room;
  let store: Store;
  beforeEach(async () => {
    room = await newRoom();
    store = await openStore(await room.connect(), 'ledger');
  });
  afterEach(async () => {
    await store.close();
    await room.leave();
  });

  const versionAbove = async (kioskId: string, version = 0): Promise<number | undefined> =>
    (await store.configAbove(kioskId, version))?.version;

  test('versions rise, whoever they are for; a kiosk has the newest of its own and of that for all', async () => {
    const first = await store.pushConfig(['ksk01'], '{"askAgainS":1}');
    expect(String(first)).toMatch(/^20\d{10}$/);
    const second = await store.pushConfig(['ksk02', 'ksk03'], '{}');
    const third = await store.pushConfig([everyKiosk], '{"askAgainS":3}');
    const fourth = await store.pushConfig(['ksk02'], '{"askAgainS":4}');
    expect([second, third, fourth]).toEqual([first + 1, first + 2, first + 3]);
    expect(await store.configAbove('ksk01', 0)).toMatchObject({ settings: '{"askAgainS":3}' });
    expect(await versionAbove('ksk02')).toBe(fourth);
    expect(await versionAbove('ksk09')).toBe(third);
    expect(await versionAbove('ksk01', third)).toBeUndefined();
    expect(await versionAbove('ksk02', third)).toBe(fourth);
    expect([...(await store.configVersions())].sort()).toEqual([
      [everyKiosk, third],
      ['ksk01', first],
      ['ksk02', fourth],
      ['ksk03', second],
    ]);
  });

  test('a store that was put back from a backup goes on above what kiosks had meanwhile', async () => {
    const before = await store.pushConfig(['ksk01'], '{}');
    room.pass(3_600_000);
    expect(await store.pushConfig(['ksk01'], '{}')).toBeGreaterThan(before + 50);
  });

  test('of one kiosk a few are kept', async () => {
    const versions: number[] = [];
    for (let n = 0; n < keptConfigs + 5; n++)
      versions.push(await store.pushConfig(['ksk01'], '{}'));
    await store.pushConfig(['ksk02'], '{}');
    const all = await (
      await room.connect()
    ).db
      .selectFrom('configs')
      .select('version')
      .where('kioskId', '=', 'ksk01')
      .orderBy('version')
      .execute();
    expect(all.map(({ version }) => version)).toEqual(versions.slice(-keptConfigs));
  });
});

describe('at the relay', () => {
  let setting: Setting;
  let kiosk: TestKiosk;
  let other: TestKiosk;
  let file: string;
  beforeAll(async () => {
    setting = await startSetting({ overrides: { limits: { minIdr: 1_000, maxIdr: 50_000 } } });
    [kiosk, other] = [await setting.kiosk('ksk01'), await setting.kiosk('ksk02')];
    file = join(setting.dir, 'relay.yaml');
    const store = { sqlite: storeFile(setting) };
    writeFileSync(file, JSON.stringify({ ...setting.config, store }));
  });
  afterAll(() => setting.stop());

  /** What the command printed, or the words with which it was refused. In this process: another one takes seconds to begin. */
  async function kios(...args: string[]): Promise<string> {
    let said = '';
    const written = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      said += String(text);
      return true;
    });
    try {
      await relayCommand().parseAsync(['-c', file, ...args], { from: 'user' });
      return said;
    } catch (error) {
      return `refused: ${explain(error)}`;
    } finally {
      written.mockRestore();
    }
  }

  function settingsFile(text: string): string {
    const path = join(setting.dir, 'settings.yaml');
    writeFileSync(path, text);
    return path;
  }

  const push = (text: string, ...to: string[]): Promise<string> =>
    kios('config', 'push', settingsFile(text), ...to);

  async function fetched(by = kiosk, have = 0): Promise<ConfigClaims | undefined> {
    const { json } = await by.call('GET', `/v1/config?have=${have}`);
    const token = configAnswer.parse(json).config?.token;
    const expected = { kioskId: by.kioskId, environment: 'sandbox' };
    return token === undefined ? undefined : openConfig(token, expected, by.keys);
  }

  test('is checked, pushed, told of by a command, fetched signed, shown, and listed with what the kiosk says', async () => {
    const drink = "'96385074': { id: teh, name: Teh, priceIdr: 7000 }";
    const said = await push(`language: en\ncatalogue:\n  ${drink}\n`, 'ksk01');
    expect(said).toMatch(
      /^ksk01: catalogue: 1 added, 0 removed, 0 changed; language: set\n\d{12} is pushed/,
    );
    const claims = await fetched();
    expect(claims).toMatchObject({
      kioskId: 'ksk01',
      settings: { language: 'en', catalogue: { '96385074': { priceIdr: 7000 } } },
    });
    expect(said).toContain(`${claims?.version ?? 0} is pushed`);
    expect(await fetched(kiosk, claims?.version)).toBeUndefined();
    expect(await fetched(other)).toBeUndefined();
    const { json } = await kiosk.call('GET', '/v1/commands');
    const [word] = commandsAnswer.parse(json).commands;
    const command = await openCommand(
      word?.token ?? '',
      { kioskId: 'ksk01', environment: 'sandbox' },
      kiosk.keys,
    );
    expect(command).toMatchObject({ name: 'reload-config', whenIdle: true });
    const shown = await kios('config', 'show', 'ksk01');
    expect(shown).toContain(`# ${claims?.version ?? 0}, pushed to ksk01 at `);
    // What is shown can be pushed again as it is.
    expect(await push(shown, 'ksk01')).toMatch(/^ksk01: nothing changes\n/);
    const changed = await push(
      `catalogue:\n  ${drink.replace('7000', '8000')}\n  '123': { id: a, name: A, priceIdr: 1 }`,
      'ksk01',
    );
    expect(changed).toMatch(
      /^ksk01: catalogue: 1 added, 0 removed, 1 changed; language: the machine's own again\n/,
    );

    const line = await kiosk.connect();
    const why = 'dispenser.anyAmount: so\u{1b}';
    const config = { version: 202601010000, trial: true, refused: { version: 202601010001, why } };
    const status = { online: true, bootId: 'b', connection: 1, version: '0.1.0', config };
    await line.client.publishAsync('kios/1/ksk01/status', JSON.stringify(status), { qos: 1 });
    await line.client.endAsync();
    await expect
      .poll(() => kios('configs'), { timeout: 20_000 })
      .toMatch(
        /\nksk01 +20\d{10} +202601010000, on trial +202601010001: dispenser.anyAmount: so\nksk02 +- +\?\n/,
      );
    const listed = (await kios('configs', '--json'))
      .split('\n')
      .map((one) => (one === '' ? {} : JSON.parse(one)) as unknown);
    expect(listed).toMatchObject([
      { kioskId: 'ksk01', said: { trial: true } },
      { kioskId: 'ksk02', pushed: null, said: null },
      {},
    ]);
  });

  test('--all holds for kiosks that are enrolled later, until one of its own is newer', async () => {
    expect(await push('askAgainS: 60', '--all')).toMatch(/^all: askAgainS: set\n/);
    const later = await setting.kiosk('ksk03');
    expect(await fetched(later)).toMatchObject({ kioskId: 'ksk03', settings: { askAgainS: 60 } });
    await push('{}', 'ksk03');
    expect(await fetched(later)).toMatchObject({ settings: {} });
    expect(await fetched(other)).toMatchObject({ kioskId: 'ksk02', settings: { askAgainS: 60 } });
  });

  test('what cannot be used is told at the desk, all of it at once, and nothing is pushed', async () => {
    const text =
      'stateDir: /tmp\nlanguage: fr\nprinter: { at: lp:/dev/lp0 }\ntechnicianCode: "1111111"\n';
    const said = await push(text, 'ksk01');
    expect(said).toMatch(/^refused: /);
    for (const words of [
      'line 1: stateDir: unknown key',
      'line 2: language',
      'line 3: printer.at: unknown key',
    ]) {
      expect(said).toContain(words);
    }
    expect(await push('technicianCode: "1111111"', 'ksk01')).toContain('no secret');
    const version = (await fetched())?.version;
    const wrong: [string[], string][] = [
      [[], 'name the kiosks, or --all'],
      [['ksk01', '--all'], 'and not both'],
      [['ksk09'], 'no kiosk ksk09 was ever enrolled'],
    ];
    for (const [to, words] of wrong) expect(await push('{}', ...to)).toContain(words);
    expect(await kios('config', 'push', join(setting.dir, 'none.yaml'), 'ksk01')).toContain(
      'none.yaml cannot be used',
    );
    expect((await fetched())?.version).toBe(version);
  });

  test('goods that are dearer than the relay charges are counted, and refused where all of them are', async () => {
    const { maxIdr } = setting.config.limits;
    const goods = (...prices: readonly number[]): string =>
      JSON.stringify({
        catalogue: Object.fromEntries(
          prices.map((priceIdr, at) => [`9638507${at}`, { id: 'x', name: 'x', priceIdr }]),
        ),
      });
    const version = (await fetched())?.version;
    expect(await push(goods(maxIdr + 1, maxIdr + 2), 'ksk01')).toMatch(
      /^refused: catalogue: 2 of 2 items cost more than Rp [\d.]+, the limits.maxIdr of the relay: nobody could buy anything/,
    );
    expect((await fetched())?.version).toBe(version);
    expect(await push(goods(maxIdr + 1, maxIdr), 'ksk01')).toMatch(
      /^catalogue: 1 of 2 items cost more .*: nobody can buy them\nksk01: .*\n\d+ is pushed/,
    );
    expect(await push(goods(maxIdr), 'ksk01')).not.toContain('cost more');
    expect(await push('catalogue: {}', 'ksk01')).toContain('is pushed');
  });

  test('the largest that is taken fits into what a kiosk takes, and one that is larger is refused', async () => {
    const items = (count: number, name: string): string =>
      JSON.stringify({
        catalogue: Object.fromEntries(
          Array.from({ length: count }, (_none, at) => [
            String(8_000_000_000_000 + at),
            { id: name, name, priceIdr: 1 },
          ]),
        ),
      });
    const name = 'x'.repeat(49);
    expect(Buffer.byteLength(items(4_800, name))).toBeLessThan(maxSettingsBytes);
    expect(await push(items(4_800, name), 'ksk01')).toContain('is pushed');
    const { json } = await kiosk.call('GET', '/v1/config?have=0');
    const length = configAnswer.parse(json).config?.token.length ?? 0;
    expect(length).toBeGreaterThan(maxConfigToken / 2);
    expect(await push(items(5_000, '€'.repeat(49)), 'ksk01')).toMatch(/is larger than/);
  });

  test.each(['x', '-1', '1.5', '9999999999999', ''])('have=%s is no question', async (have) => {
    const answer = await kiosk.call('GET', `/v1/config?have=${have}`);
    expect(answer).toMatchObject({ status: 400, json: { code: 'bad-request' } });
  });

  test('without a kiosk’s token nothing is told', async () => {
    expect((await fetch(`${setting.relayUrl}/v1/config?have=0`)).status).toBe(401);
  });
});
