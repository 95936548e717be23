// A sale with two charges at Midtrans, as a dashboard or a second system can make them: what becomes of the other one's money
// says nothing of the sale's own.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLog } from '../../src/lib/log.ts';
import { createBackground } from '../../src/relay/background.ts';
import { createInquiries } from '../../src/relay/notices.ts';
import { about, amountIdr, made, startScript, type Script } from './scripted-midtrans.ts';

let script: Script;
beforeEach(async () => {
  script = await startScript();
});
afterEach(() => script.stop());

test('the second payment is refunded by hand: the claim for the first one stands', async () => {
  const saleId = script.newSale();
  script.on('charge', made(saleId));
  await script.charge(saleId);
  script.on('status', about(saleId, '200', 'settlement'));
  await script.event(saleId, { type: 'noticed' });
  await script.event(saleId, { type: 'fulfilment', result: 'failed', detail: null });

  // By the sale's id Midtrans answers with the newer charge.
  const refund = { refund_key: 'hand', refund_amount: `${amountIdr}.00` };
  const other = {
    transaction_id: 'charge-2',
    refund_amount: `${amountIdr}.00`,
    refunds: [{ ...refund, bank_confirmed_at: '2026-01-01 00:00:00' }],
  };
  script.on('status', ({ id }) =>
    id === saleId ? about(saleId, '200', 'refund', other) : about(saleId, '200', 'settlement'),
  );
  const { hops, store } = script;
  const inquiries = createInquiries(hops, createBackground(hops.clock, silentLog, hops.metrics));
  const notice = { noticeId: 'n1', saleId, body: '{}', chargeId: 'charge-2', pending: false };
  const kept = await store.keepNotice({ ...notice, amountIdr, settlement: false }, 60_000);
  await inquiries.ask(saleId, kept);

  expect(await script.row(saleId)).toMatchObject({
    ...{ verdict: 'paid', refundedIdr: 0, chargeId: `charge-of-${saleId}` },
  });
  expect(await store.claim(saleId)).toMatchObject({ state: 'open', amountIdr });
  expect(await hops.metrics.registry.metrics()).toContain('place="status-foreign"} 1');
  // It was answered: nobody asks for it again.
  script.pass(120_000);
  expect(await store.salesNoticed(10)).toEqual([]);
});
