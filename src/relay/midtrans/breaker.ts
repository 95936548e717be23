// A gateway in front of the gateway: it keeps calls back from a Midtrans that is silent, and charges from one that wants to
// be left alone, and tells the whole process so. It repeats nothing, and what it keeps back it says (`unsent`): never a guess about a charge.
import { backoffMs, type Backoff } from '../../lib/backoff.ts';
import { type Clock } from '../../lib/clock.ts';
import { type Log } from '../../lib/log.ts';
import { type Metrics } from '../metrics.ts';
import { createCircuit, type Circuit } from './circuit.ts';
import { type Gateway, type ImageOutcome, type Unsent, type Upstream } from './gateway.ts';

/** How long unprompted calls hold off after a 429 without Retry-After, or a 5xx; doubled while these go on. */
const quiet: Backoff = { firstMs: 1_000, maxMs: 60_000 };
/** Above what Midtrans asks for, so that many relays do not come back at once. */
const quietSpread = 0.2;
/** An order that nobody has: any answer to it will do, and none costs anything (midtrans.md §1). */
const probeId = 'kios-probe';

export interface BreakerParts {
  clock: Pick<Clock, 'monotonicMs'>;
  /** 0 ≤ x < 1, for jitter alone. */
  random: () => number;
  log: Log;
  metrics: Pick<Metrics, 'faults'>;
}

/** The API and the hosts of the pictures have a circuit each: pictures that are away stop no charge. */
export function withBreaker(
  inner: Gateway,
  parts: BreakerParts,
): { gateway: Gateway; upstream: Upstream } {
  const api = circuitOf('midtrans', parts);
  const images = circuitOf('midtrans-images', parts);
  const rest = createRest(parts);

  async function through<T extends Answer>(
    call: () => Promise<T>,
    of: 'charge' | 'question' = 'question',
  ): Promise<T | Unsent> {
    const outcome = await api.run(call, isAnswered);
    if (outcome === undefined) {
      return { kind: 'unsent', why: 'shut', detail: 'Midtrans has not answered lately' };
    }
    rest.heard(outcome, of);
    return outcome;
  }

  const gateway: Gateway = {
    async charge(order, key) {
      if (rest.askedMs() > 0) {
        return { kind: 'unsent', why: 'resting', detail: 'Midtrans wants to be left alone' };
      }
      return through(() => inner.charge(order, key), 'charge');
    },
    status: (id) => through(() => inner.status(id)),
    stop: (verb, id, key) => through(() => inner.stop(verb, id, key)),
    refund: (id, refund) => through(() => inner.refund(id, refund)),
    async image(url) {
      const outcome = await images.run(() => inner.image(url), isImageAnswered);
      return outcome ?? { kind: 'unavailable', detail: 'its host has not answered lately' };
    },
  };
  return {
    gateway,
    upstream: {
      downMs: () => api.downMs(),
      chargeInMs: () => Math.max(api.downMs(), rest.askedMs()),
      quietMs: () => Math.max(api.downMs(), rest.leftMs()),
      async probe() {
        if (api.wantsTry()) await gateway.status(probeId);
      },
    },
  };
}

function circuitOf(name: string, { clock, random, log, metrics }: BreakerParts): Circuit {
  return createCircuit(clock, random, (shut) => {
    if (!shut) {
      log.info({}, `${name}.back`);
      return;
    }
    metrics.faults.inc({ place: `${name}-silent` });
    log.error({}, `${name}.silent`);
  });
}

/** What all outcomes of calls have in common, as far as it matters here. */
interface Answer {
  kind: string;
  answered?: boolean;
  running?: true;
  ailing?: true;
  retryAfterMs?: number;
}

/** Midtrans itself has spoken. A page of a proxy or a firewall before it is no answer. */
function isAnswered(outcome: Answer): boolean {
  if (outcome.kind === 'unsent') return false;
  return outcome.kind !== 'unknown' || outcome.answered === true || outcome.running === true;
}

function isImageAnswered(outcome: ImageOutcome): boolean {
  return outcome.kind === 'image' || outcome.silent !== true;
}

interface Rest {
  heard(outcome: Answer, of: 'charge' | 'question'): void;
  leftMs(): number;
  /**
   * The part of it that holds for charges too: what was asked for, and what a charge that failed brought about. A question
   * that fails says nothing of charges: one order that Midtrans stumbles over must not keep a fleet from selling.
   */
  askedMs(): number;
}

function createRest({ clock, random }: BreakerParts): Rest {
  let strikes = 0;
  let untilMs = -Infinity;
  let askedUntilMs = -Infinity;
  const left = (toMs: number): number => Math.max(Math.ceil(toMs - clock.monotonicMs()), 0);
  return {
    heard(outcome, of) {
      const limited = outcome.kind === 'try-again';
      if (!limited && outcome.ailing !== true) {
        // A good answer to a call that was sent before does not take back what Midtrans asked for.
        if (isAnswered(outcome)) strikes = 0;
        return;
      }
      const { retryAfterMs } = outcome;
      // What was under way when it began says nothing new.
      const resting = left(untilMs) > 0;
      if (!resting) strikes++;
      if (!resting || retryAfterMs !== undefined) {
        const restMs =
          retryAfterMs === undefined
            ? backoffMs(quiet, strikes, random())
            : retryAfterMs * (1 + quietSpread * random());
        untilMs = Math.max(untilMs, clock.monotonicMs() + restMs);
      }
      if (limited || retryAfterMs !== undefined || of === 'charge') askedUntilMs = untilMs;
    },
    leftMs: () => left(untilMs),
    askedMs: () => left(askedUntilMs),
  };
}

/** For a gateway that stands in for Midtrans and is never away. */
export const alwaysUp: Upstream = {
  downMs: () => 0,
  chargeInMs: () => 0,
  quietMs: () => 0,
  probe: () => Promise.resolve(),
};
