// A fleet and its sales, laid straight into a relay's tables: what thousands of enrolments and charges would have left
// there. For benches alone; it goes by none of the relay's rules.
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { systemClock } from '../../src/lib/clock.ts';
import { publicJwk } from '../../src/protocol/api.ts';
import { type RelayConfig } from '../../src/relay/config.ts';
import { emptyRow } from '../../src/relay/ledger.ts';
import { type SaleRow } from '../../src/relay/sale-row.ts';
import { connectDatabase } from '../../src/relay/store/connect.ts';
import { type Database } from '../../src/relay/store/database.ts';
import { type KioskRow } from '../../src/relay/store/schema.ts';
import { qrText } from '../../src/twin/qr-text.ts';
import { amountIdr, chargeOf, merchantId } from './notices.ts';
import { payee } from './payee.ts';

/** Rows an insert: below SQLite's limit of 32 766 values. */
const rowsAtOnce = 500;
/** Longer than any bench. */
const payableMs = 3_600_000;
export const benchBoot = 'boot-bench';
export const benchPassword = 'bench-password';
/** No kiosk of a bench has a secret to keep. */
const claimSecret = 'A'.repeat(43);

export const qrString = qrText(
  { ...payee, id: merchantId, city: 'BANDUNG', postalCode: '40111', mcc: '5812' },
  amountIdr,
  '11111111-2222-4333-8444-555555555555',
);

/** One key for all kiosks of a bench. */
export function sharedKey(): { privateKey: KeyObject; publicX: string } {
  const { privateKey } = generateKeyPairSync('ed25519');
  const jwk = publicJwk.parse(createPublicKey(privateKey).export({ format: 'jwk' }));
  return { privateKey, publicX: jwk.x };
}

/** `bk00000`, `bk00001`, … */
export function kioskName(index: number): string {
  return `bk${index.toString().padStart(5, '0')}`;
}

/** The nth sale of a kiosk. */
export function saleName(kioskId: string, number: number): string {
  return `${kioskId}-01JD${number.toString().padStart(22, '0')}`;
}

/** A second connection to a relay's store, as the command line has it. */
export async function openRows(store: RelayConfig['store']): Promise<Database> {
  return connectDatabase(store, systemClock);
}

/** @param brokerDue 1: the broker has yet to be told of them, which ends whatever connection they have. */
export async function layKiosks(
  database: Database,
  kioskIds: readonly string[],
  publicX: string,
  brokerDue: 0 | 1 = 0,
): Promise<void> {
  const nowMs = database.nowMs();
  const kiosks = kioskIds.map((kioskId): KioskRow => ({
    kioskId,
    publicKey: publicX,
    serial: null,
    claimSecret,
    seq: 0,
    ackedSeq: 0,
    enrolledAtMs: nowMs,
    revokedAtMs: null,
    bootId: benchBoot,
    online: 0,
    status: null,
    statusAtMs: null,
    brokerPassword: benchPassword,
    brokerDue,
  }));
  for (const some of chunks(kiosks)) {
    await database.transact(async (tx) => {
      await tx.insertInto('kiosks').values(some).execute();
      const boots = some.map(({ kioskId }) => ({
        kioskId,
        bootId: benchBoot,
        spokeAtMs: 0,
        replacedAtMs: null,
      }));
      await tx.insertInto('boots').values(boots).execute();
    });
  }
}

/** A sale whose QR is up; Midtrans is asked about it by a notice alone. */
export function pendingSale(kioskId: string, number: number, nowMs: number): SaleRow {
  const saleId = saleName(kioskId, number);
  return {
    ...emptyRow,
    ...{ saleId, kioskId, amountIdr, qrString },
    verdict: 'pending',
    seq: number,
    prev: number - 1,
    createdAtMs: nowMs,
    movedAtMs: nowMs,
    deadlineAtMs: nowMs + payableMs,
    chargeKey: '00000000-0000-4000-8000-000000000000',
    chargeId: chargeOf(saleId),
    chargedAtMs: nowMs,
    expiresAtMs: nowMs + payableMs,
  };
}

/** So many more pending sales, dealt round to these kiosks; their ids, in the order in which a bench shall use them. */
export async function layPendingSales(
  database: Database,
  kioskIds: readonly string[],
  count: number,
): Promise<string[]> {
  const nowMs = database.nowMs();
  const known = await database.db
    .selectFrom('kiosks')
    .select(['kioskId', 'seq'])
    .where('kioskId', 'in', [...kioskIds])
    .execute();
  const seqs = new Map(known.map(({ kioskId, seq }) => [kioskId, seq]));
  const sales = Array.from({ length: count }, (_, at) => {
    const kioskId = kioskIds[at % kioskIds.length] ?? '';
    const seq = (seqs.get(kioskId) ?? 0) + 1;
    seqs.set(kioskId, seq);
    return pendingSale(kioskId, seq, nowMs);
  });
  for (const some of chunks(sales)) {
    await database.transact((tx) => tx.insertInto('sales').values(some).execute());
  }
  await database.transact(async (tx) => {
    for (const [kioskId, seq] of seqs) {
      const upTo = { seq, ackedSeq: seq };
      await tx.updateTable('kiosks').set(upTo).where('kioskId', '=', kioskId).execute();
    }
  });
  return sales.map(({ saleId }) => saleId);
}

function chunks<Row>(rows: readonly Row[]): Row[][] {
  const all: Row[][] = [];
  for (let at = 0; at < rows.length; at += rowsAtOnce) all.push(rows.slice(at, at + rowsAtOnce));
  return all;
}
