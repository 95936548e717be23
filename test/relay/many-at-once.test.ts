// What the relay does when very many want something at once: kiosks that the broker is to be told of, notices to ask about.
import { expect, test } from 'vitest';
import { type Clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createBackground } from '../../src/relay/background.ts';
import { type Broker } from '../../src/relay/broker/broker.ts';
import { startAccounts } from '../../src/relay/fleet/accounts.ts';
import { type Hops } from '../../src/relay/hops.ts';
import { createMetrics } from '../../src/relay/metrics.ts';
import { createInquiries } from '../../src/relay/notices.ts';
import { type KioskRow, type NoticeRow } from '../../src/relay/store/schema.ts';
import { type Kept, type Store } from '../../src/relay/store/store.ts';

/** Its timers are run by hand. */
function handClock(): { clock: Clock; delays: number[]; run: () => void } {
  const delays: number[] = [];
  let next: (() => void) | undefined;
  const clock: Clock = {
    nowMs: () => 0,
    monotonicMs: () => 0,
    after(delayMs, call) {
      delays.push(delayMs);
      next = call;
      return () => (next = undefined);
    },
  };
  return { clock, delays, run: () => next?.() };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a round that was full is followed by the next at once', async () => {
  const due = Array.from({ length: 250 }, (_, at) => ({ kioskId: `k${at}`, revokedAtMs: null }));
  const told: string[] = [];
  // Only what a round asks of them is here: the casts stand for the many methods that it must not call.
  const store = {
    brokerDue: (limit: number) => Promise.resolve(due.slice(0, limit)),
    brokerTold: () => Promise.resolve(void due.shift()),
    brokerAgain: () => Promise.resolve(),
    countWithoutPassword: () => Promise.resolve(0),
  } as unknown as Store;
  const broker = {
    ready: () => true,
    seesListeners: true,
    wantsPasswords: false,
    admit: ({ kioskId }: KioskRow) => Promise.resolve(void told.push(kioskId)),
  } as unknown as Broker;
  const { clock, delays, run } = handClock();
  const accounts = startAccounts({
    store,
    broker,
    clock,
    log: silentLog,
    metrics: createMetrics(),
  });
  for (let round = 1; round <= 3; round++) {
    run();
    while (delays.length === round) await turn();
  }
  accounts.stop();
  expect(told).toHaveLength(250);
  expect(delays).toEqual([1_000, 0, 0, 1_000]);
});

test('so many notices are asked about at once that charges find a connection; the others wait their turn', async () => {
  const open: (() => void)[] = [];
  const asked: string[] = [];
  const metrics = createMetrics();
  const { clock } = handClock();
  // As above: whatever else is called here is a fault, and fails the test.
  const hops = {
    ...{ clock, metrics, log: silentLog },
    store: {
      takeNotices(saleId: string) {
        asked.push(saleId);
        return new Promise((resolve) => {
          open.push(() => {
            resolve([]);
          });
        });
      },
    },
  } as unknown as Hops;
  const inquiries = createInquiries(hops, createBackground(clock, silentLog, metrics));
  const names = Array.from({ length: 300 }, (_, at) => `sale-${at}`);
  const all = Promise.all(names.map((name) => inquiries.ask(name)));
  await turn();
  expect(open).toHaveLength(96);
  while (open.length > 0) {
    expect(open.length).toBeLessThanOrEqual(96);
    open.shift()?.();
    await turn();
  }
  await all;
  expect(asked).toEqual(names);
});

test('a notice that waited in the crowd is asked about only while no other relay has taken it', async () => {
  let monotonicMs = 0;
  const metrics = createMetrics();
  const clock = { ...handClock().clock, monotonicMs: () => monotonicMs };
  const crowd: (() => void)[] = [];
  const taken: { saleId: string; ours: readonly NoticeRow[] | undefined }[] = [];
  const asked: string[] = [];
  const hops = {
    ...{ clock, metrics, log: silentLog },
    store: {
      takeNotices(saleId: string, _leaseMs: number, ours?: readonly NoticeRow[]) {
        taken.push({ saleId, ours });
        if (ours?.length === 1) return Promise.resolve([]);
        return new Promise((resolve) => {
          crowd.push(() => {
            resolve([]);
          });
        });
      },
    },
    gateway: {
      status(id: string) {
        asked.push(id);
        return Promise.reject(new Error('enough is known'));
      },
    },
  } as unknown as Hops;
  const inquiries = createInquiries(hops, createBackground(clock, silentLog, metrics));
  const kept = (saleId: string): Kept =>
    ({
      keeping: 'stored',
      sale: { saleId, chargeId: null },
      notice: { noticeId: saleId, chargeId: null },
    }) as Kept;
  await inquiries.ask('prompt', kept('prompt'));
  expect({ asked, taken }).toEqual({ asked: ['prompt'], taken: [] });
  const others = Array.from({ length: 96 }, (_, at) => inquiries.ask(`sale-${at}`));
  const late = inquiries.ask('late', kept('late'));
  await turn();
  monotonicMs += 2_000;
  for (const go of crowd.splice(0)) go();
  await Promise.all([...others, late]);
  expect(taken.at(-1)).toMatchObject({ saleId: 'late', ours: [{ noticeId: 'late' }] });
  expect(asked).toEqual(['prompt']);
});
