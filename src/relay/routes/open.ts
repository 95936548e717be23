// The open routes: keys, time, health and metrics. No secrets, no kiosk's data.
import { type FastifyInstance } from 'fastify';
import { type ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { keysAnswer, timeAnswer, timeQuery } from '../../protocol/api.ts';
import { plainText } from '../../protocol/plain-text.ts';
import { type AppParts } from '../app.ts';
import { failureLimit } from '../failure-limit.ts';
import { signTime } from '../proofs.ts';
import { createProbe } from '../probe.ts';
import { within } from '../within.ts';

/** How long the store may take to count. */
const countMs = 2_000;
/** Counting walks through indexes: a scraper in a hurry gets the last numbers. */
const depthsEveryMs = 10_000;

/** Each answer is a signature; whoever has a wrong clock asks once a minute. */
const timesPerMinute = 600;
/** After a rotation a fleet asks, and behind one proxy or NAT it has one address. */
const keysPerMinute = 6_000;
/** Scrapers of one address; each answer is written anew. */
const scrapesPerMinute = 600;

const keysQuery = z.strictObject({ after: plainText(64).optional() });

export function openRoutes(app: FastifyInstance, parts: AppParts): void {
  const { hops, signer, broker } = parts;
  const typed = app.withTypeProvider<ZodTypeProvider>();
  const keysAsked = failureLimit(app, keysPerMinute);
  const timesAsked = failureLimit(app, timesPerMinute);

  typed.get(
    '/v1/keys',
    { schema: { querystring: keysQuery, response: { 200: keysAnswer } } },
    async (request, reply) => {
      await keysAsked(request, reply);
      return { keys: [...(await parts.keys.after(request.query.after))] };
    },
  );

  typed.get(
    '/v1/time',
    { schema: { querystring: timeQuery, response: { 200: timeAnswer } } },
    async (request, reply) => {
      await timesAsked(request, reply);
      return { proof: await signTime(signer, request.query.nonce) };
    },
  );

  app.get('/healthz', () => ({ ok: true }));

  const canStore = createProbe(hops.clock, () => hops.store.check());
  app.get('/readyz', async (_request, reply) => {
    const storeUp = await canStore();
    const parted = { store: storeUp, broker: broker.ready(), accepting: parts.accepting() };
    const ready = parted.store && parted.broker && parted.accepting;
    return reply.status(ready ? 200 : 503).send({ ready, ...parted });
  });

  const measure = measureDepths(parts);
  const scrapes = failureLimit(app, scrapesPerMinute);
  app.get('/metrics', async (request, reply) => {
    await scrapes(request, reply);
    await measure();
    const { registry } = hops.metrics;
    return reply.type(registry.contentType).send(await registry.metrics());
  });
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
    await within(hops.clock, countMs, counting).catch((error: unknown) => {
      hops.log.warn({ error: String(error) }, 'metrics.depths-failed');
    });
  };
}
