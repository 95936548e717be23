// How the kiosk's requests reach the relay: by Node's own HTTP client, which costs a third of the memory of `fetch` and
// remembers nothing. It judges no answer, follows no redirect, and reads no more than its caller can use.
import { Agent, request as requestHttp, type IncomingMessage } from 'node:http';
import { Agent as TlsAgent, request as requestHttps } from 'node:https';

export interface SendRequest {
  method: string;
  headers: Readonly<Record<string, string>>;
  body?: string;
  /** From the first byte asked for to the last one read. */
  limitMs: number;
  maxBytes: number;
}

export interface SendAnswer {
  status: number;
  text: string;
}

/** Rejects when there is no whole answer; `cause.code` of the error says what the network said. */
export type Send = (url: URL, request: SendRequest) => Promise<SendAnswer>;

/** One kiosk asks few things at once; what waits here waits within its own limit. */
const maxSockets = 8;
const agent = new Agent({ keepAlive: true, maxSockets });
const tlsAgent = new TlsAgent({ keepAlive: true, maxSockets });

export const sendByHttp: Send = async (url, { method, headers, body, limitMs, maxBytes }) => {
  const limit = AbortSignal.timeout(limitMs);
  const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
  const options = { method, headers: { ...headers, ...length }, signal: limit };
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request =
        url.protocol === 'https:'
          ? requestHttps(url, { ...options, agent: tlsAgent }, resolve)
          : requestHttp(url, { ...options, agent }, resolve);
      request.on('error', reject);
      request.end(body);
    });
    return await wholeAnswer(response, maxBytes);
  } catch (error) {
    throw new Error(`there is no whole answer from ${url.host}`, { cause: error });
  }
};

async function wholeAnswer(response: IncomingMessage, maxBytes: number): Promise<SendAnswer> {
  const status = response.statusCode ?? 0;
  if (status >= 300 && status < 400) {
    response.destroy();
    throw new Error('the relay never sends anybody elsewhere');
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop early ends the connection.
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > maxBytes) throw new Error('the answer is larger than any that the relay gives');
    chunks.push(chunk);
  }
  return { status, text: Buffer.concat(chunks).toString('utf8') };
}
