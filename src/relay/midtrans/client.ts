// Midtrans' Core API as a `Gateway`, over Node's fetch. Never retries, never throws for the world's failures, and
// never lets the Server Key out: not into a log, an error or a request to any host but Midtrans' API.
import { KiosError } from '../../protocol/errors.ts';
import {
  classifyCharge,
  classifyRefund,
  classifyStatus,
  classifyStop,
  type Reply,
} from './classify.ts';
import { type ChargeOrder, type Gateway, type ImageOutcome } from './gateway.ts';
import { answerBody } from './schemas.ts';

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

const maxAnswerBytes = 64 * 1024;
const maxImageBytes = 1024 * 1024;

/** Hosts that Midtrans is known to put into `actions[].url`; the API's own host is always allowed. */
const imageHosts = new Set([
  'api.midtrans.com',
  'api.sandbox.midtrans.com',
  'merchants-app.midtrans.com',
  'merchants-app.sbx.midtrans.com',
  'api.veritrans.co.id',
  'api.sandbox.veritrans.co.id',
]);

interface Call {
  method: 'GET' | 'POST';
  path: string;
  timeoutMs: number;
  key?: string;
  body?: unknown;
  headers?: Record<string, string>;
}

/** The real gateway. One object for the process; it holds no state but its settings. */
export function createMidtrans(settings: MidtransSettings): Gateway {
  const authorization = `Basic ${Buffer.from(`${settings.serverKey}:`).toString('base64')}`;
  const { chargeMs, askMs } = settings.timeouts;
  const at = (id: string, verb: string): string => `/v2/${encodeURIComponent(id)}/${verb}`;

  async function call(request: Call): Promise<Reply> {
    try {
      const response = await fetch(settings.baseUrl + request.path, {
        method: request.method,
        headers: {
          authorization,
          accept: 'application/json',
          'content-type': 'application/json',
          ...(request.key === undefined ? {} : { 'idempotency-key': request.key }),
          ...request.headers,
        },
        ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
        redirect: 'error',
        signal: AbortSignal.timeout(request.timeoutMs),
      });
      return toReply(response.status, await readCapped(response, maxAnswerBytes));
    } catch (error) {
      return { kind: 'nothing', detail: reasonOf(error) };
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
    image: (url) => fetchImage(url, new URL(settings.baseUrl).host, askMs),
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

/** Fetches the QR's picture, without credentials. */
async function fetchImage(url: string, apiHost: string, timeoutMs: number): Promise<ImageOutcome> {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined) return { kind: 'unavailable', detail: 'not an address' };
  const own = parsed.host === apiHost;
  if (!own && !(parsed.protocol === 'https:' && imageHosts.has(parsed.host))) {
    return { kind: 'unavailable', detail: `the host ${parsed.host} is not Midtrans'` };
  }
  try {
    const response = await fetch(parsed, {
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
    const type = response.headers.get('content-type') ?? '';
    if (response.status !== 200 || !type.startsWith('image/png')) {
      await response.body?.cancel();
      return { kind: 'unavailable', detail: `HTTP ${response.status} ${type.slice(0, 64)}` };
    }
    return { kind: 'image', png: await readCapped(response, maxImageBytes) };
  } catch (error) {
    return { kind: 'unavailable', detail: reasonOf(error) };
  }
}

/** @throws KiosError `too-large` beyond `maxBytes`; what fetch throws when the connection breaks. */
async function readCapped(response: Response, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  if (response.body === null) return new Uint8Array();
  const body: AsyncIterable<Uint8Array> = response.body;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > maxBytes) throw new KiosError('too-large', `an answer above ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

function toReply(http: number, bytes: Uint8Array): Reply {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    if (error instanceof SyntaxError) return { kind: 'no-body', http };
    throw error;
  }
  const body = answerBody.safeParse(json);
  if (!body.success || body.data.status_code === undefined) return { kind: 'no-body', http };
  // HTTP 202: the same Idempotency-Key is still running. Not to be taken for the body's 202, a denial.
  if (http === 202 && body.data.transaction_status === undefined) return { kind: 'no-body', http };
  return { kind: 'body', http, code: body.data.status_code, body: body.data };
}

/** What went wrong, in a word that cannot carry a header. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'failed';
  const cause = error.cause;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return `${error.name} ${code}`.trim();
}
