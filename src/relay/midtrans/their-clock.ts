// What time it is by Midtrans' clock, which its answers carry. Asks without the Server Key; whatever is answered has the time.
import { request } from 'undici';
import { type Clock } from '../../lib/clock.ts';

const timeoutMs = 5_000;

/**
 * How far our clock is before theirs, in milliseconds, to a second or so (RFC 9110 §6.6.1); negative: it is behind. Undefined:
 * nobody answers, or without a time.
 */
export async function beforeTheirClockMs(
  baseUrl: string,
  clock: Clock,
): Promise<number | undefined> {
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const { headers, body } = await request(baseUrl, { method: 'HEAD', signal });
    await body.dump();
    const theirs = typeof headers.date === 'string' ? Date.parse(headers.date) : NaN;
    return Number.isNaN(theirs) ? undefined : clock.nowMs() - theirs;
  } catch {
    // Who asks is told that nobody answered; why, the relay's own log says at its start.
    return undefined;
  }
}
