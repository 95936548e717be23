// Posts one notification the way Midtrans does: bare JSON, 15 s, no redirects but 307 and 308. Never throws.
import type { Clock } from '../lib/clock.ts';
import type { Attempt } from './retry-table.ts';

/** Sends `body` to `url`. An abort of `signal` ends it as `unanswered`. */
export type Post = (url: string, body: string, signal: AbortSignal) => Promise<Attempt>;

/** Midtrans waits this long for an answer. */
const timeoutMs = 15_000;
const maxHops = 5;

/** Real HTTP; only the time-out is on the given clock. */
export function httpPost(clock: Clock): Post {
  return async (url, body, signal) => {
    const timeout = new AbortController();
    const cancel = clock.after(timeoutMs, () => {
      timeout.abort();
    });
    try {
      return await postFollowing(url, body, AbortSignal.any([signal, timeout.signal]));
    } catch (error) {
      // Refused, reset, unresolvable, too slow: all the same to Midtrans. Anything else is a bug.
      if (error instanceof TypeError || error instanceof DOMException)
        return { kind: 'unanswered' };
      throw error;
    } finally {
      cancel();
    }
  };
}

async function postFollowing(first: string, body: string, signal: AbortSignal): Promise<Attempt> {
  let url = first;
  for (let hop = 0; ; hop++) {
    const response = await fetch(url, {
      method: 'POST',
      redirect: 'manual',
      signal,
      headers: {
        'content-type': 'application/json',
        accept: 'application/json',
        'user-agent': 'Veritrans',
      },
      body,
    });
    // The answer's body says nothing to Midtrans; it is let go so that the connection can be reused.
    await response.body?.cancel();
    const target = response.headers.get('location');
    const follows = response.status === 307 || response.status === 308;
    if (!follows || target === null || hop === maxHops) {
      return { kind: 'answered', http: response.status };
    }
    url = new URL(target, url).href;
  }
}
