// What must hold once everything has healed: every rupiah in its place, kiosks idle, nothing on its way.
import { isOpen } from '../../src/protocol/verdict.ts';
import type { ClaimRow, SaleRow } from '../../src/relay/sale-row.ts';
import type { Transaction } from '../../src/twin/transaction.ts';
import type { RelayFleet } from './relay-fleet.ts';
import type { SimKiosk } from './sim-kiosk.ts';
import type { World } from './world.ts';

/** What still keeps the world from being at rest; undefined: nothing. */
export async function unrest(
  world: World,
  fleet: RelayFleet,
  kiosks: readonly SimKiosk[],
): Promise<string | undefined> {
  for (const { state, kioskId, rules } of kiosks) {
    if (state === undefined) return `${kioskId} is off`;
    if (state.phase.at !== 'idle') return `${kioskId} is ${state.phase.at}`;
    if (state.reports.length > 0) return `${kioskId} has reports that nobody took`;
    if (state.ledger.at !== 'same') return `${kioskId} has another ledger: ${state.ledger.at}`;
    const missing = rules.required.find((part) => !state.parts[part].ok);
    if (missing !== undefined) return `${kioskId} misses its ${missing}`;
  }
  const { store, midtrans } = fleet;
  for (const row of store.sales.values()) {
    if (isOpen(row.verdict)) return `${row.saleId} is still ${row.verdict}`;
    if (row.recovering === 1) return `${row.saleId} is still being recovered`;
  }
  for (const charge of midtrans.books.all()) {
    const { orderId } = charge;
    const row = store.sales.get(orderId);
    const fault = wrongEnd(world, charge, row, store.claims.get(orderId), kiosks);
    if (fault !== undefined) return `${orderId} ${fault}`;
  }
  const drift = await store.drift();
  if (drift !== undefined) return `what is stored is not what was decided: ${drift}`;
  return (await store.unacknowledged()) > 0 ? 'a verdict is not acknowledged' : undefined;
}

function wrongEnd(
  world: World,
  charge: Transaction,
  row: SaleRow | undefined,
  claim: ClaimRow | undefined,
  kiosks: readonly SimKiosk[],
): string | undefined {
  // Neither the ledger nor the card has ever heard of it: only Midtrans tells of the money, and where it is now.
  const isUnheard =
    row === undefined && world.happened.has('restore') && world.happened.has('old card');
  switch (charge.status) {
    case 'pending':
      return 'can still be paid';
    case 'deny':
    case 'cancel':
    case 'expire':
      return undefined;
    case 'partial_refund':
    case 'refund':
      if (claim?.state === 'refunding') return stillRefunding(claim);
      if (row?.verdict === 'refunded' || claim !== undefined || isUnheard) return undefined;
      return 'lost its refund';
    case 'settlement':
      break;
  }
  if (isUnheard) return undefined;
  if (row?.verdict !== 'paid' && row?.verdict !== 'paid-late') {
    return `took money and is ${row?.verdict ?? 'unknown'}`;
  }
  if (row.chargeId !== charge.transactionId) return 'took money twice';
  if (claim !== undefined) return wrongClaim(world, row, claim, kiosks);
  const pulses = world.dispensed.get(row.saleId) ?? 0;
  if (row.fulfilment === 'done') {
    const known = pulses === 1 || world.copied.has(row.saleId);
    return known ? undefined : `is done, ${pulses} pulses`;
  }
  // A card that has forgotten the sale reports nothing: after a day the relay makes a claim of it (PROTOCOL.md §6).
  const forgotten = world.happened.has('old card');
  if (row.fulfilment === null && forgotten && row.askAtMs !== null) return undefined;
  return `took money, has no claim and is ${row.fulfilment ?? 'in hand'}`;
}

function wrongClaim(
  world: World,
  row: SaleRow,
  claim: ClaimRow,
  kiosks: readonly SimKiosk[],
): string | undefined {
  const pulses = world.dispensed.get(row.saleId) ?? 0;
  const contradicted = ['old card', 'restore'] as const;
  const plain = !contradicted.some((one) => world.happened.has(one));
  switch (claim.state) {
    case 'honoured':
      return pulses === 1 || !plain ? undefined : `has an honoured claim with ${pulses} pulses`;
    case 'redeeming':
      // Nobody can say whether its goods came out: locked, for the operator.
      if (claim.note !== null || claim.operatorOnly === 1) return undefined;
      return plain ? 'has a claim that is never redeemed' : undefined;
    case 'refunding':
      return stillRefunding(claim);
    case 'refunded':
      return world.cash.has(row.saleId)
        ? undefined
        : 'has a refunded claim, and its money is still there';
    case 'open':
      break;
  }
  if (row.fulfilment === 'done' && row.verdict === 'paid' && claim.kind !== 'foreign' && plain) {
    return 'is done and has an open claim';
  }
  if (claim.operatorOnly === 1) return undefined;
  if (pulses > 0 && plain) return 'was dispensed and has an open claim';
  const kiosk = kiosks.find(({ kioskId }) => kioskId === row.kioskId);
  const known = kiosk?.disk.read?.claimed().find(({ saleId }) => saleId === row.saleId);
  if (world.happened.has('old card')) return undefined;
  return known?.honoured === false ? undefined : 'has a claim that its kiosk cannot honour';
}

/** The bank takes its time; what is locked is the operator's. */
function stillRefunding({ askAtMs }: ClaimRow): string | undefined {
  return askAtMs === null ? undefined : 'is still being refunded';
}
