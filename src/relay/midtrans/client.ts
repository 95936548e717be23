// Midtrans' Core API as a `Gateway`, over undici's pools. Never retries, never throws for the world's failures, follows
// no redirect, and never lets the Server Key out: not into a log, an error or a request to any host but Midtrans' API.
import { Pool } from 'undici';
import { classifyCharge, classifyRefund, classifyStatus, classifyStop } from './classify.ts';
import { type Reply } from './classify.ts';
import { type ChargeOrder, type Gateway } from './gateway.ts';
import { createImages } from './images.ts';
import { toReply } from './reply.ts';
import { neverSent, reasonOf } from './transport.ts';

export interface MidtransSettings {
  /** `https://api.sandbox.midtrans.com`, without a slash at the end. */
  baseUrl: string;
  serverKey: string;
  paymentType: 'qris' | 'gopay';
  acquirer: string;
  /** Where Midtrans shall send its notifications. */
  notificationUrl: string;
  /** How long Midtrans itself keeps a charge payable, in minutes: the net under the relay's own deadline. */
  expiryMinutes: number;
  timeouts: { chargeMs: number; askMs: number };
}

export interface MidtransClient extends Gateway {
  /** Cuts off what is under way and closes every connection. */
  close(): Promise<void>;
}

const maxAnswerBytes = 64 * 1024;
/** So many calls are under way at once; what comes above waits, within its own timeout. */
const maxConnections = 128;
const connectTimeoutMs = 3_000;
/** An idle connection is dropped before the other side is likely to: half of it, had it not said otherwise. */
const keepAliveMs = 10_000;

interface Call {
  method: 'GET' | 'POST';
  path: string;
  timeoutMs: number;
  key?: string;
  body?: unknown;
  headers?: Record<string, string>;
}

/** The real gateway. One object for the process; it holds no state but its connections. */
export function createMidtrans(settings: MidtransSettings): MidtransClient {
  const authorization = `Basic ${Buffer.from(`${settings.serverKey}:`).toString('base64')}`;
  const { chargeMs, askMs } = settings.timeouts;
  const { origin } = new URL(settings.baseUrl);
  const basePath = settings.baseUrl.slice(origin.length);
  const pool = new Pool(origin, {
    connections: maxConnections,
    pipelining: 1,
    keepAliveTimeout: keepAliveMs,
    connect: { timeout: connectTimeoutMs },
    maxResponseSize: maxAnswerBytes,
  });
  const images = createImages(origin, askMs);
  const at = (id: string, verb: string): string => `/v2/${encodeURIComponent(id)}/${verb}`;

  async function call(request: Call): Promise<Reply> {
    try {
      const { statusCode, headers, body } = await pool.request({
        method: request.method,
        path: basePath + request.path,
        headers: {
          authorization,
          accept: 'application/json',
          'content-type': 'application/json',
          ...(request.key === undefined ? {} : { 'idempotency-key': request.key }),
          ...request.headers,
        },
        body: request.body === undefined ? null : JSON.stringify(request.body),
        signal: AbortSignal.timeout(request.timeoutMs),
      });
      const retryAfter = headers['retry-after'];
      const bytes = await body.bytes();
      return toReply(statusCode, bytes, typeof retryAfter === 'string' ? retryAfter : undefined);
    } catch (error) {
      return { kind: neverSent(error) ? 'unsent' : 'nothing', detail: reasonOf(error) };
    }
  }

  return {
    async charge(order, key) {
      const reply = await call({
        method: 'POST',
        path: '/v2/charge',
        timeoutMs: chargeMs,
        key,
        body: chargeBody(settings, order),
        headers: { 'x-override-notification': settings.notificationUrl },
      });
      return classifyCharge(reply);
    },
    async status(id) {
      const path = at(id, 'status');
      return classifyStatus(await call({ method: 'GET', path, timeoutMs: askMs }));
    },
    async stop(verb, id, key) {
      const path = at(id, verb);
      return classifyStop(await call({ method: 'POST', path, timeoutMs: askMs, key }), verb);
    },
    async refund(id, { key, amountIdr, reason }) {
      const body = { refund_key: key, amount: amountIdr, reason };
      const path = at(id, 'refund');
      return classifyRefund(await call({ method: 'POST', path, timeoutMs: askMs, body }));
    },
    image: (url) => images.fetch(url),
    async close() {
      await Promise.all([pool.destroy(), images.close()]);
    },
  };
}

function chargeBody(settings: MidtransSettings, order: ChargeOrder): unknown {
  return {
    payment_type: settings.paymentType,
    transaction_details: { order_id: order.saleId, gross_amount: order.amountIdr },
    // The `gopay` object is for tokens and callbacks: a kiosk sends none.
    ...(settings.paymentType === 'qris' ? { qris: { acquirer: settings.acquirer } } : {}),
    ...(order.items.length === 0
      ? {}
      : {
          item_details: order.items.map((item) => ({
            id: item.id,
            name: item.name,
            price: item.priceIdr,
            quantity: item.quantity,
          })),
        }),
    // Without `order_time`: a clock that is off would make Midtrans refuse the charge.
    custom_expiry: { expiry_duration: settings.expiryMinutes, unit: 'minute' },
    custom_field1: order.kioskId,
  };
}
