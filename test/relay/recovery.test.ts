// A relay that was restored from a backup, at the real twin: kiosks bring back what it has signed, sell again, and
// nothing that was handed over or paid back is owed a second time (PROTOCOL.md §8).
import { readFileSync } from 'node:fs';
import { createPrivateKey } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { recoverAnswer, type RecoverAnswer } from '../../src/protocol/api.ts';
import { signProof } from '../../src/protocol/proof.ts';
import { cursorAfter, type Sale } from '../../src/protocol/sale.ts';
import { pay, plant, startSetting, type Setting, type TestKiosk } from './setting.ts';
import { withStore } from './claim-setting.ts';
import { backUp, onFile, posted, sellAgain, storeFile } from './restored.ts';

let setting: Setting;
beforeAll(async () => {
  setting = await startSetting();
});
afterAll(async () => {
  await setting.stop();
});

let kiosks = 10;
const newKiosk = (): Promise<TestKiosk> => setting.kiosk(`rec${kiosks++}`);

async function recover(
  kiosk: TestKiosk,
  sales: { proof: string; fulfilment?: string }[],
  since?: string,
): Promise<RecoverAnswer> {
  const body = { sales, ...(since === undefined ? {} : { since }) };
  const { status, json } = await kiosk.call('POST', '/v1/recover', body);
  expect({ status, ...json }).toMatchObject({ status: 200 });
  return recoverAnswer.parse(json);
}

const report = (
  kiosk: TestKiosk,
  saleId: string,
  result: 'done' | 'failed' | 'abandoned',
): ReturnType<TestKiosk['call']> => kiosk.report(saleId, result);

async function sellPaid(kiosk: TestKiosk): Promise<Sale> {
  const { sale } = await kiosk.put(kiosk.newSaleId(), 4_000);
  await pay(setting, sale.qrString ?? '');
  return kiosk.until(sale.saleId, 'paid');
}

const claimOf = (saleId: string): Promise<unknown> =>
  withStore(setting, (store) => store.claim(saleId));

async function counted(metric: string): Promise<number> {
  const line = (await setting.metrics()).split('\n').find((text) => text.startsWith(metric));
  return Number(line?.split(' ').at(-1) ?? 0);
}

test('a kiosk that would not sell after a restore sells again', async () => {
  const kiosk = await newKiosk();
  const before = await kiosk.put(kiosk.newSaleId(), 4_000);
  await kiosk.call('POST', `/v1/sales/${before.sale.saleId}/cancel`, {
    ...{ reason: 'customer', amountIdr: 4_000 },
  });
  const backup = backUp(setting);
  const sold = await sellPaid(kiosk);
  await report(kiosk, sold.saleId, 'done');
  const { ledgerId } = sold;
  await backup.restore(true);

  const since = cursorAfter(sold);
  const changes = await kiosk.call('GET', `/v1/changes?since=${since}&ledgerId=${ledgerId}`);
  expect(changes).toMatchObject({ status: 409, json: { code: 'ledger-differs' } });
  const answer = await recover(kiosk, [posted(before.sale), posted(sold, 'done', kiosk)], since);
  expect(answer).toMatchObject({ taken: 2, refused: [], recovering: true });
  expect(answer.ledgerId).not.toBe(ledgerId);
  const next = await sellAgain(kiosk);
  expect(next).toMatchObject({ verdict: 'pending', ledgerId: answer.ledgerId });
  expect(next.seq).toBeGreaterThan(sold.seq);
  // What it stands on holds now; nothing comes of it twice.
  const told = await kiosk.call('GET', `/v1/changes?since=${since}&ledgerId=${answer.ledgerId}`);
  expect(told.status).toBe(200);
  const known = await kiosk.get(sold.saleId);
  expect(known).toMatchObject({ verdict: 'paid', fulfilment: 'done' });
  await kiosk.verify(known);
  expect(await claimOf(sold.saleId)).toBeUndefined();
});

test('delivered goods whose settlement the backup has lost open no claim', async () => {
  const kiosk = await newKiosk();
  const backup = backUp(setting);
  const { sale } = await kiosk.put(kiosk.newSaleId(), 4_000);
  await pay(setting, sale.qrString ?? '');
  await kiosk.until(sale.saleId, 'paid');
  await backup.restore(true);
  // Of the journal only the QR's proof is left, and that the goods are out.
  await recover(kiosk, [posted(sale, 'done', kiosk)]);
  const paid = await kiosk.until(sale.saleId, 'paid');
  expect(paid.fulfilment).toBe('done');
  expect(paid.settledAt).toBeDefined();
  expect(await claimOf(sale.saleId)).toBeUndefined();
});

