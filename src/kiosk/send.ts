// How the kiosk's requests reach the relay: by fetch, over the network of this machine. It judges no answer, follows no
// redirect, and reads no more than its caller can use.

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

export const sendByFetch: Send = async (url, { method, headers, body, limitMs, maxBytes }) => {
  const response = await fetch(url, {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
    redirect: 'error',
    signal: AbortSignal.timeout(limitMs),
  });
  return { status: response.status, text: await limitedText(response, maxBytes) };
};

async function limitedText(response: Response, maxBytes: number): Promise<string> {
  if (response.body === null) return '';
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > maxBytes) throw new Error('the answer is larger than any that the relay gives');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
