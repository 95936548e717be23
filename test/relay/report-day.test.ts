// The day close as an operator runs it: the real command beside a real relay and a real twin, its output as it is read.
import { execFile } from 'node:child_process';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { stringify } from 'yaml';
import { systemClock } from '../../src/lib/clock.ts';
import { localTime } from '../../src/relay/report-form.ts';
import { pay, serverKey, startSetting, type Setting, type TestKiosk } from './setting.ts';

const entry = fileURLToPath(new URL('../../src/cli/kios.ts', import.meta.url));
const today = localTime(systemClock.nowMs(), 'WIB').slice(0, 10);

let setting: Setting;
let configFile: string;
let ids: Record<'done' | 'inHand' | 'failed' | 'cancelled' | 'refunded' | 'unheard', string>;
const stranger = `other-${today}`;

interface Run {
  code: number;
  out: string;
  err: string;
}

/** As a file has it: without what is undefined. */
function plain(config: object): object {
  return JSON.parse(JSON.stringify(config)) as object;
}

/** `kios relay …` to its end. */
function kiosRelay(...args: string[]): Promise<Run> {
  return new Promise((resolve) => {
    const all = [entry, 'relay', '--config', configFile, ...args];
    execFile(process.execPath, all, (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err });
    });
  });
}

async function sell(
  at: Setting,
  kiosk: TestKiosk,
  amountIdr: number,
  result?: 'done' | 'failed' | 'unknown',
): Promise<string> {
  const saleId = kiosk.newSaleId();
  const { sale } = await kiosk.put(saleId, amountIdr);
  expect(await pay(at, sale.qrString ?? '')).toBe(200);
  await kiosk.until(saleId, 'paid');
  if (result !== undefined) {
    await kiosk.report(saleId, result);
  }
  return saleId;
}

async function atMidtrans(path: string, body: unknown, headers = {}): Promise<number> {
  const answer = await fetch(`${setting.twinUrl}${path}`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${serverKey}:`).toString('base64')}`,
      accept: 'application/json',
      'content-type': 'application/json',
      ...headers,
    },
    body: JSON.stringify(body),
  });
  await answer.arrayBuffer();
  return answer.status;
}

async function makeTheDay(): Promise<void> {
  const one = await setting.kiosk('ksk01');
  const two = await setting.kiosk('ksk02');
  const done = await sell(setting, one, 15_000, 'done');
  const inHand = await sell(setting, one, 20_000);
  const failed = await sell(setting, two, 10_000, 'failed');
  const cancelled = two.newSaleId();
  await two.put(cancelled, 9_000);
  await two.call('POST', `/v1/sales/${cancelled}/cancel`, {
    reason: 'customer',
    amountIdr: 9_000,
  });
  await two.until(cancelled, 'cancelled');
  const refunded = await sell(setting, two, 7_000, 'done');
  const refund = { refund_key: 'by-hand', amount: 7_000, reason: 'complaint' };
  expect(await atMidtrans(`/v2/${refunded}/refund`, refund)).toBe(200);
  await two.until(refunded, 'refunded');
  const order = {
    payment_type: 'qris',
    transaction_details: { ['order_id']: stranger, ['gross_amount']: 5_000 },
  };
  const url = `${setting.relayUrl}/v1/notifications/midtrans`;
  expect(await atMidtrans('/v2/charge', order, { 'x-override-notification': url })).toBe(200);
  await vi.waitFor(async () => {
    expect(await setting.metrics()).toContain('outcome="unknown-order"}');
  });
  const unheard = one.newSaleId();
  const { sale } = await one.put(unheard, 30_000);
  // The relay is down while this is paid: Midtrans has money that nobody here knows of.
  await setting.stopRelay();
  expect(await pay(setting, sale.qrString ?? '')).toBe(200);
  ids = { done, inHand, failed, cancelled, refunded, unheard };
}

beforeAll(async () => {
  setting = await startSetting();
  configFile = join(setting.dir, 'relay.yaml');
  writeFileSync(configFile, stringify(plain(setting.config)));
  await makeTheDay();
});
afterAll(async () => {
  await setting.stop();
});

/** The line of a sale in the list. */
function listed(out: string, saleId: string): string {
  return (out.split('\n').find((line) => line.includes(saleId)) ?? '').replace(/ +/g, ' ').trim();
}

/** What is said of a sale below the list. */
function told(out: string, saleId: string): string {
  const paragraph = out.split('\n\n').find((text) => text.startsWith(saleId)) ?? '';
  return paragraph.replace(/\s+/g, ' ');
}

