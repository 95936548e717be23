// The operator's commands about claims, as processes beside a running relay.
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { failedSale, lateMoney, refundsAt, untilClaim } from './claim-setting.ts';
import { startSetting, type Setting, type TestKiosk } from './setting.ts';

const entry = fileURLToPath(new URL('../../src/cli/kios.ts', import.meta.url));
let setting: Setting;
let kiosk: TestKiosk;
let file: string;
beforeAll(async () => {
  setting = await startSetting();
  kiosk = await setting.kiosk('ksk01');
  file = join(setting.dir, 'relay.yaml');
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(setting.config));
});
afterAll(() => setting.stop());

/** What the command printed, with its exit code where it is not 0. */
function kios(...args: string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(process.execPath, [entry, 'relay', '--config', file, ...args], (error, out, err) => {
      resolve(error === null ? out : `${String(error.code)}: ${out}${err}`);
    });
  });
}

test('claims lists what is owed, how old, and what to do; finished ones only when asked for', async () => {
  const saleId = await lateMoney(setting, kiosk);
  // The relay looks once at each new claim, and leaves it to the operator.
  await untilClaim(setting, saleId, ({ askAtMs }) => askAtMs === null);
  const text = await kios('claims', '--kiosk', 'ksk01');
  expect(text).toMatch(new RegExp(`${saleId}  \\d{4} \\d{4} \\d{3}  late`));
  expect(text).toMatch(/Rp 15\.000 +0 min {2}open/);
  expect(text).toContain('The customer may redeem it at the kiosk with the slip; or claim refund.');
  expect(text).toContain('1 claim, Rp 15.000 owed.');
  expect(await kios('claims', '--state', 'honoured')).toBe('0 claims, Rp 0 owed.\n');
  const json = JSON.parse(await kios('claims', '--json')) as Record<string, unknown>;
  expect(json).toMatchObject({ saleId, kind: 'late', amountIdr: 15_000, state: 'open' });
  expect(json).toMatchObject({ operatorOnly: false, restored: false, refundedIdr: 0 });
  expect(json).toMatchObject({ nextLookAt: null });
});

test('claim settle writes down what was given by hand, once, with a note', async () => {
  const saleId = await failedSale(setting, kiosk);
  const settle = ['claim', 'settle', '--sale', saleId, '--as', 'refunded-by-hand'];
  expect(await kios(...settle)).toContain("required option '--note <text>'");
  const settled = await kios(...settle, '--note', 'in cash, by Budi, receipt 7');
  expect(settled).toBe(`${saleId} is refunded: nothing is owed any more.\n`);
  expect(await kios('claims', '--state', 'refunded')).toContain('in cash, by Budi, receipt 7');
  expect(await kios(...settle, '--note', 'again')).toContain(
    '1: kios: refused: the money went back already: nothing is owed any more [claim-locked]',
  );
  expect(setting.logText()).not.toContain('Budi');
});

test('claim refund marks it; the running relay gives the money back', async () => {
  const saleId = await failedSale(setting, kiosk);
  const tooMuch = await kios('claim', 'refund', '--sale', saleId, '--amount', '15001');
  expect(tooMuch).toContain(
    'refused: the amount must be whole rupiah, from 1 to what is owed (Rp 15.000)',
  );
  expect(await refundsAt(setting, saleId)).toEqual([]);
  const ordered = await kios('claim', 'refund', '--sale', saleId);
  expect(ordered).toContain(`Rp 15.000 of ${saleId} go back; the running relay does it.`);
  await untilClaim(setting, saleId, 'refunded');
  expect(await refundsAt(setting, saleId)).toHaveLength(1);
});

test('claim release takes the lock off, and not while the kiosk may be dispensing', async () => {
  const saleId = await failedSale(setting, kiosk);
  await kiosk.call('POST', `/v1/claims/${saleId}/redeem`, { dispenseId: 'd1' });
  const release = ['claim', 'release', '--sale', saleId];
  expect(await kios(...release)).toContain('may be dispensing; wait');
  expect(await kios('claim', 'refund', '--sale', saleId)).toContain('granted the goods for it');
  await kiosk.report(saleId, 'unknown', 'd1');
  expect(await kios('claims', '--state', 'redeeming')).toContain('Look there; then claim settle');
  expect(await kios(...release)).toBe(`${saleId} is open again: Rp 15.000 are owed.\n`);
  expect(await kios(...release)).toContain('there is no lock to take off');
  const again = await kiosk.call('POST', `/v1/claims/${saleId}/redeem`, { dispenseId: 'd2' });
  expect(again.status).toBe(200);
});

test('what is no claim, no sale or no amount is said so', async () => {
  const none = kiosk.newSaleId();
  expect(await kios('claim', 'refund', '--sale', none)).toContain(
    `no claim of ${none} [claim-unknown]`,
  );
  expect(await kios('claim', 'refund', '--sale', 'ksk01')).toContain(
    'a sale id is <kioskId>-<ULID>',
  );
  const odd = await kios('claim', 'refund', '--sale', none, '--amount', '15.000');
  expect(odd).toContain('whole rupiah, such as 15000');
});
