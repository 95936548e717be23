// Fetches the QR's picture for charges that came without `qr_string`: from Midtrans' hosts alone, and without credentials.
import { Agent } from 'undici';
import { type ImageOutcome } from './gateway.ts';
import { reasonOf } from './transport.ts';

const maxImageBytes = 1024 * 1024;
/** For each host. */
const maxConnections = 8;
const connectTimeoutMs = 3_000;

/** Hosts that Midtrans is known to put into `actions[].url`; the API's own origin is always allowed. */
const imageHosts = new Set([
  'api.midtrans.com',
  'api.sandbox.midtrans.com',
  'merchants-app.midtrans.com',
  'merchants-app.sbx.midtrans.com',
  'api.veritrans.co.id',
  'api.sandbox.veritrans.co.id',
]);

export interface Images {
  /** Never throws for what the world does. No redirect is followed. */
  fetch(url: string): Promise<ImageOutcome>;
  close(): Promise<void>;
}

/** @param apiOrigin scheme, host and port of the API itself */
export function createImages(apiOrigin: string, timeoutMs: number): Images {
  const agent = new Agent({
    connections: maxConnections,
    connect: { timeout: connectTimeoutMs },
    maxResponseSize: maxImageBytes,
  });

  async function fetchFrom(origin: string, path: string): Promise<ImageOutcome> {
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      const { statusCode, headers, body } = await agent.request({
        ...{ origin, path, method: 'GET', headers: { accept: 'image/png' }, signal },
      });
      const type = String(headers['content-type'] ?? '');
      if (statusCode === 200 && type.startsWith('image/png')) {
        return { kind: 'image', png: new Uint8Array(await body.bytes()) };
      }
      await body.dump();
      return { kind: 'unavailable', detail: `HTTP ${statusCode} ${type.slice(0, 64)}` };
    } catch (error) {
      return { kind: 'unavailable', silent: true, detail: reasonOf(error) };
    }
  }

  return {
    fetch(url) {
      const parsed = URL.canParse(url) ? new URL(url) : undefined;
      const fault = parsed === undefined ? 'not an address' : notMidtrans(parsed, apiOrigin);
      if (parsed === undefined || fault !== undefined) {
        return Promise.resolve({ kind: 'unavailable', detail: fault ?? '' });
      }
      return fetchFrom(parsed.origin, parsed.pathname + parsed.search);
    },
    close: () => agent.destroy(),
  };
}

/** Why nothing is fetched from there; undefined when it may be. */
function notMidtrans(url: URL, apiOrigin: string): string | undefined {
  if (url.origin === apiOrigin) return undefined;
  if (url.protocol === 'https:' && imageHosts.has(url.host)) return undefined;
  return `the host ${url.host.slice(0, 64)} is not Midtrans'`;
}