test('a day in order, read while the relay runs, ends with 0', async () => {
  const running = await startSetting();
  const file = join(running.dir, 'relay.yaml');
  writeFileSync(file, stringify(plain(running.config)));
  const kiosk = await running.kiosk('ksk01');
  await sell(running, kiosk, 15_000, 'done');
  const { code, out, err } = await kiosRelay('report', '--day', today, '--config', file);
  await running.stop();
  expect(err).toBe('');
  expect(out).toContain('No differences.');
  expect(out).toContain('are the Rp 15.000 that settled. Nothing to do.');
  expect(code).toBe(0);
});

test('text: every sale side by side, every difference with its next step, the sums; ends with 3', async () => {
  const { code, out, err } = await kiosRelay('report', '--day', today);
  expect(err).toBe('');
  expect(code).toBe(3);
  expect(out).toContain(`Day close of ${today} (WIB), KIOS CONTOH, sandbox\n`);
  expect(out).toContain('Midtrans was asked about every sale.');
  const time = String.raw`(\d{2}:\d{2}:\d{2}|\d{2}-\d{2} \d{2}:\d{2})`;
  const line = (saleId: string, rest: string): RegExp =>
    new RegExp(`^${time} ${time} ${saleId} ${rest}$`);
  expect(listed(out, ids.done)).toMatch(line(ids.done, 'Rp 15.000 done paid settled'));
  expect(listed(out, ids.cancelled)).toMatch(/ - ksk02-\w+ Rp 9.000 - cancelled cancelled$/);
  expect(listed(out, ids.inHand)).toMatch(/^! .* Rp 20.000 - paid settled$/);
  expect(listed(out, ids.failed)).toMatch(/^! .* Rp 10.000 failed paid, claim open settled$/);
  expect(listed(out, ids.refunded)).toMatch(/^! .* Rp 7.000 done refunded refunded$/);
  expect(listed(out, ids.unheard)).toMatch(/^! .* - ksk01-\w+ Rp 30.000 - pending settled$/);

  expect(out).toContain('\n5 differences: ');
  expect(told(out, ids.inHand)).toMatch(/in-hand: .* Next: If the kiosk is offline, look at it/);
  expect(told(out, ids.failed)).toContain(`kios relay claim refund --sale ${ids.failed}.`);
  expect(told(out, ids.refunded)).toContain('refunded-by-hand: The goods are out, and Rp 7.000');
  expect(told(out, ids.unheard)).toContain('paid-there-not-here: Midtrans has taken Rp 30.000');
  expect(told(out, `order ${stranger}`)).toContain('unknown-order: ');
  expect(told(out, ids.done)).toBe('');

  const sums = out.replace(/ +/g, ' ');
  expect(sums).toContain(
    '\nkiosk begun settled in hand done refunded open claim outside Midtrans\n',
  );
  expect(sums).toContain('\nksk01 3 2 Rp 35.000 1 Rp 20.000 1 Rp 15.000 0 Rp 0 0 Rp 0 Rp 0\n');
  expect(sums).toContain('\nksk02 3 2 Rp 17.000 0 Rp 0 0 Rp 0 1 Rp 7.000 1 Rp 10.000 Rp 0\n');
  expect(sums).toContain(
    '\nall 6 4 Rp 52.000 1 Rp 20.000 1 Rp 15.000 1 Rp 7.000 1 Rp 10.000 Rp 0\n',
  );
  expect(out).toContain(
    'Balanced: in hand, done, refunded and open claims together are the Rp 52.000',
  );
});

test('--brief leaves out the list and nothing else', async () => {
  const { code, out } = await kiosRelay('report', '--day', today, '--brief');
  expect(code).toBe(3);
  expect(out).not.toContain(ids.done);
  expect(out).toContain(ids.failed);
  expect(out).toContain('5 differences');
  expect(out.replace(/ +/g, ' ')).toContain('\nall 6 4 Rp 52.000 ');
});

