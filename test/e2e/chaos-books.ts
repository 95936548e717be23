// Rule 9 across everybody who keeps a book: Midtrans' orders, the relay's rows, the kiosk's journal, and the pulses of the
// vend board. It reads all four for itself and trusts no report; each difference is a sentence.
import { join } from 'node:path';
import { z } from 'zod';
import { openJournal } from '../../src/kiosk/journal.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { isOpen, isSettled } from '../../src/protocol/verdict.ts';
import type { BalanceRow } from '../../src/relay/balance.ts';
import { connectDatabase } from '../../src/relay/store/connect.ts';
import { dayStore } from '../../src/relay/store/day.ts';
import type { World } from './world.ts';

const order = z.object({ orderId: z.string(), status: z.string(), amountIdr: z.number() });
type Order = z.infer<typeof order>;

/** What ended a sale at the kiosk, by its journal. */
const handOver = z.object({
  kind: z.enum(['dispensed', 'dispenser-recalled']),
  saleId: z.string(),
  dispenseId: z.string().optional(),
  result: z.string(),
});

export interface Books {
  orders: number;
  /** Orders that Midtrans has money for, now or before a refund. */
  paid: number;
  paidIdr: number;
  goods: number;
  goodsIdr: number;
  owed: number;
  owedIdr: number;
  differences: readonly string[];
}

/** Orders of the twin that had money. */
const settledThere: ReadonlySet<string> = new Set(['settlement', 'refund', 'partial_refund']);
const maxJournalEntries = 1_000_000;

/** @param databaseUrl the relay's PostgreSQL. The kiosk must have ended: its journal is opened as its own. */
export async function audit(world: World, databaseUrl: string): Promise<Books> {
  const orders = z.array(order).parse(await world.transactions());
  const rows = await saleRows(
    databaseUrl,
    orders.map(({ orderId }) => orderId),
  );
  const done = goodsByJournal(join(world.folder, 'kiosk', 'journal.sqlite'));
  const pulses = new Set(world.pulses);
  const differences: string[] = [];
  const differ = (text: string): void => void differences.push(text);
  if (pulses.size !== world.pulses.length) differ('an order of the board was given twice');
  for (const id of pulses) if (!done.has(id)) differ(`${id}: goods, and the journal has none`);
  for (const id of done)
    if (!pulses.has(id)) differ(`${id}: the journal has goods, the board none`);
  const byOrder = new Map(orders.map((one) => [one.orderId, one]));
  for (const id of pulses) {
    if (!settledThere.has(byOrder.get(id)?.status ?? '')) differ(`${id}: goods without money`);
  }
  const sums = { paid: 0, paidIdr: 0, goods: 0, goodsIdr: 0, owed: 0, owedIdr: 0 };
  for (const one of orders) {
    const row = rows.get(one.orderId);
    for (const text of faultsOf(one, row, pulses.has(one.orderId))) differ(text);
    if (!settledThere.has(one.status)) continue;
    sums.paid += 1;
    sums.paidIdr += one.amountIdr;
    if (pulses.has(one.orderId)) {
      sums.goods += 1;
      sums.goodsIdr += one.amountIdr;
    } else if (row?.claim !== undefined) {
      sums.owed += 1;
      sums.owedIdr += row.claim.amountIdr;
    }
  }
  if (sums.paidIdr !== sums.goodsIdr + sums.owedIdr) differ('the sums in rupiah do not balance');
  return { orders: orders.length, ...sums, differences };
}

/** What is wrong with one order, everybody asked. */
function faultsOf(theirs: Order, ours: BalanceRow | undefined, goods: boolean): string[] {
  const { orderId, status } = theirs;
  if (ours === undefined) return [`${orderId}: the relay has no row of it`];
  const { sale, claim } = ours;
  const paid = settledThere.has(status);
  const faults: string[] = [];
  if (sale.amountIdr !== theirs.amountIdr) faults.push('another amount at Midtrans');
  if (isOpen(sale.verdict)) faults.push(`still ${sale.verdict}`);
  if (isSettled(sale.verdict) !== paid) faults.push(`${sale.verdict} here, ${status} at Midtrans`);
  if (status === 'pending') faults.push('still payable at Midtrans');
  if (goods && sale.fulfilment !== 'done') faults.push(`goods, told as ${sale.fulfilment}`);
  if (goods && claim !== undefined) faults.push(`goods, and a claim ${claim.state}`);
  if (paid && !goods && claim === undefined) faults.push('money, no goods and no claim');
  return faults.map((text) => `${orderId}: ${text}`);
}

async function saleRows(url: string, saleIds: readonly string[]): Promise<Map<string, BalanceRow>> {
  const database = await connectDatabase({ postgres: { url, maxConnections: 1 } }, systemClock);
  try {
    const store = dayStore(database);
    const rows = new Map<string, BalanceRow>();
    for (const saleId of saleIds) {
      const row = await store.saleWithClaim(saleId);
      if (row !== undefined) rows.set(saleId, row);
    }
    return rows;
  } finally {
    await database.close();
  }
}

/** Ids of the hand-overs that the kiosk wrote down as done. */
function goodsByJournal(path: string): Set<string> {
  const journal = openJournal(path);
  try {
    const broken = journal.verify();
    if (broken !== undefined) throw new Error(`entry ${broken} of the journal was altered`);
    const done = new Set<string>();
    for (const { kind, body } of journal.read(1, maxJournalEntries)) {
      const told = kind === 'event' ? handOver.safeParse(body).data : undefined;
      if (told?.result === 'done') done.add(told.dispenseId ?? told.saleId);
    }
    return done;
  } finally {
    journal.close();
  }
}
