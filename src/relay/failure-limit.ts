// A limit on calls that failed, by the caller's address: those that succeed are neither counted nor turned away, because
// behind one proxy or one NAT everybody has the same address, and junk from there must silence nobody. Where the caller
// has proved who it is, all of its calls can be counted under that name.
import { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { KiosError } from '../protocol/errors.ts';

const windowMs = 60_000;

/** Counts one call of this caller. @throws KiosError `rate-limited` when there were too many within a minute. */
export type CountFailure = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

/** @param callerOf under which name a call is counted; without it, its address. */
export function failureLimit(
  app: FastifyInstance,
  perMinute: number,
  callerOf?: (request: FastifyRequest) => string,
): CountFailure {
  const count = app.createRateLimit({
    max: perMinute,
    timeWindow: windowMs,
    ...(callerOf === undefined ? {} : { keyGenerator: callerOf }),
  });
  return async (request, reply) => {
    const use = await count(request);
    if (use.isAllowed || !use.isExceeded) return;
    reply.header('retry-after', use.ttlInSeconds);
    throw new KiosError('rate-limited', 'wait as Retry-After says');
  };
}
