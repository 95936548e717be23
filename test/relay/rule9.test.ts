// Rule 9 under random events, on a real store: every settled rupiah is in one place after every commit, and no money
// leaves twice by the relay's own doing.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { silentLog } from '../../src/lib/log.ts';
import { isSettled } from '../../src/protocol/verdict.ts';
import { balanceOf, isBalanced, type BalanceRow } from '../../src/relay/balance.ts';
import { type ClaimEvent } from '../../src/relay/ledger-claim-rules.ts';
import { createMetrics } from '../../src/relay/metrics.ts';
import { alwaysUp } from '../../src/relay/midtrans/breaker.ts';
import {
  type ChargeStatus,
  type Gateway,
  type Refund,
  type RefundOutcome,
  type StatusOutcome,
} from '../../src/relay/midtrans/gateway.ts';
import { move, type Hops } from '../../src/relay/hops.ts';
import { confirmSale } from '../../src/relay/confirm.ts';
import { pursue } from '../../src/relay/pursue.ts';
import { moveClaim, walkClaim, type ClaimHops } from '../../src/relay/refund.ts';
import { openStore } from '../../src/relay/store/open.ts';
import { openSqlite } from '../../src/relay/store/sqlite.ts';
import { type Store } from '../../src/relay/store/store.ts';

const merchantId = 'G000000001';
const amountIdr = 15_000;
const kioskId = 'ksk01';
const saleIds = ['ksk01-01JD000000000000000000000A', 'ksk01-01JD000000000000000000000B'];
const key = { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) } as const;
const dayMs = 24 * 3_600_000;

/** One charge at a Midtrans that keeps its books in order, behind a line that loses things. */
class FakeCharge {
  state: ChargeStatus['state'] = 'pending';
  amountIdr = amountIdr;
  readonly refunds: Refund[] = [];

  get refundedIdr(): number {
    return this.refunds.reduce((sum, refund) => sum + (refund.amountIdr ?? 0), 0);
  }

  pay(paidIdr: number): void {
    if (this.state === 'settled' || this.state === 'refunded') return;
    this.state = 'settled';
    this.amountIdr = paidIdr;
  }

  refund(refundKey: string | undefined, idr: number): RefundOutcome {
    if (refundKey !== undefined && this.refunds.some((refund) => refund.key === refundKey)) {
      return { kind: 'duplicate' };
    }
    const left = this.amountIdr - this.refundedIdr;
    if (this.state === 'refunded' && left === 0)
      return { kind: 'refused', code: '412', detail: '' };
    if (this.state !== 'settled') return { kind: 'refused', code: '412', detail: '' };
    if (idr > left || idr < 1) return { kind: 'refused', code: '414', detail: '' };
    this.refunds.push({ key: refundKey, amountIdr: idr, confirmed: false });
    if (idr === left) this.state = 'refunded';
    return { kind: 'accepted', refundedIdr: idr };
  }

  confirm(): void {
    const waiting = this.refunds.findIndex((refund) => !refund.confirmed);
    const found = this.refunds[waiting];
    if (found !== undefined) this.refunds[waiting] = { ...found, confirmed: true };
  }
}

type Line = 'works' | 'answer-lost' | 'never-sent' | 'no-funds' | 'refused';
const lines: readonly Line[] = ['works', 'answer-lost', 'never-sent', 'no-funds', 'refused'];

type Step =
  | { do: 'pay'; sale: number; idr: number }
  | { do: 'stop-at-midtrans'; sale: number }
  | { do: 'ask'; sale: number }
  | { do: 'report'; sale: number; result: 'done' | 'failed' | 'unknown' | 'abandoned' }
  | { do: 'cancel'; sale: number }
  | { do: 'revoke' }
  | { do: 'refund-by-hand'; sale: number; idr: number }
  | { do: 'bank'; sale: number }
  | { do: 'claim'; sale: number; event: ClaimEvent }
  | { do: 'walk'; line: Line }
  | { do: 'wait'; ms: number };

const sale = fc.nat(saleIds.length - 1);
const dispenseId = fc.constantFrom('d1', 'd1', 'd1', 'd2');
const claimEvent: fc.Arbitrary<ClaimEvent> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constant('redeem'), dispenseId }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('redeem-result'),
      dispenseId,
      result: fc.constantFrom('done', 'failed', 'unknown'),
    }),
  },
  fc.record({ type: fc.constant('order-refund'), amountIdr: fc.constantFrom(1, 5_000, 15_000) }),
  fc.record({ type: fc.constant('order-refund') }),
  fc.record({
    type: fc.constant('settle'),
    as: fc.constantFrom('honoured', 'refunded-by-hand'),
    note: fc.constant('in cash'),
  }),
  fc.record({ type: fc.constant('release') }),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('pay'),
      sale,
      idr: fc.constantFrom(15_000, 15_000, 14_000),
    }),
  },
  fc.record({ do: fc.constant('stop-at-midtrans'), sale }),
  { weight: 4, arbitrary: fc.record({ do: fc.constant('ask'), sale }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('report'),
      sale,
      result: fc.constantFrom('done', 'failed', 'unknown', 'abandoned'),
    }),
  },
  fc.record({ do: fc.constant('cancel'), sale }),
  fc.record({ do: fc.constant('revoke') }),
  fc.record({ do: fc.constant('refund-by-hand'), sale, idr: fc.constantFrom(4_000, 15_000) }),
  { weight: 2, arbitrary: fc.record({ do: fc.constant('bank'), sale }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('claim'), sale, event: claimEvent }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('walk'), line: fc.constantFrom(...lines) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('wait'),
      ms: fc.constantFrom(1_000, 70_000, 3_600_000, dayMs, 8 * dayMs),
    }),
  },
);

