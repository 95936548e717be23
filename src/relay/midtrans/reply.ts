// From the bytes of an HTTP answer to a `Reply`: is there a body in Midtrans' own words, and which code does it give.
import { type Reply } from './classify.ts';
import { answerBody } from './schemas.ts';

/** No rate limit is obeyed for longer than this at a time: deadlines must be kept. */
const maxRetryAfterMs = 60_000;

/**
 * Takes one HTTP answer apart, whatever its media type says. JSON that is no answer of Midtrans' (no `status_code`, or a
 * field of another type than documented where money hangs on it) is as good as a page of a proxy.
 * @param retryAfter the header, if there was one; only its form in seconds is understood (RFC 9110 §10.2.3)
 */
export function toReply(http: number, bytes: Uint8Array, retryAfter?: string): Reply {
  const wish = retryAfterMs(retryAfter);
  const page: Reply = { kind: 'no-body', http, ...wish };
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    if (error instanceof SyntaxError) return page;
    throw error;
  }
  const parsed = answerBody.safeParse(withoutNulls(json));
  const code = parsed.data?.status_code;
  if (!parsed.success || code === undefined) return page;
  // HTTP 202: the same Idempotency-Key is still running. Not to be taken for the body's 202, a denial.
  if (http === 202 && parsed.data.transaction_status === undefined) return page;
  return { kind: 'body', http, code, body: parsed.data, ...wish };
}

/** To Midtrans' writers `null` and a field left out are the same. */
function withoutNulls(json: unknown): unknown {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return json;
  if (!Object.values(json).includes(null)) return json;
  return Object.fromEntries(Object.entries(json).filter(([, value]) => value !== null));
}

function retryAfterMs(header: string | undefined): { retryAfterMs?: number } {
  if (header === undefined || !/^\d{1,9}$/.test(header)) return {};
  return { retryAfterMs: Math.min(Number(header) * 1000, maxRetryAfterMs) };
}
