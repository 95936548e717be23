// The relay's own walk: whatever it is busy with elsewhere, deadlines and stored notices come to their turn.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ulid } from 'ulid';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createBackground } from '../../src/relay/background.ts';
import { type Hops } from '../../src/relay/hops.ts';
import { createMetrics } from '../../src/relay/metrics.ts';
import { alwaysUp } from '../../src/relay/midtrans/breaker.ts';
import { type Gateway, type StatusOutcome } from '../../src/relay/midtrans/gateway.ts';
import { createInquiries } from '../../src/relay/notices.ts';
import { startReconcile } from '../../src/relay/reconcile.ts';
import { openStore } from '../../src/relay/store/open.ts';
import { openSqlite } from '../../src/relay/store/sqlite.ts';
import { type Store } from '../../src/relay/store/store.ts';

let dir: string;
let store: Store;
let aheadMs: number;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kios-reconcile-'));
  aheadMs = 0;
  store = await openStore(openSqlite(join(dir, 'relay.db'), now), 'ledger');
});
afterEach(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});
const now = (): number => systemClock.nowMs() + aheadMs;

/** Hops to a Midtrans that tells `asked` of every question and answers as `status` does. */
function hopsWith(status: (id: string) => Promise<StatusOutcome>): Hops {
  const unasked = (): Promise<never> => Promise.reject(new Error('not asked for'));
  const gateway: Gateway = {
    ...{ charge: unasked, refund: unasked, image: unasked, status },
    stop: () => Promise.resolve({ kind: 'try-again', detail: '' }),
  };
  return {
    ...{
      store,
      gateway,
      upstream: alwaysUp,
      log: silentLog,
      metrics: createMetrics(),
      merchantId: 'G000000001',
    },
    clock: { ...systemClock, nowMs: now },
    random: () => 0.5,
    newKey: () => 'key',
    payee: { nmid: 'ID1099000000001', pan: '9360091400000000017' },
    moved: () => undefined,
  };
}

async function newSale(kioskId = 'ksk01'): Promise<string> {
  const saleId = `${kioskId}-${ulid(now())}`;
  await store.put({
    ...{ type: 'put', saleId, kioskId, amountIdr: 15_000, items: null },
    ...{ chargeKey: 'key', deadlineAtMs: now() + 20_000 },
  });
  return saleId;
}

/** A notice that whoever stored it has left alone. */
async function keep(saleId: string, noticeId: string): Promise<void> {
  await store.keepNotice(
    {
      ...{ noticeId, saleId, body: '{}', chargeId: null, pending: false },
      ...{ amountIdr: 15_000, settlement: false },
    },
    0,
  );
}

test('a deadline is kept while everything else hangs', async () => {
  const saleId = await newSale();
  const asked: string[] = [];
  const hanging = new Promise<never>(() => undefined);
  const hops = hopsWith((id) => {
    asked.push(id);
    return hanging;
  });
  const background = createBackground(hops.clock, hops.log, hops.metrics);
  const inquiries = createInquiries(hops, background);
  for (let i = 0; i < 40; i++) {
    void background.run(`hanging ${i}`, () => hanging);
    const noticed = await newSale(`ksk${100 + i}`);
    await keep(noticed, `${i}`);
  }
  const stop = startReconcile(hops, background, inquiries);
  while (asked.length < 16) await new Promise((resolve) => setTimeout(resolve, 20));
  aheadMs = 61_000;
  while ((await store.sale(saleId))?.stop !== 'timeout') {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  stop();
}, 5_000);

test('all notices of a sale are settled by one question', async () => {
  const saleId = await newSale();
  const asked: string[] = [];
  const hops = hopsWith((id) => {
    asked.push(id);
    return Promise.resolve({ kind: 'absent' });
  });
  const background = createBackground(hops.clock, hops.log, hops.metrics);
  const inquiries = createInquiries(hops, background);
  for (const noticeId of ['a', 'b', 'c']) {
    await keep(saleId, noticeId);
  }
  await Promise.all([inquiries.ask(saleId), inquiries.ask(saleId), inquiries.ask(saleId)]);
  expect(asked).toEqual([saleId]);
  aheadMs = 2_500;
  expect(await store.salesNoticed(10)).toEqual([saleId]);
});
