// A clock so wrong that no certificate is valid (PROTOCOL.md §8): the relay's signed time is asked for without verifying
// its certificate, believed by its signature alone, and handed to root. Nothing else is ever sent that way.
import { randomBytes } from 'node:crypto';
import { Agent as TlsAgent, request as requestHttps } from 'node:https';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { timeAnswer, type ChainKey } from '../protocol/api.ts';
import { KiosError } from '../protocol/errors.ts';
import { openProof, timeClaims, type TrustedKeys } from '../protocol/proof.ts';
import type { AskRoot } from './ask-root.ts';
import type { Send } from './send.ts';

/** What OpenSSL says of a certificate whose dates do not hold. */
const dateCodes = new Set(['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED']);
/** A certificate may really have run out: then asking again and again mends nothing. */
const askEveryMs = 60_000;
/** Below this the clock is not what is wrong. */
const minOffsetMs = 60_000;
const maxAnswerBytes = 8 * 1024;
const limitMs = 8_000;
const rootLimitMs = 30_000;

export interface WrongClockOptions {
  send: Send;
  relayUrl: string;
  keys: TrustedKeys;
  /** The whole chain of its keys: root may have pinned older ones. */
  links: () => readonly ChainKey[];
  askRoot: AskRoot;
  clock: Clock;
  log: Log;
  signal: AbortSignal;
  /** In place of the relay's own port, for a test. */
  sendUnverified?: (url: URL) => Promise<string>;
}

/** The same as `send`, but that a failure by a certificate's dates has the clock mended for the next try. */
export function mendingClock(options: WrongClockOptions): Send {
  const { send, clock, log } = options;
  let nextAtMs = -Infinity;
  return async (url, request) => {
    try {
      return await send(url, request);
    } catch (error) {
      if (isDateFault(error) && clock.monotonicMs() >= nextAtMs) {
        nextAtMs = clock.monotonicMs() + askEveryMs;
        // Not waited for: whoever asks has a limit of its own, and tries again.
        mend(options).catch((fault: unknown) => {
          log.warn({ reason: String(fault) }, 'clock.not-mended');
        });
      }
      throw error;
    }
  };
}

function isDateFault(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause && dateCodes.has(String(cause.code));
}

async function mend(options: WrongClockOptions): Promise<void> {
  const { relayUrl, keys, links, askRoot, clock, log, signal } = options;
  const nonce = randomBytes(18).toString('base64url');
  const url = new URL(`/v1/time?nonce=${nonce}`, relayUrl);
  const askedAtMs = clock.monotonicMs();
  const text = await (options.sendUnverified ?? getUnverified)(url);
  const { proof } = timeAnswer.parse(JSON.parse(text));
  const claims = await openProof(proof, 'kios-time', timeClaims, keys);
  if (claims.nonce !== nonce) throw new KiosError('bad-proof', 'the time answers another call');
  const offsetMs = Date.parse(claims.time) - clock.nowMs();
  if (Math.abs(offsetMs) < minOffsetMs) {
    log.error({ relayUrl }, 'clock.certificate-expired');
    return;
  }
  const request = { id: nonce, token: proof, links: [...links()], heardAtMs: askedAtMs };
  const answer = await askRoot('clock', request, rootLimitMs, signal);
  log.warn({ offsetMs, outcome: answer?.outcome, why: answer?.why }, 'clock.asked-root');
}

/** Sends a nonce and reads a signature: nothing that a stranger on the line could use. */
async function getUnverified(url: URL): Promise<string> {
  // A connection of its own, never kept: nothing else may travel on it.
  const agent = new TlsAgent({ rejectUnauthorized: false, keepAlive: false });
  return new Promise((resolve, reject) => {
    const request = requestHttps(url, { agent, signal: AbortSignal.timeout(limitMs) }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (part: string) => {
        text += part;
        if (text.length > maxAnswerBytes) answer.destroy(new Error('the answer is too large'));
      });
      answer.once('end', () => {
        resolve(text);
      });
      answer.once('error', reject);
    });
    request.once('error', reject);
    request.end();
  });
}