/** A relay's rooms around one store in memory, and what left them. */
class Run {
  nowMs = 1_767_236_400_000;
  readonly charges = new Map(saleIds.map((saleId) => [saleId, new FakeCharge()]));
  /** Sales whose goods a granted redemption handed over, and no operator had a hand in it. */
  readonly redeemed = new Set<string>();
  readonly touched = new Set<string>();
  line: Line = 'works';
  store!: Store;
  parts!: ClaimHops;

  async open(automatic: boolean): Promise<void> {
    this.store = await this.openChecked();
    await this.store.addEnrolment('hash', kioskId, 60_000);
    await this.store.enrol('hash', key, { serial: null, claimSecret: 's', brokerPassword: null });
    const clock = {
      nowMs: () => this.nowMs,
      monotonicMs: () => this.nowMs,
      after: () => () => undefined,
    };
    const hops: Hops = {
      ...{ store: this.store, gateway: this.gateway(), clock, random: () => 0.5 },
      ...{ log: silentLog, metrics: createMetrics(), newKey: () => 'key', merchantId },
      upstream: alwaysUp,
      payee: { nmid: 'ID1099000000001', pan: '9360091400000000017' },
      moved: () => undefined,
    };
    this.parts = { hops, store: this.store, policy: { automatic, refundAfterMs: 60_000 } };
    for (const saleId of saleIds) {
      const deadlineAtMs = this.nowMs + 180_000;
      const put = { saleId, kioskId, amountIdr, items: null, chargeKey: 'key', deadlineAtMs };
      // One sale of a kiosk may be open, so the first one is given up.
      await this.store.put({ type: 'put', ...put });
      await move(hops, saleId, {
        ...{ type: 'charge-answered', merchantId, qr: { ok: true, qrString: 'qr' } },
        outcome: {
          kind: 'accepted',
          charge: { saleId, chargeId: `c-${saleId}`, amountIdr, currency: 'IDR', merchantId },
        },
      });
      if (saleId === saleIds[0]) {
        await move(hops, saleId, { type: 'fulfilment', result: 'abandoned', detail: null });
      }
    }
  }

  /** The store, which is looked at after every commit that moves a sale or a claim. */
  async openChecked(): Promise<Store> {
    const store = await openStore(
      openSqlite(':memory:', () => this.nowMs),
      'ledger',
    );
    return {
      ...store,
      move: async (saleId, event) => {
        const decision = await store.move(saleId, event);
        await this.check();
        return decision;
      },
      moveClaim: async (saleId, event) => {
        const moved = await store.moveClaim(saleId, event);
        await this.check();
        return moved;
      },
    };
  }

  gateway(): Gateway {
    const unasked = (): Promise<never> => Promise.reject(new Error('not asked for'));
    return {
      ...{ charge: unasked, image: unasked },
      status: (id) => Promise.resolve(this.status(id)),
      stop: () => Promise.resolve({ kind: 'try-again', detail: '' }),
      refund: (id, { key: refundKey, amountIdr: idr }) => {
        if (this.line === 'never-sent')
          return Promise.resolve({ kind: 'unsent', why: 'shut', detail: '' });
        if (this.line === 'no-funds')
          return Promise.resolve({ kind: 'refused', code: '414', detail: '' });
        if (this.line === 'refused')
          return Promise.resolve({ kind: 'refused', code: '202', detail: '' });
        const outcome = this.charge(id.slice(2)).refund(refundKey, idr);
        if (this.line === 'works') return Promise.resolve(outcome);
        return Promise.resolve({ kind: 'unknown', answered: false, detail: '' });
      },
    };
  }

  charge(saleId: string): FakeCharge {
    const charge = this.charges.get(saleId);
    if (charge === undefined) throw new Error(saleId);
    return charge;
  }