test('money that nobody serves any more is a claim of the operator, once', async () => {
  const kiosk = await newKiosk();
  const backup = backUp(setting);
  const { sale } = await kiosk.put(kiosk.newSaleId(), 4_000);
  await pay(setting, sale.qrString ?? '');
  await kiosk.until(sale.saleId, 'paid');
  await backup.restore(true);
  await recover(kiosk, [posted(sale, 'abandoned', kiosk)]);
  await kiosk.until(sale.saleId, 'paid-late');
  expect(await claimOf(sale.saleId)).toMatchObject({
    ...{ kind: 'abandoned', state: 'open', operatorOnly: 1 },
  });
});

test('a row of the backup goes forward, and an older proof of it changes nothing', async () => {
  const kiosk = await newKiosk();
  const { sale } = await kiosk.put(kiosk.newSaleId(), 4_000);
  const backup = backUp(setting);
  await pay(setting, sale.qrString ?? '');
  const paid = await kiosk.until(sale.saleId, 'paid');
  await backup.restore(true);
  const [first, again] = [
    await recover(kiosk, [posted(paid)], cursorAfter(paid)),
    await recover(kiosk, [posted(sale), posted(paid)], cursorAfter(paid)),
  ];
  expect([first.taken, again.taken]).toEqual([1, 2]);
  expect(await kiosk.get(sale.saleId)).toMatchObject({ verdict: 'paid' });
  await sellAgain(kiosk);
  expect((await kiosk.get(sale.saleId)).settledAgoMs).toBeGreaterThan(0);
});

test('never a charge: a recovered sale that is put again shows its row and asks Midtrans for no QR', async () => {
  const kiosk = await newKiosk();
  const backup = backUp(setting);
  const { sale } = await kiosk.put(kiosk.newSaleId(), 4_000);
  await backup.restore(true);
  const charges = 'kios_midtrans_seconds_count{call="charge"';
  await recover(kiosk, [posted(sale)]);
  const row = (): Promise<unknown> => withStore(setting, (store) => store.sale(sale.saleId));
  await expect.poll(row).toMatchObject({ recovering: 0, verdict: 'pending' });
  const again = await kiosk.put(sale.saleId, 4_000);
  expect(again).toMatchObject({ status: 200, sale: { verdict: 'pending' } });
  expect(await counted(charges)).toBe(0);
  // It can be paid still, and be stopped.
  await kiosk.call('POST', `/v1/sales/${sale.saleId}/cancel`, {
    ...{ reason: 'customer', amountIdr: 4_000 },
  });
  await kiosk.until(sale.saleId, 'cancelled');
});

test('a fulfilment of an unknown sale is recovered likewise, without another ledger', async () => {
  const kiosk = await newKiosk();
  const backup = backUp(setting);
  const sold = await sellPaid(kiosk);
  await backup.restore(false);
  const unknown = await report(kiosk, sold.saleId, 'done');
  expect(unknown).toMatchObject({ status: 404, json: { code: 'sale-unknown' } });
  const answer = await recover(kiosk, [posted(sold, 'done', kiosk)]);
  expect(answer).toMatchObject({ taken: 1, ledgerId: sold.ledgerId });
  expect((await report(kiosk, sold.saleId, 'done')).status).toBe(200);
  await sellAgain(kiosk);
  expect(await claimOf(sold.saleId)).toBeUndefined();
});

test('a notice of a sale that was lost is kept, and counts when the sale is recovered', async () => {
  const kiosk = await newKiosk();
  const backup = backUp(setting);
  const { sale } = await kiosk.put(kiosk.newSaleId(), 4_000);
  await backup.restore(true);
  await pay(setting, sale.qrString ?? '');
  const states = (): unknown[] =>
    onFile(storeFile(setting), (db) =>
      db.prepare('select state from notices where sale_id = ?').all(sale.saleId),
    ).map((row) => row['state']);
  await expect.poll(states).toContain('unknown-order');
  await recover(kiosk, [posted(sale)]);
  await kiosk.until(sale.saleId, 'paid');
  await expect.poll(states).toEqual(expect.not.arrayContaining(['unknown-order', 'unconfirmed']));
});

