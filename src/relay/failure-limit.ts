// A limit on calls that failed, by the caller's address. Those that succeed are neither counted nor turned away: behind
// one proxy or one NAT everybody has the same address, and junk from there must silence nobody.
import { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { KiosError } from '../protocol/errors.ts';

const windowMs = 60_000;

/** Counts one failure of this caller. @throws KiosError `rate-limited` when there were too many within a minute. */
export type CountFailure = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

export function failureLimit(app: FastifyInstance, perMinute: number): CountFailure {
  const count = app.createRateLimit({ max: perMinute, timeWindow: windowMs });
  return async (request, reply) => {
    const use = await count(request);
    if (use.isAllowed || !use.isExceeded) return;
    reply.header('retry-after', use.ttlInSeconds);
    throw new KiosError('rate-limited', 'wait as Retry-After says');
  };
}
