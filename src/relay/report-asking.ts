// How the day close asks Midtrans: a few at once, at a polite pace, and not at all once it is clear that nobody answers.
// The running relay serves customers through the same account, so a report must never bring it to its rate limit.
import { backoffMs, type Backoff } from '../lib/backoff.ts';
import { wait, type Clock } from '../lib/clock.ts';
import { type Theirs } from './finding.ts';
import { type Gateway, type StatusOutcome } from './midtrans/gateway.ts';

/** Questions under way at once. */
export const atOnce = 4;
const maxTries = 4;
const again: Backoff = { firstMs: 1_000, maxMs: 30_000 };
/** A gateway that asks to be left alone longer than this is not waited for. */
const maxQuietMs = 120_000;
/** So many sales in a row without an answer: the rest is not asked about. */
const maxSilent = 5;

export interface AskingParts {
  gateway: Pick<Gateway, 'status'>;
  clock: Clock;
  /** 0 ≤ x < 1, for jitter. */
  random: () => number;
  /** Questions a second, at most. */
  perSecond: number;
}

/** Asks about one sale. `chargeId`: the charge that the relay has of it. Never rejects for what the world does. */
export type Ask = (saleId: string, chargeId: string | null) => Promise<Theirs>;

export function createAsking({ gateway, clock, random, perSecond }: AskingParts): Ask {
  let nextAtMs = -Infinity;
  let silent = 0;
  let givenUp: string | undefined;

  async function turn(): Promise<void> {
    const nowMs = clock.monotonicMs();
    const atMs = Math.max(nowMs, nextAtMs);
    nextAtMs = atMs + 1_000 / perSecond;
    if (atMs > nowMs) await wait(clock, atMs - nowMs);
  }

  /** Everybody waits: a limit that was hit is hit for all. */
  function hush(ms: number): void {
    nextAtMs = Math.max(nextAtMs, clock.monotonicMs() + ms);
  }

  async function question(id: string): Promise<StatusOutcome> {
    for (let tries = 1; ; tries++) {
      await turn();
      const outcome = await gateway.status(id);
      const passing =
        outcome.kind === 'try-again' || outcome.kind === 'unknown' || outcome.kind === 'unsent';
      if (!passing || tries >= maxTries || givenUp !== undefined) return outcome;
      const wanted = outcome.kind === 'try-again' ? (outcome.retryAfterMs ?? 0) : 0;
      if (wanted > maxQuietMs) return outcome;
      hush(Math.max(wanted, backoffMs(again, tries, random())));
    }
  }

  async function answer(id: string): Promise<Theirs> {
    if (givenUp !== undefined) return { kind: 'silent', detail: givenUp };
    const outcome = await question(id);
    switch (outcome.kind) {
      case 'found':
      case 'absent':
        silent = 0;
        return outcome;
      case 'rejected':
        givenUp = `it refuses the Server Key with ${outcome.code}`;
        return { kind: 'silent', detail: givenUp };
      default:
        silent++;
        if (silent >= maxSilent) givenUp ??= 'it has not answered for a while, and was not asked';
        return { kind: 'silent', detail: outcome.detail };
    }
  }

  return async (saleId, chargeId) => {
    const theirs = await answer(saleId);
    if (theirs.kind !== 'found' || chargeId === null || theirs.status.chargeId === chargeId) {
      return theirs;
    }
    // By the sale's id Midtrans has answered with another charge: ours is asked for by its own name.
    const own = await answer(chargeId);
    return own.kind === 'found' ? { ...own, other: theirs.status } : own;
  };
}