describe('what is refused is named, and takes nothing else with it', () => {
  test('a forged proof, another kiosk’s, one of production, one for something else', async () => {
    const kiosk = await newKiosk();
    const stranger = await newKiosk();
    const theirs = await sellPaid(stranger);
    const backup = backUp(setting);
    const sold = await sellPaid(kiosk);
    await backup.restore(true);
    const key = {
      kid: kiosk.enrolled.keys[0]?.kid ?? '',
      privateKey: createPrivateKey(
        readFileSync(join(setting.config.stateDir, 'relay-key.pem'), 'utf8'),
      ),
    };
    const claims = {
      ...{ env: 'sandbox', saleId: kiosk.newSaleId(), kioskId: kiosk.kioskId },
      ...{ amountIdr: 4_000, verdict: 'paid', seq: 9, iat: 1_767_236_400 },
    };
    const sign = (more: object): Promise<string> =>
      signProof('kios-verdict', { ...claims, ...more }, key);
    const answer = await recover(kiosk, [
      { proof: `${sold.proof.slice(0, -4)}AAAA`, fulfilment: 'done' },
      posted(theirs),
      { proof: await sign({ env: 'production' }) },
      { proof: await sign({ saleId: theirs.saleId }) },
      { proof: await signProof('kios-command', claims, key) },
      { proof: await signProof('kios-verdict', claims, { ...key, kid: 'unknown' }) },
      { proof: 'nonsense' },
      { proof: await sign({ saleId: sold.saleId, amountIdr: 9_000 }) },
      posted(sold, 'done', kiosk),
    ]);
    const code = (index: number): string | undefined =>
      answer.refused.find((one) => one.index === index)?.code;
    expect([0, 1, 2, 3, 4, 5, 6, 7, 8].map(code)).toEqual([
      ...[
        'bad-proof',
        'not-yours',
        'bad-proof',
        'not-yours',
        'bad-proof',
        'bad-proof',
        'bad-proof',
      ],
      // Of two amounts for one sale the row has the one that came first.
      ...(code(7) === undefined ? [undefined, 'sale-mismatch'] : ['sale-mismatch', undefined]),
    ]);
    expect(answer.taken).toBe(1);
    expect(await withStore(setting, (store) => store.sale(claims.saleId))).toBeUndefined();
  });

  test('a result against the first one: the sale stands, and its first result with it', async () => {
    const kiosk = await newKiosk();
    const backup = backUp(setting);
    const sold = await sellPaid(kiosk);
    await report(kiosk, sold.saleId, 'failed');
    const failed = await kiosk.get(sold.saleId);
    await backup.restore(true);
    const answer = await recover(kiosk, [{ ...posted(failed), fulfilment: 'done' }]);
    expect(answer).toMatchObject({
      taken: 1,
      refused: [{ index: 0, code: 'fulfilment-mismatch' }],
    });
    expect((await kiosk.get(sold.saleId)).fulfilment).toBe('failed');
    expect(await claimOf(sold.saleId)).toMatchObject({ kind: 'failed', operatorOnly: 1 });
    expect(setting.logText()).toContain('sale.fulfilment-disputed');
  });

  test('bodies that are none', async () => {
    const kiosk = await newKiosk();
    const post = async (body: unknown): Promise<unknown> =>
      (await kiosk.call('POST', '/v1/recover', body)).json['code'];
    expect(await post({})).toBe('bad-request');
    expect(await post({ sales: Array.from({ length: 501 }, () => ({ proof: 'x' })) })).toBe(
      'bad-request',
    );
    expect(await post({ sales: [], since: '999999999999999.00000000' })).toBe('bad-request');
    expect(await post({ sales: [{ proof: 'x', fulfilment: 'eaten' }] })).toBe('bad-request');
    const nothing = await recover(kiosk, []);
    expect(nothing).toMatchObject({ taken: 0, refused: [], recovering: false });
  });
});

test('while Midtrans is silent: PUT and cancel are told to wait, the rest works, and then it sells', async () => {
  const kiosk = await newKiosk();
  const backup = backUp(setting);
  const sold = await sellPaid(kiosk);
  await backup.restore(true);
  const silence = { on: 'status', orderId: sold.saleId, times: 1, do: { kind: 'drop-before' } };
  await plant(setting, silence);
  await recover(kiosk, [posted(sold)]);
  const put = await kiosk.call('PUT', `/v1/sales/${kiosk.newSaleId()}`, { amountIdr: 1_000 });
  expect(put).toMatchObject({ status: 503, json: { code: 'recovering' } });
  const cancel = await kiosk.call('POST', `/v1/sales/${sold.saleId}/cancel`, {
    ...{ reason: 'fault', amountIdr: 4_000 },
  });
  expect(cancel).toMatchObject({ status: 503, json: { code: 'recovering' } });
  // Its own signature stands: the kiosk hears it, and may say what it did.
  expect(await kiosk.get(sold.saleId)).toMatchObject({ verdict: 'paid' });
  expect((await kiosk.get(sold.saleId)).settledAgoMs).toBeDefined();
  expect((await report(kiosk, sold.saleId, 'done')).json).toMatchObject({ fulfilment: 'done' });
  // Nobody else waits for it.
  expect((await sellAgain(await newKiosk())).verdict).toBe('pending');
  // After ten seconds, the floor of unprompted polling, it is asked about again.
  expect((await sellAgain(kiosk)).verdict).toBe('pending');
}, 60_000);

