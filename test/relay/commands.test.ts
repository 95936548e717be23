// The operator's commands as processes of their own: what they do beside a running relay, and what they refuse.
import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { claimCode, formatClaimCode } from '../../src/protocol/claim-code.ts';
import { openSqlite } from '../../src/relay/store/sqlite.ts';
import { migrate } from '../../src/relay/store/migrations.ts';
import { runKios } from '../e2e/program.ts';
import { failedSale, withStore } from './claim-setting.ts';
import { onFile, storeFile } from './restored.ts';
import { startSetting, type Setting, type TestKiosk } from './setting.ts';

const entry = fileURLToPath(new URL('../../src/cli/kios.ts', import.meta.url));
let setting: Setting;
let kiosk: TestKiosk;
let file: string;
beforeAll(async () => {
  setting = await startSetting();
  kiosk = await setting.kiosk('ksk01');
  file = configOn(storeFile(setting));
});
afterAll(() => setting.stop());

/** A configuration whose store is this file. JSON is YAML. */
function configOn(sqlite: string): string {
  const path = join(setting.dir, 'on.yaml').replace('on', `on-${readdirSync(setting.dir).length}`);
  writeFileSync(path, JSON.stringify({ ...setting.config, store: { sqlite } }));
  return path;
}

/** What the command printed, with its exit code where it is not 0. */
function kios(...args: string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(process.execPath, [entry, 'relay', ...args], (error, out, err) => {
      resolve(error === null ? out : `${String(error.code)}: ${out}${err}`);
    });
  });
}

test('a backup of a running store holds every row, is private, and overwrites nothing', async () => {
  const saleId = await failedSale(setting, kiosk);
  const target = join(setting.dir, 'copy.db');
  expect(await kios('-c', file, 'backup', target)).toContain(`${target} holds the database.`);
  expect(statSync(target).mode & 0o777).toBe(0o600);
  const counts = (path: string): unknown[] =>
    onFile(path, (db) => {
      const tables = db
        .prepare("select name from sqlite_master where type = 'table' order by name")
        .all();
      return tables.map(({ name }) => [
        name,
        db.prepare(`select count(*) as rows from ${String(name)}`).get()?.['rows'],
      ]);
    });
  expect(counts(target)).toEqual(counts(storeFile(setting)));
  const sales = onFile(target, (db) => db.prepare('select sale_id from sales').all());
  expect(sales).toContainEqual({ sale_id: saleId });
  expect(await kios('-c', file, 'backup', target)).toBe(
    `1: kios: ${target} is there already; nothing is overwritten [bad-request]\n`,
  );
  expect(readdirSync(setting.dir).filter((name) => name.endsWith('.part'))).toEqual([]);
});

test('no command makes a database or its folder', async () => {
  const absent = join(setting.dir, 'no-folder', 'relay.db');
  const config = configOn(absent);
  const commands = [
    ['enrolment', '--kiosk', 'ksk07'],
    ['revoke', '--kiosk', 'ksk07'],
    ['reboots', '--kiosk', 'ksk07'],
    ['claims'],
    ['kiosks'],
    ['report', '--day', 'today', '--offline'],
    ['rotate-key'],
    ['restored', '--yes'],
    ['backup', join(setting.dir, 'never.db')],
  ];
  const told = await Promise.all(commands.map((command) => kios('-c', config, ...command)));
  for (const text of told) {
    expect(text).toBe(
      `1: kios: ${config} cannot be used:\n  - store.sqlite: there is no database at ${absent}; the relay makes it at its first start\n`,
    );
  }
  expect(existsSync(join(setting.dir, 'no-folder'))).toBe(false);
  expect(existsSync(join(setting.dir, 'never.db'))).toBe(false);
});

test('no command changes tables of another version; restored alone brings older ones up to date', async () => {
  const old = join(setting.dir, 'old.db');
  const database = openSqlite(old, () => 1);
  await migrate(database, '0001-first');
  await database.close();
  const config = configOn(old);
  const older = 'store.sqlite: its tables are of an older version; start the relay of this version';
  expect(await kios('-c', config, 'kiosks')).toContain(older);
  expect(await kios('-c', config, 'enrolment', '--kiosk', 'ksk07')).toContain(older);
  const names = (): unknown[] =>
    onFile(old, (db) => db.prepare('select name from kysely_migration').all());
  expect(names()).toHaveLength(1);

  expect(await kios('-c', config, 'restored', '--yes')).toContain('The ledger begins anew');
  expect(names().length).toBeGreaterThan(1);
  onFile(old, (db) => {
    db.exec("insert into kysely_migration values ('9999-later', '2030-01-01T00:00:00.000Z')");
  });
  const newer = 'store.sqlite: its tables are of a newer version than this program';
  expect(await kios('-c', config, 'claims')).toContain(newer);
  expect(await kios('-c', config, 'restored', '--yes')).toContain(newer);
  expect(await kios('-c', config)).toContain(newer);
});

