// The nonce of a request: what its answer's proofs must carry, so that an old answer fits no new question.
import { type FastifyRequest } from 'fastify';
import { KiosError } from '../protocol/errors.ts';
import { nonce, nonceHeader } from '../protocol/proof.ts';

/** Undefined: the request has none. @throws KiosError `bad-request` when it is malformed, or came twice. */
export function nonceOf(request: FastifyRequest): string | undefined {
  const given = request.headers[nonceHeader];
  if (given === undefined) return undefined;
  const parsed = nonce.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new KiosError('bad-request', `${nonceHeader}: ${parsed.error.issues[0]?.message ?? ''}`);
}