  status(id: string): StatusOutcome {
    const saleId = id.startsWith('c-') ? id.slice(2) : id;
    const charge = this.charge(saleId);
    const { state, refunds, refundedIdr } = charge;
    const status: ChargeStatus = {
      ...{ saleId, chargeId: `c-${saleId}`, state, amountIdr: charge.amountIdr, currency: 'IDR' },
      ...{ merchantId, fraud: 'accept', refundedIdr, issuer: 'gopay' },
      refundConfirmed: refunds.length > 0 && refunds.every((refund) => refund.confirmed),
      ...(refunds.length === 0 ? {} : { refunds: [...refunds] }),
    };
    return { kind: 'found', status };
  }

  async take(what: Step): Promise<void> {
    const { hops } = this.parts;
    const saleId = 'sale' in what ? (saleIds[what.sale] ?? '') : '';
    switch (what.do) {
      case 'pay':
        this.charge(saleId).pay(what.idr);
        return;
      case 'stop-at-midtrans':
        if (this.charge(saleId).state === 'pending') this.charge(saleId).state = 'cancelled';
        return;
      case 'ask': {
        const row = await this.store.sale(saleId);
        if (row !== undefined) await pursue(hops, (await confirmSale(hops, row)).decision);
        return;
      }
      case 'report':
        await move(hops, saleId, { type: 'fulfilment', result: what.result, detail: null });
        return;
      case 'cancel':
        await this.store.cancel({ type: 'cancel', saleId, kioskId, amountIdr, reason: 'customer' });
        return;
      case 'revoke':
        await this.store.revoke(kioskId);
        return;
      case 'refund-by-hand':
        if (this.charge(saleId).refund(undefined, what.idr).kind === 'accepted') {
          this.touched.add(saleId);
        }
        return;
      case 'bank':
        this.charge(saleId).confirm();
        return;
      case 'claim':
        await this.claimEvent(saleId, what.event);
        return;
      case 'walk':
        this.line = what.line;
        for (const claim of await this.store.takeDueClaims(10, 120_000)) {
          await walkClaim(this.parts, claim.saleId);
        }
        for (const row of await this.store.takeDue(10, 60_000)) {
          await pursue(hops, await move(hops, row.saleId, { type: 'due' }));
        }
        return;
      case 'wait':
        this.nowMs += what.ms;
    }
  }

  async claimEvent(saleId: string, event: ClaimEvent): Promise<void> {
    const moved = await moveClaim(this.parts, saleId, event);
    if (moved === undefined || moved.decision.refusal !== undefined) return;
    if (event.type === 'settle' || event.type === 'release') this.touched.add(saleId);
    if (event.type === 'redeem-result' && event.result === 'done') this.redeemed.add(saleId);
  }

  async check(): Promise<void> {
    const rows: BalanceRow[] = [];
    for (const saleId of saleIds) {
      const row = await this.store.sale(saleId);
      if (row !== undefined) rows.push({ sale: row, claim: await this.store.claim(saleId) });
    }
    const balance = balanceOf(rows);
    const twice = balance.differences.some(({ kind }) => kind === 'refunded-twice');
    expect(isBalanced(balance) || twice, JSON.stringify({ balance, rows })).toBe(true);
    for (const { kind } of balance.differences) {
      expect(['goods-and-refund', 'goods-twice', 'refunded-twice']).toContain(kind);
    }
    for (const { sale: row, claim } of rows) {
      const charge = this.charge(row.saleId);
      const ours = charge.refunds.filter(({ key: refundKey }) => refundKey !== undefined);
      expect(ours.every((refund) => refund.key?.startsWith(`${row.saleId}-`) === true)).toBe(true);
      if (this.redeemed.has(row.saleId) && !this.touched.has(row.saleId)) {
        expect(ours, JSON.stringify(claim)).toEqual([]);
      }
      // The books say what Midtrans' books say, as far as they were asked.
      if (isSettled(row.verdict)) expect(row.settledIdr).toBe(charge.amountIdr);
      expect(row.refundedIdr).toBeLessThanOrEqual(charge.refundedIdr);
      // Every key but the last one is through, or was never there.
      if (claim !== undefined) expect(ours.length).toBeLessThanOrEqual(claim.refundN);
    }
  }
}

test('the sums balance after every commit, and nothing that was redeemed goes back', async () => {
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 10, maxLength: 60 }),
      fc.boolean(),
      fc.boolean(),
      async (steps, automatic, isPaid) => {
        const run = new Run();
        await run.open(automatic);
        try {
          // Half of the runs begin where the claims begin.
          for (const sale of isPaid ? [0, 1] : []) {
            await run.take({ do: 'pay', sale, idr: amountIdr });
            await run.take({ do: 'ask', sale });
          }
          for (const one of steps) {
            await run.take(one);
            await run.check();
          }
          for (const { claim } of await run.store.claims({}, 10)) seen.add(claim.state);
        } finally {
          await run.store.close();
        }
      },
    ),
    { numRuns: 150 },
  );
  // The events reach every state, or the property above would say little.
  expect([...seen].sort()).toEqual(['honoured', 'open', 'redeeming', 'refunded', 'refunding']);
});