test('--format csv: one header, a row a sale, the sums as rows; the sums are the columns added up', async () => {
  const { code, out } = await kiosRelay('report', '--day', today, '--format', 'csv');
  expect(code).toBe(3);
  const [header = [], ...rows] = out
    .trimEnd()
    .split('\r\n')
    .map((line) => line.split(','));
  const of = (row: string[], name: string): string => row[header.indexOf(name)] ?? '';
  const byRow = (kind: string): string[][] => rows.filter((row) => of(row, 'row') === kind);
  expect(
    byRow('sale')
      .map((row) => of(row, 'sale'))
      .sort(),
  ).toEqual(Object.values(ids).sort());
  expect(byRow('notice').map((row) => of(row, 'sale'))).toEqual([stranger]);
  const [all = []] = byRow('all');
  for (const [column, idr] of [
    ['settled_idr', 52_000],
    ['in_hand_idr', 20_000],
    ['done_idr', 15_000],
    ['refunded_idr', 7_000],
    ['open_claim_idr', 10_000],
  ] as const) {
    const added = byRow('sale').reduce((sum, row) => sum + Number(of(row, column)), 0);
    expect(added).toBe(idr);
    expect(of(all, column)).toBe(String(idr));
  }
  const unheard = rows.find((row) => of(row, 'sale') === ids.unheard) ?? [];
  expect(of(unheard, 'midtrans')).toBe('settled');
  expect(of(unheard, 'midtrans_idr')).toBe('30000');
  expect(of(unheard, 'differences')).toBe('paid-there-not-here');
});

test('--offline asks nobody, needs no Server Key and says so', async () => {
  const { code, out } = await kiosRelay('report', '--day', today, '--offline');
  expect(code).toBe(3);
  expect(out).toContain('Midtrans was not asked (--offline)');
  expect(out).not.toContain('paid-there-not-here');
  expect(listed(out, ids.done)).toMatch(/done paid not asked$/);
});

test('a day without a difference ends with 0; a day that is none, and one to come, with 1', async () => {
  const clean = await kiosRelay('report', '--day', '2026-01-01');
  expect(clean).toMatchObject({ code: 0, err: '' });
  expect(clean.out).toContain('No differences.');
  expect(clean.out).toContain('Nothing to do.');
  const none = await kiosRelay('report', '--day', '2026-02-30');
  expect(none.code).toBe(1);
  expect(none.err).toContain('a day such as 2026-11-21');
  expect(await kiosRelay('report', '--day', '2999-01-01')).toMatchObject({ code: 1 });
});

test('a report changes nothing', async () => {
  const before = await kiosRelay('report', '--day', today, '--offline', '--format', 'csv');
  await kiosRelay('report', '--day', today);
  const after = await kiosRelay('report', '--day', today, '--offline', '--format', 'csv');
  expect(after.out).toBe(before.out);
});

test('a database that is not there is told, not made', async () => {
  const file = join(setting.dir, 'elsewhere.yaml');
  const sqlite = join(setting.dir, 'nowhere.db');
  writeFileSync(file, stringify({ ...plain(setting.config), store: { sqlite } }));
  const { code, err } = await kiosRelay('report', '--day', today, '--config', file);
  expect(code).toBe(1);
  expect(err).toContain('the relay makes it at its first start');
  expect(existsSync(sqlite)).toBe(false);
});

test('kios relay kiosks lists who is out there', async () => {
  const { code, out } = await kiosRelay('kiosks');
  expect(code).toBe(0);
  expect(out.replace(/ +/g, ' ')).toContain('\nksk01 offline never - ');
  const lines = (await kiosRelay('kiosks', '--json')).out.trimEnd().split('\n');
  const [one] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(one).toMatchObject({ kioskId: 'ksk01', state: 'offline', selling: null, notOk: [] });
  expect(one?.['unacked']).toBeGreaterThan(0);
});

test('kios relay rotate-key makes the next key, says where it lies, and refuses while it waits', async () => {
  const { code, out } = await kiosRelay('rotate-key', '--active-in', '2h');
  expect(code).toBe(0);
  const [, kid = '', file = ''] =
    /^(\S+) signs from [\s\S]*Its private half: (\S+)\. /.exec(out) ?? [];
  expect(file).toBe(join(setting.config.stateDir, `relay-key-${kid}.pem`));
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const again = await kiosRelay('rotate-key');
  expect(again.code).toBe(1);
  expect(again.err).toContain(`${kid} is waiting already`);
  expect((await kiosRelay('rotate-key', '--new-chain')).err).toContain(
    'until it is enrolled again',
  );
  expect((await kiosRelay('rotate-key', '--active-in', 'soon')).code).toBe(1);
});

test('a relay whose key is gone does not start, and says what to do', async () => {
  const stateDir = join(setting.dir, 'empty-state');
  const file = join(setting.dir, 'lost.yaml');
  writeFileSync(file, stringify({ ...plain(setting.config), stateDir }));
  const { code, err } = await kiosRelay('--config', file);
  expect(code).toBe(1);
  expect(err).toContain(`stateDir: no private key of this database's chain is in ${stateDir}`);
  expect(err).toContain('--new-chain');
});
