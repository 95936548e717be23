// Where the planted bugs of a relay take hold: between its rooms and its store. Without a bug nothing here is called.
import type { Decision } from '../../src/relay/ledger-rules.ts';
import type { LedgerEvent } from '../../src/relay/ledger.ts';
import type { ChargeStatus } from '../../src/relay/midtrans/gateway.ts';
import type { SaleRow } from '../../src/relay/sale-row.ts';
import type { NewNotice, Store } from '../../src/relay/store/store.ts';
import type { Bug } from './bugs.ts';
import { merchant } from './midtrans.ts';
import type { SimStore } from './sim-store.ts';

/** Two 404 are taken for so far apart. */
const longAgoMs = 60_000;

/** What a bug does behind the ledger's back before an event reaches it. */
type Before = (saleId: string, event: LedgerEvent) => Promise<void>;

/** The store as a relay with this bug uses it. */
export function spoilStore(bug: Bug, store: Store, behind: SimStore): Store {
  switch (bug) {
    case 'dead-on-first-404':
      return moving(store, async (saleId, event) => {
        if (!isAnswer(event) || event.outcome.kind !== 'absent') return;
        const dead = 'update sales set absent_at_ms = ?, sent_at_ms = null, silent_at_ms = null';
        await behind.spoil(`${dead} where sale_id = ?`, store.nowMs() - longAgoMs, saleId);
      });
    case 'open-attempt-forgotten':
      return moving(store, async (saleId, event) => {
        if (!isAnswer(event)) return;
        const none = 'update sales set sent_at_ms = null, silent_at_ms = null where sale_id = ?';
        await behind.spoil(none, saleId);
      });
    case 'claim-not-kept':
      return moved(store, async (saleId, event) => {
        if (event.type !== 'fulfilment' || event.result !== 'failed') return;
        await behind.spoil('delete from claims where sale_id = ?', saleId);
      });
    case 'honoured-again':
      return {
        ...store,
        moveClaim: async (saleId, event) => {
          const reopen = "update claims set state = 'open', dispense_id = null where sale_id = ?";
          const claim = event.type === 'redeem' ? await store.claim(saleId) : undefined;
          if (claim?.state === 'honoured') await behind.spoil(reopen, saleId);
          return store.moveClaim(saleId, event);
        },
      };
    case 'notice-believed':
      return {
        ...store,
        keepNotice: async (notice, leaseMs) => {
          const kept = await store.keepNotice(notice, leaseMs);
          // The status is not signed: whoever saw a notice of an open charge can post this one.
          const told = notice.body.includes('"settlement"');
          if (kept.sale !== undefined && told) await believe(store, kept.sale, notice);
          return kept;
        },
      };
    case 'deadlines-forgotten':
      return { ...store, takeDue: () => Promise.resolve([]) };
    default:
      return store;
  }
}

async function believe(store: Store, sale: SaleRow, notice: NewNotice): Promise<void> {
  const { saleId, amountIdr } = sale;
  const status: ChargeStatus = {
    ...{ saleId, chargeId: notice.chargeId ?? '', state: 'settled', amountIdr, currency: 'IDR' },
    ...{ merchantId: merchant.id, fraud: 'accept', refundedIdr: 0, refundConfirmed: false },
  };
  const outcome = { kind: 'found', status } as const;
  await store.move(saleId, {
    ...{ type: 'status-answered', asked: saleId, outcome, merchantId: merchant.id },
  });
}

type Answered = Extract<LedgerEvent, { type: 'status-answered' | 'stop-answered' }>;

function isAnswer(event: LedgerEvent): event is Answered {
  return event.type === 'status-answered' || event.type === 'stop-answered';
}

function moving(store: Store, before: Before): Store {
  return {
    ...store,
    move: async (saleId, event) => {
      await before(saleId, event);
      return store.move(saleId, event);
    },
  };
}

function moved(store: Store, after: Before): Store {
  return {
    ...store,
    move: async (saleId, event): Promise<Decision | undefined> => {
      const decision = await store.move(saleId, event);
      await after(saleId, event);
      return decision;
    },
  };
}
