// The open routes: keys, time, health and metrics. No secrets, no kiosk's data.
import { type FastifyInstance } from 'fastify';
import { type ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { keysAnswer, timeAnswer, timeQuery } from '../../protocol/api.ts';
import { type AppParts } from '../app.ts';
import { signTime } from '../proofs.ts';
import { keyChain } from '../signing-key.ts';

const keysQuery = z.strictObject({ after: z.string().max(64).optional() });

export function openRoutes(app: FastifyInstance, parts: AppParts): void {
  const { hops, signer, broker } = parts;
  const typed = app.withTypeProvider<ZodTypeProvider>();

  typed.get(
    '/v1/keys',
    { schema: { querystring: keysQuery, response: { 200: keysAnswer } } },
    (request) => {
      const chain = keyChain(signer.key);
      const at = chain.findIndex((key) => key.kid === request.query.after);
      return { keys: chain.slice(at + 1) };
    },
  );

  typed.get(
    '/v1/time',
    { schema: { querystring: timeQuery, response: { 200: timeAnswer } } },
    async (request) => ({ proof: await signTime(signer, request.query.nonce) }),
  );

  app.get('/healthz', () => ({ ok: true }));

  app.get('/readyz', async (_request, reply) => {
    const storeUp = await hops.store.check().then(
      () => true,
      () => false,
    );
    const parted = { store: storeUp, broker: broker.ready(), accepting: parts.accepting() };
    const ready = parted.store && parted.broker && parted.accepting;
    return reply.status(ready ? 200 : 503).send({ ready, ...parted });
  });

  app.get('/metrics', async (_request, reply) =>
    reply.type(hops.metrics.registry.contentType).send(await hops.metrics.registry.metrics()),
  );
}