test('a day of 500 sales is recovered in one post, and their numbers are above the cursor', async () => {
  const kiosk = await newKiosk();
  const key = {
    kid: kiosk.enrolled.keys[0]?.kid ?? '',
    privateKey: createPrivateKey(
      readFileSync(join(setting.config.stateDir, 'relay-key.pem'), 'utf8'),
    ),
  };
  const iat = Math.floor(systemClock.nowMs() / 1000) + 5;
  const sales = await Promise.all(
    Array.from({ length: 500 }, async (_, i) => ({
      proof: await signProof(
        'kios-verdict',
        {
          ...{ env: 'sandbox', saleId: kiosk.newSaleId(), kioskId: kiosk.kioskId, seq: i + 1 },
          ...{ amountIdr: 4_000, verdict: 'expired', iat },
        },
        key,
      ),
    })),
  );
  const answer = await recover(kiosk, sales, '612.00000000');
  expect(answer).toMatchObject({ taken: 500, refused: [], recovering: true });
  const row = await withStore(setting, (store) => store.kiosk(kiosk.kioskId));
  expect(row?.seq).toBe(612);
  const changes = await kiosk.call('GET', '/v1/changes?since=612.00000000');
  expect(changes).toMatchObject({ status: 200, json: { sales: [], more: false } });
});

test('a kiosk that goes on posting what was never signed here is looked at no more for an hour, and told of', async () => {
  const kiosk = await newKiosk();
  const good = await sellPaid(kiosk);
  const bad = { proof: `${good.proof.slice(0, -8)}AAAAAAAA` };
  for (let i = 0; i < 20; i++) {
    const answer = await recover(kiosk, [bad]);
    expect(answer.refused).toEqual([{ index: 0, code: 'bad-proof' }]);
  }
  const path = '/v1/recover';
  const held = await kiosk.call('POST', path, { sales: [posted(good), bad] });
  expect(held).toMatchObject({ status: 429, json: { code: 'rate-limited' } });
  // Whether it is over, it may ask; and whoever else posts is heard.
  expect((await recover(kiosk, [])).recovering).toBe(false);
  const other = await newKiosk();
  expect((await recover(other, [posted(await sellPaid(other))])).taken).toBe(1);
  const lines = setting.logText().split('\n');
  const told = (event: string): number =>
    lines.filter((line) => line.includes(event) && line.includes(kiosk.kioskId)).length;
  expect([told('recovery.refused'), told('recovery.held-off')]).toEqual([1, 1]);
  expect(await counted('kios_faults_total{place="recovery-refused"}')).toBeGreaterThanOrEqual(20);
});

test('a backup without `restored`: whoever has heard more is answered 409, and the operator is told what to run', async () => {
  const kiosk = await newKiosk();
  const backup = backUp(setting);
  const sold = await sellPaid(kiosk);
  await backup.restore(false);
  const behind = 'kios_faults_total{place="ledger-behind"}';
  const before = await counted(behind);
  const { ledgerId } = sold;
  const query = new URLSearchParams({ since: cursorAfter(sold), ledgerId });
  const differs = { status: 409, json: { code: 'ledger-differs' } };
  const changes = `/v1/changes?${query.toString()}`;
  expect(await kiosk.call('GET', changes)).toMatchObject(differs);
  const ack = { ledgerId, upTo: sold.seq };
  expect(await kiosk.call('POST', '/v1/ack', ack)).toMatchObject(differs);
  expect(await counted(behind)).toBe(before + 2);
  const line = setting
    .logText()
    .split('\n')
    .find((text) => text.includes('ledger.behind'));
  expect(line).toContain('kios relay restored');
  expect((await fetch(`${setting.relayUrl}/readyz`)).status).toBe(200);
  // What names another ledger says nothing of this one.
  const elsewhere = new URLSearchParams({ since: cursorAfter(sold), ledgerId: 'another' });
  await kiosk.call('GET', `/v1/changes?${elsewhere.toString()}`);
  await kiosk.call('POST', '/v1/ack', { ...ack, ledgerId: 'another' });
  expect(await counted(behind)).toBe(before + 2);
});