test('restored refuses a log that may be of the life before, and says what to do', async () => {
  const place = join(setting.dir, 'restored.db');
  const copy = join(setting.dir, 'restored-copy.db');
  await kios('-c', file, 'backup', copy);
  copyFileSync(copy, place);
  // What a relay that was killed leaves: a log that nobody has played into its database.
  writeFileSync(`${place}-wal`, 'of another life');
  const config = configOn(place);
  const refused = await kios('-c', config, 'restored', '--yes');
  expect(refused).toContain(`${place}-wal is there`);
  expect(refused).toContain(`rm -f ${place}-wal ${place}-shm`);
  const ledgerOf = (path: string): unknown =>
    onFile(path, (db) => db.prepare("select value from meta where name = 'ledgerId'").get());
  rmSync(`${place}-wal`);
  expect(ledgerOf(place)).toEqual(ledgerOf(copy));
  expect(await kios('-c', config, 'restored', '--yes')).toContain('The ledger begins anew');
  expect(ledgerOf(place)).not.toEqual(ledgerOf(copy));
});

test('the code of a slip leads to its claim, finished ones too; a misread one is told', async () => {
  const saleId = await failedSale(setting, kiosk);
  const row = await withStore(setting, (store) => store.kiosk('ksk01'));
  const code = claimCode(row?.claimSecret ?? '', saleId);
  expect(await kios('-c', file, 'claims')).toContain(`${saleId}  ${formatClaimCode(code)}  failed`);
  const asked = await kios('-c', file, 'claims', '--code', code);
  expect(asked).toContain(saleId);
  expect(asked.match(/ksk01-/g)).toHaveLength(1);
  await kios(
    ...['-c', file, 'claim', 'settle', '--sale', saleId],
    ...['--as', 'refunded-by-hand', '--note', 'in cash'],
  );
  expect(await kios('-c', file, 'claims', '--code', formatClaimCode(code))).toContain('refunded');
  const json: unknown = JSON.parse(await kios('-c', file, 'claims', '--code', code, '--json'));
  expect(json).toMatchObject({ saleId, code });
  const misread = `${code.slice(0, 3)}${(Number(code[3]) + 1) % 10}${code.slice(4)}`;
  expect(await kios('-c', file, 'claims', '--code', misread)).toContain('one digit was misread');
  const others = claimCode('x'.repeat(43), saleId);
  expect(await kios('-c', file, 'claims', '--code', others)).toContain(
    `no claim has the code ${others}`,
  );
});

test('what is not there, and what was done before, is said', async () => {
  expect(await kios('nonsense')).toContain("error: unknown command 'nonsense'");
  expect(await kios('claims')).toContain("error: required option '-c, --config <file>'");
  expect(await kios('-c', file, 'claims', '--kiosk', 'ksk99')).toContain(
    'no kiosk ksk99 was ever enrolled here [not-found]',
  );
  await setting.kiosk('ksk02');
  expect(await kios('-c', file, 'reboots', '--kiosk', 'ksk02')).toContain('began anew 0 times');
  expect(await kios('-c', file, 'reboots', '--kiosk', 'ksk09')).toContain('[not-found]');
  expect(await kios('-c', file, 'revoke', '--kiosk', 'ksk02')).toBe('ksk02 is revoked.\n');
  const revokedAtMs = (): Promise<unknown> =>
    withStore(setting, async (store) => (await store.kiosk('ksk02'))?.revokedAtMs);
  const sinceMs = await revokedAtMs();
  expect(await kios('-c', file, 'revoke', '--kiosk', 'ksk02')).toMatch(
    /^ksk02 is revoked already, since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d WIB\.\n$/,
  );
  expect(await revokedAtMs()).toBe(sinceMs);
});

test('a kiosk whose folder this user may not use is told in one line who may', async () => {
  const state = join(file, 'kios');
  const enrol = [
    'enrol',
    '--relay',
    setting.relayUrl,
    '--code',
    '7K3M-Q9TX-2B4C',
    '--state',
    state,
  ];
  const { code, output } = await runKios(...enrol);
  expect(code).toBe(1);
  expect(output).toMatch(
    /^kios: the user \S+ cannot use .*; run it as the user of the kiosk: sudo/,
  );
  expect(output.split('\n')).toHaveLength(1);
});

test('kiosks tells the time of the zone that is asked for', async () => {
  const nine = new Date(systemClock.nowMs() + 9 * 3_600_000).toISOString().slice(0, 10);
  await withStore(setting, (store) => store.noteStatus('ksk01', true, '{}'));
  const text = await kios('-c', file, 'kiosks', '--zone', 'WIT');
  expect(text).toContain('last status (WIT)');
  expect(text).toContain(nine);
  expect(await kios('-c', file, 'kiosks')).toContain('last status (WIB)');
});

test('a file that cannot be opened is told with its name, the setting and the user', async () => {
  const place = join(setting.dir, 'no.db');
  writeFileSync(
    place,
    'this is not a database, and it is long enough to be read as one'.repeat(20),
  );
  const config = configOn(place);
  expect(await kios('-c', config, 'claims')).toMatch(
    /store\.sqlite: .*no\.db cannot be opened by the user \S+: file is not a database/,
  );
});
