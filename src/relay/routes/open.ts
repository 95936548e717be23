// The open routes: keys, time, health and metrics. No secrets, no kiosk's data.
import { type FastifyInstance } from 'fastify';
import { type ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { keysAnswer, timeAnswer, timeQuery } from '../../protocol/api.ts';
import { type AppParts } from '../app.ts';
import { signTime } from '../proofs.ts';
import { within } from '../within.ts';

/** How long the store may take to show that it is there. */
const readyMs = 2_000;
/** Counting walks through indexes: a scraper in a hurry gets the last numbers. */
const depthsEveryMs = 10_000;

const keysQuery = z.strictObject({ after: z.string().max(64).optional() });

export function openRoutes(app: FastifyInstance, parts: AppParts): void {
  const { hops, signer, broker } = parts;
  const typed = app.withTypeProvider<ZodTypeProvider>();

  typed.get(
    '/v1/keys',
    { schema: { querystring: keysQuery, response: { 200: keysAnswer } } },
    async (request) => ({ keys: [...(await parts.keys.after(request.query.after))] }),
  );

  typed.get(
    '/v1/time',
    { schema: { querystring: timeQuery, response: { 200: timeAnswer } } },
    async (request) => ({ proof: await signTime(signer, request.query.nonce) }),
  );

  app.get('/healthz', () => ({ ok: true }));

  app.get('/readyz', async (_request, reply) => {
    const storeUp = await storeAnswers(parts);
    const parted = { store: storeUp, broker: broker.ready(), accepting: parts.accepting() };
    const ready = parted.store && parted.broker && parted.accepting;
    return reply.status(ready ? 200 : 503).send({ ready, ...parted });
  });

  const measure = measureDepths(parts);
  app.get('/metrics', async (_request, reply) => {
    await measure();
    const { registry } = hops.metrics;
    return reply.type(registry.contentType).send(await registry.metrics());
  });
}

/** A database that hangs is as bad as one that refuses. */
async function storeAnswers({ hops }: AppParts): Promise<boolean> {
  let answered = false;
  const check = hops.store.check().then(
    () => {
      answered = true;
    },
    () => undefined,
  );
  await within(hops.clock, readyMs, check);
  return answered;
}

/** Counts what lies in the tables, seldom; a store that is down must not take the other numbers with it. */
function measureDepths({ store, hops }: AppParts): () => Promise<void> {
  let nextAtMs = -Infinity;
  return async () => {
    const nowMs = hops.clock.monotonicMs();
    if (nowMs < nextAtMs) return;
    nextAtMs = nowMs + depthsEveryMs;
    const counting = store.depths().then((depths) => {
      for (const [what, rows] of Object.entries(depths) as [string, number][]) {
        hops.metrics.depths.set({ what }, rows);
      }
    });
    await within(hops.clock, readyMs, counting).catch((error: unknown) => {
      hops.log.warn({ error: String(error) }, 'metrics.depths-failed');
    });
  };
}
