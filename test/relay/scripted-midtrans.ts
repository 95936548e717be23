// A Midtrans that answers exactly as a test says, over real HTTP, and the hops of a relay with a real store in front: for
// interleavings that no honest Midtrans shows on demand. The store's clock is moved by hand.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ulid } from 'ulid';
import { systemClock, type Clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { formatTlv, withCrc } from '../../src/protocol/qris.ts';
import { chargeSale } from '../../src/relay/charge.ts';
import { move, type Hops } from '../../src/relay/hops.ts';
import { type LedgerEvent } from '../../src/relay/ledger.ts';
import { type Decision } from '../../src/relay/ledger-rules.ts';
import { createMetrics } from '../../src/relay/metrics.ts';
import { withBreaker } from '../../src/relay/midtrans/breaker.ts';
import { createMidtrans } from '../../src/relay/midtrans/client.ts';
import { pursue } from '../../src/relay/pursue.ts';
import { type SaleRow } from '../../src/relay/sale-row.ts';
import { openStore } from '../../src/relay/store/open.ts';
import { openSqlite } from '../../src/relay/store/sqlite.ts';
import { type Store } from '../../src/relay/store/store.ts';

export const merchantId = 'G000000001';
export const payee = { nmid: 'AID1099000000001', pan: '9360091400000000017' };
export const amountIdr = 15_000;
const serverKey = 'SB-Mid-server-EXAMPLEKEY';
const kioskId = 'ksk01';
/** Waits between attempts are so much shorter here. */
const hurry = 50;

export type CallKind = 'charge' | 'status' | 'cancel' | 'expire';

export interface Call {
  kind: CallKind;
  /** The order or charge that is named in the path, or in a charge's body. */
  id: string;
  key: string | undefined;
}

/** An HTTP status with a body, or `drop`: the connection is closed without an answer. */
export type Answer = { http?: number; json?: object; text?: string; retryAfter?: string } | 'drop';

export interface Script {
  hops: Hops;
  store: Store;
  /** All calls so far, oldest first. */
  calls: Call[];
  /** What the next calls of this kind are answered, one each; the last one stands. */
  on(kind: CallKind, ...answers: (Answer | ((call: Call) => Answer | Promise<Answer>))[]): void;
  /** Lets this much time pass on the store's clock. */
  pass(ms: number): void;
  newSale(): string;
  put(saleId: string): Promise<Decision>;
  /** PUT, and the charge that it begins, to its end. */
  charge(saleId: string): Promise<SaleRow>;
  cancel(saleId: string): Promise<SaleRow>;
  event(saleId: string, event: Exclude<LedgerEvent, { type: 'put' | 'cancel' }>): Promise<SaleRow>;
  /** What `reconcile` does when the row is due. */
  due(saleId: string): Promise<SaleRow>;
  row(saleId: string): Promise<SaleRow>;
  kinds(): string;
  stop(): Promise<void>;
}

export async function startScript(): Promise<Script> {
  const dir = mkdtempSync(join(tmpdir(), 'kios-script-'));
  let aheadMs = 0;
  const nowMs = (): number => systemClock.nowMs() + aheadMs;
  const store = await openStore(openSqlite(join(dir, 'relay.db'), nowMs), 'ledger');
  await store.addEnrolment('code', kioskId, 60_000);
  const key = { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) } as const;
  await store.enrol('code', key, { serial: null, claimSecret: 'secret', brokerPassword: null });
  const midtrans = await startMidtrans();
  const client = createMidtrans({
    ...{ baseUrl: midtrans.url, serverKey, paymentType: 'qris', acquirer: 'gopay' },
    ...{ notificationUrl: 'https://relay.example.id/x', expiryMinutes: 15 },
    timeouts: { chargeMs: 2_000, askMs: 2_000 },
  });
  const after: Clock['after'] = (ms, call) => systemClock.after(ms / hurry, call);
  const monotonicMs = (): number => systemClock.monotonicMs() * hurry;
  const parts = {
    clock: { ...systemClock, nowMs, after, monotonicMs },
    random: () => 0,
    log: silentLog,
  };
  const metrics = createMetrics();
  let keys = 0;
  const hops: Hops = {
    ...{ ...parts, store, metrics, merchantId, payee },
    ...withBreaker(client, { ...parts, metrics }),
    newKey: () => `key-${++keys}`,
    moved: () => undefined,
  };
  const script: Script = {
    ...{ hops, store, calls: midtrans.calls, on: midtrans.on },
    pass: (ms) => void (aheadMs += ms),
    newSale: () => `${kioskId}-${ulid()}`,
    async put(saleId) {
      const chargeKey = hops.newKey();
      const deadlineAtMs = nowMs() + 180_000;
      const put = await store.put({
        ...{ type: 'put', saleId, kioskId, amountIdr, items: null, chargeKey, deadlineAtMs },
      });
      if (put === undefined) throw new Error('another sale is open');
      return put.decision;
    },
    async charge(saleId) {
      const decision = await script.put(saleId);
      return decision.next === 'charge' ? chargeSale(hops, decision.row) : decision.row;
    },
    async cancel(saleId) {
      const decision = await store.cancel({
        ...{ type: 'cancel', saleId, kioskId, amountIdr, reason: 'customer' },
      });
      return pursue(hops, decision);
    },
    event: async (saleId, event) => pursue(hops, await move(hops, saleId, event)),
    due: (saleId) => script.event(saleId, { type: 'due' }),
    async row(saleId) {
      const row = await store.sale(saleId);
      if (row === undefined) throw new Error(`no row of ${saleId}`);
      return row;
    },
    kinds: () => midtrans.calls.map((call) => call.kind).join(' '),
    async stop() {
      await client.close();
      midtrans.close();
      await store.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  return script;
}

type Scripted = Parameters<Script['on']>[1];

/** The server alone, for a relay of one's own. */
export async function startMidtrans(): Promise<{
  url: string;
  calls: Call[];
  on: Script['on'];
  close(): void;
}> {
  const calls: Call[] = [];
  const waiting = new Map<CallKind, Scripted[]>();
  const server = createServer((request, response) => void serve(request, response));

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const call = callOf(request, text);
    calls.push(call);
    const answers = waiting.get(call.kind) ?? [];
    const next = answers.length > 1 ? answers.shift() : answers[0];
    const answer = typeof next === 'function' ? await next(call) : (next ?? error('500'));
    if (answer === 'drop') {
      request.socket.destroy();
      return;
    }
    const { retryAfter } = answer;
    response
      .writeHead(answer.http ?? 200, retryAfter === undefined ? {} : { 'retry-after': retryAfter })
      .end(answer.text ?? JSON.stringify(answer.json));
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    on: (kind, ...answers) => void waiting.set(kind, answers),
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function callOf(request: IncomingMessage, text: string): Call {
  const [, , id = '', verb] = (request.url ?? '').split('/');
  const key = request.headers['idempotency-key'];
  const common = { key: typeof key === 'string' ? key : undefined };
  if (verb === undefined) {
    const order = /"order_id":"([^"]+)"/.exec(text)?.[1] ?? '';
    return { ...common, kind: 'charge', id: order };
  }
  return { ...common, kind: verb as CallKind, id: decodeURIComponent(id) };
}

/** An error of Midtrans': HTTP 200 with the code in the body. */
export function error(code: string): Answer {
  return { json: { status_code: code, status_message: 'x', id: 'y' } };
}

/** A body about a charge of this sale. */
export function about(saleId: string, code: string, state: string, more: object = {}): Answer {
  const ids = { transaction_id: `charge-of-${saleId}`, order_id: saleId, merchant_id: merchantId };
  return {
    json: {
      ...{ ...ids, status_code: code, transaction_status: state },
      ...{ gross_amount: `${amountIdr}.00`, currency: 'IDR', fraud_status: 'accept' },
      ...more,
    },
  };
}

/** The answer to a charge that was made, with a QR for our merchant. */
export function made(saleId: string, more: object = {}): Answer {
  return about(saleId, '201', 'pending', { qr_string: qrText(), ...more });
}

/** A QRIS text that a kiosk of ours would show; `changes` replaces whole tags. */
export function qrText(changes: Record<string, string> = {}): string {
  const account = formatTlv([
    ['00', 'COM.GO-JEK.WWW'],
    ['01', payee.pan],
    ['02', merchantId],
    ['03', 'UMI'],
  ]);
  const national = formatTlv([
    ['00', 'ID.CO.QRIS.WWW'],
    ['02', payee.nmid],
    ['03', 'UMI'],
  ]);
  const tags = {
    ...{ '00': '01', '01': '12', '26': account, '51': national, '52': '5812', '53': '360' },
    ...{ '54': `${amountIdr}.00`, '58': 'ID', '59': 'KIOS CONTOH', '60': 'BANDUNG', '61': '40111' },
    ...changes,
  };
  return withCrc(formatTlv(Object.entries(tags).sort(([a], [b]) => a.localeCompare(b))));
}
