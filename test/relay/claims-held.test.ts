// Claims that become the operator's, on every database: older than a restored ledger, of a kiosk that was revoked, or of one
// whose card has a copy (PROTOCOL.md §7, §8).
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ulid } from 'ulid';
import { type ClaimEvent } from '../../src/relay/ledger-claim-rules.ts';
import { type ChargeStatus } from '../../src/relay/midtrans/gateway.ts';
import { type ClaimRow } from '../../src/relay/sale-row.ts';
import { openStore } from '../../src/relay/store/open.ts';
import { type Store } from '../../src/relay/store/store.ts';
import { dayMs, minuteMs, walk } from './claim-rows.ts';
import { databases, type Room } from './databases.ts';
import { status as midtransSays } from './ledger-rows.ts';

const merchantId = 'G000000001';
const key = { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) } as const;

describe.each(databases())('%s', (_name, newRoom) => {
  let room: Room;
  let store: Store;
  beforeEach(async () => {
    room = await newRoom();
    store = await openStore(await room.connect(), 'ledger-1');
    for (const kioskId of ['ksk01', 'ksk02']) {
      await store.addEnrolment(kioskId, kioskId, 60_000);
      await store.enrol(kioskId, key, { serial: null, claimSecret: 's', brokerPassword: null });
    }
  });
  afterEach(async () => {
    await store.close();
    await room.leave();
  });

  /** `settledAtMs` undefined: Midtrans names no time. */
  async function paidSale(settledAtMs: number | undefined, kioskId = 'ksk01'): Promise<string> {
    const saleId = `${kioskId}-${ulid(store.nowMs())}`;
    const deadlineAtMs = store.nowMs() + 180_000;
    const put = { saleId, kioskId, amountIdr: 15_000, items: null, chargeKey: 'key', deadlineAtMs };
    await store.put({ type: 'put', ...put });
    const status: ChargeStatus = {
      ...{ saleId, chargeId: 'c', state: 'settled', amountIdr: 15_000, currency: 'IDR' },
      ...{ merchantId, fraud: 'accept', refundedIdr: 0, refundConfirmed: false },
      ...(settledAtMs === undefined ? {} : { settledAtMs }),
    };
    const outcome = { kind: 'found', status } as const;
    await store.move(saleId, { type: 'status-answered', asked: saleId, outcome, merchantId });
    return saleId;
  }

  async function failedSale(settledAtMs: number | undefined, kioskId?: string): Promise<string> {
    const saleId = await paidSale(settledAtMs, kioskId);
    await store.move(saleId, { type: 'fulfilment', result: 'failed', detail: null });
    return saleId;
  }

  async function held(saleId: string): Promise<Partial<ClaimRow> | undefined> {
    const claim = await store.claim(saleId);
    if (claim === undefined) return undefined;
    const { operatorOnly, note, state } = claim;
    return { operatorOnly, note, state };
  }
  const free = { operatorOnly: 0, note: null, state: 'open' };
  const byOperator = (note: string): object => ({ operatorOnly: 1, note, state: 'open' });

  test('money of before the restore, or of nobody knows when, is the operator’s; later money is not', async () => {
    const before = await paidSale(store.nowMs());
    expect(await held(await failedSale(undefined))).toEqual(free);
    room.pass(dayMs);
    await store.beginLedger('ledger-2');
    const restoredAtMs = store.nowMs();
    await store.move(before, { type: 'fulfilment', result: 'failed', detail: null });
    expect(await held(before)).toEqual(byOperator('restored'));
    const ordered = await store.moveClaim(before, { type: 'order-refund' });
    expect(ordered?.decision.refusal).toBe('restored');
    expect(await held(await failedSale(restoredAtMs))).toEqual(byOperator('restored'));
    // Midtrans' clock may be a minute fast.
    expect(await held(await failedSale(restoredAtMs + minuteMs - 5_000))).toEqual(
      byOperator('restored'),
    );
    expect(await held(await failedSale(restoredAtMs + minuteMs + 5_000))).toEqual(free);
    // However late we learn of it.
    room.pass(dayMs);
    expect(await held(await failedSale(undefined))).toEqual(byOperator('restored'));
  });

  test('no refund of a claim that is older than the restore before somebody has looked', async () => {
    const saleId = await failedSale(store.nowMs());
    await store.beginLedger('ledger-2');
    const order = async (id: string): Promise<unknown> =>
      (await store.moveClaim(id, { type: 'order-refund' }))?.decision.refusal;
    expect(await order(saleId)).toBe('restored');
    expect(await held(saleId)).toEqual(byOperator('restored'));
    expect((await store.moveClaim(saleId, { type: 'release' }))?.decision.refusal).toBeUndefined();
    expect(await held(saleId)).toEqual(byOperator('released'));
    expect(await store.takeDueClaims(10, minuteMs)).toEqual([]);
    expect(await order(saleId)).toBeUndefined();
  });

  test('a refund in flight at the restore is asked about, and never sent again by itself', async () => {
    const saleId = await failedSale(store.nowMs());
    await store.moveClaim(saleId, { type: 'order-refund' });
    const settled = midtransSays('settled');
    await store.moveClaim(saleId, { type: 'looked', outcome: settled, sent: false, ...walk });
    expect(await store.claim(saleId)).toMatchObject({ state: 'refunding', orderedIdr: 15_000 });
    await store.beginLedger('ledger-2');
    expect(await store.claim(saleId)).toMatchObject({
      ...{ state: 'refunding', orderedIdr: 0, operatorOnly: 1, restored: 1 },
    });
    // What the lost ledger sent last may land for a minute.
    expect(await store.takeDueClaims(10, minuteMs)).toEqual([]);
    room.pass(minuteMs);
    expect(await store.takeDueClaims(10, minuteMs)).toMatchObject([{ saleId }]);
    const absent = { type: 'looked', outcome: settled, sent: false, ...walk } as const;
    expect((await store.moveClaim(saleId, absent))?.decision.next).toBe('none');
    expect(await held(saleId)).toEqual(byOperator('restored'));
  });

  test('a grant at the restore keeps its quiet minutes, all of them anew, and its lock when it comes to nothing', async () => {
    const saleId = await failedSale(store.nowMs());
    await store.moveClaim(saleId, { type: 'redeem', dispenseId: 'd1' });
    room.pass(dayMs);
    await store.beginLedger('ledger-2');
    const refusal = async (event: ClaimEvent): Promise<unknown> =>
      (await store.moveClaim(saleId, event))?.decision.refusal;
    room.pass(19 * minuteMs);
    expect(await refusal({ type: 'release' })).toBe('maybe-dispensing');
    await store.moveClaim(saleId, { type: 'redeem-result', dispenseId: 'd1', result: 'failed' });
    expect(await held(saleId)).toEqual(byOperator('redeem-failed'));
    expect(await refusal({ type: 'order-refund' })).toBe('restored');
  });

  test('the last restore counts', async () => {
    await store.beginLedger('ledger-2');
    room.pass(dayMs);
    const between = await paidSale(store.nowMs());
    room.pass(dayMs);
    await store.beginLedger('ledger-3');
    await store.move(between, { type: 'fulfilment', result: 'failed', detail: null });
    expect(await held(between)).toEqual(byOperator('restored'));
  });

  test('a revoked kiosk: nothing of its claims leaves by itself, an order of the operator does', async () => {
    const open = await failedSale(store.nowMs());
    const ordered = await failedSale(store.nowMs());
    const granted = await failedSale(store.nowMs());
    const other = await failedSale(store.nowMs(), 'ksk02');
    await store.moveClaim(ordered, { type: 'order-refund' });
    await store.moveClaim(granted, { type: 'redeem', dispenseId: 'd1' });
    await store.revoke('ksk01');
    expect(await held(open)).toEqual(byOperator('revoked'));
    expect(await held(other)).toEqual(free);
    expect(await store.claim(ordered)).toMatchObject({ operatorOnly: 1, orderedIdr: 15_000 });
    room.pass(2 * minuteMs);
    const due = { type: 'due', ...walk } as const;
    expect((await store.moveClaim(open, due))?.decision.next).toBe('none');
    expect((await store.moveClaim(ordered, due))?.decision.next).toBe('look');
    // What comes back from its grant does not go on to a refund.
    const nothing = { type: 'redeem-result', dispenseId: 'd1', result: 'failed' } as const;
    await store.moveClaim(granted, nothing);
    expect(await store.claim(granted)).toMatchObject({ state: 'open', operatorOnly: 1 });
  });

  test('a kiosk that is enrolled anew: nobody can type its codes any more, so its claims are the operator’s', async () => {
    const open = await failedSale(store.nowMs());
    const granted = await failedSale(store.nowMs());
    const other = await failedSale(store.nowMs(), 'ksk02');
    await store.moveClaim(granted, { type: 'redeem', dispenseId: 'd1' });
    await store.addEnrolment('again', 'ksk01', 60_000);
    const more = { serial: null, claimSecret: 't', brokerPassword: null };
    const anew = { ...key, x: 'B'.repeat(43) };
    expect(await store.enrol('again', anew, more)).toMatchObject({ claimsHeld: 2 });
    expect(await held(open)).toEqual(byOperator('enrolled-anew'));
    expect(await held(other)).toEqual(free);
    expect(await store.claim(granted)).toMatchObject({ state: 'redeeming', operatorOnly: 1 });
    // The same answer once more holds nothing that opened since.
    const later = await failedSale(store.nowMs());
    expect(await store.enrol('again', anew, more)).toMatchObject({ repeated: true, claimsHeld: 0 });
    expect(await held(later)).toEqual(free);
  });

  test('holding what is held already needs no step, and hides no older reason', async () => {
    const saleId = await failedSale(store.nowMs());
    expect(await store.holdClaims('ksk01', 'kiosk-cloned')).toBe(1);
    expect(await store.holdClaims('ksk01', 'again')).toBe(0);
    expect(await held(saleId)).toEqual(byOperator('kiosk-cloned'));
    expect(await store.holdClaims('ksk09', 'kiosk-cloned')).toBe(0);
  });
});
