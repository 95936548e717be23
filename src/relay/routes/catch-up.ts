// The catch-up after an absence: changes, acknowledgement, and recovery after the relay was restored from a backup.
import { type FastifyInstance } from 'fastify';
import { type ZodTypeProvider } from 'fastify-type-provider-zod';
import {
  ackAnswer,
  ackBody,
  changesAnswer,
  changesQuery,
  recoverAnswer,
  recoverBody,
  type ChangesAnswer,
} from '../../protocol/api.ts';
import { KiosError } from '../../protocol/errors.ts';
import { cursorAfter, cursorSeq, cursorTag } from '../../protocol/sale.ts';
import { type AppParts, type Authenticated } from '../app.ts';
import { failureLimit } from '../failure-limit.ts';
import { createAcks } from '../fleet/acks.ts';
import { createTellBehind } from '../ledger-behind.ts';
import { nonceOf } from '../nonce.ts';
import { saleDocument } from '../proofs.ts';
import { createRecovery } from '../recover.ts';
import { type KioskRow } from '../store/schema.ts';

/** Sales in one answer; the rest follows with `more`. */
const pageSize = 100;
/** Posts of one kiosk. Of a journal with 10,000 sales there are twenty, then one every few seconds until all is known. */
const postsPerMinute = 60;

export function catchUpRoutes(app: FastifyInstance, parts: AppParts, caller: Authenticated): void {
  const { hops, signer } = parts;
  const typed = app.withTypeProvider<ZodTypeProvider>();

  typed.get(
    '/v1/changes',
    { schema: { querystring: changesQuery, response: { 200: changesAnswer } } },
    async (request): Promise<ChangesAnswer> => {
      const { since, ledgerId } = request.query;
      const kiosk = caller(request);
      if (ledgerId !== undefined && ledgerId !== signer.ledgerId) differs('another ledgerId');
      if (!(await isOurs(parts, kiosk, since))) {
        // Without a ledger's name it may be a number of another one.
        if (ledgerId !== undefined) tellBehind(kiosk.kioskId, cursorSeq(since));
        differs('a number beyond ours, or of something else');
      }
      const { sales, more } = await hops.store.changes(kiosk.kioskId, cursorSeq(since), pageSize);
      const last = sales.at(-1);
      const way = { by: 'http', nonce: nonceOf(request) } as const;
      return {
        ledgerId: signer.ledgerId,
        sales: await Promise.all(sales.map((row) => saleDocument(signer, row, way))),
        upTo: last === undefined ? since : cursorAfter(last),
        more,
      };
    },
  );

  const tellBehind = createTellBehind(hops);
  const takeAck = createAcks({ ...hops, letters: parts.letters });
  typed.post(
    '/v1/ack',
    { schema: { body: ackBody, response: { 200: ackAnswer } } },
    async (request) => {
      const taken = await takeAck(caller(request).kioskId, request.body);
      if (!taken) differs('not a number of this ledger');
      return { ledgerId: signer.ledgerId };
    },
  );

  recoverRoute(app, parts, caller);
}

function recoverRoute(app: FastifyInstance, parts: AppParts, caller: Authenticated): void {
  const { hops, signer } = parts;
  const saleLifeMs = parts.config.sale.expiresInMs;
  const typed = app.withTypeProvider<ZodTypeProvider>();
  const recoveries = createRecovery(
    { hops, store: parts.store, keys: parts.keys, signer },
    saleLifeMs,
  );
  const posts = failureLimit(app, postsPerMinute, (request) => caller(request).kioskId);
  typed.post(
    '/v1/recover',
    { schema: { body: recoverBody, response: { 200: recoverAnswer } } },
    async (request, reply) => {
      if (!parts.accepting()) throw new KiosError('going-down', 'another relay, or this one soon');
      await posts(request, reply);
      const kiosk = caller(request);
      const heldOffMs = request.body.sales.length === 0 ? 0 : recoveries.heldOffMs(kiosk.kioskId);
      if (heldOffMs > 0) {
        reply.header('retry-after', Math.ceil(heldOffMs / 1000));
        throw new KiosError('rate-limited', 'too much of what it posts was never signed here');
      }
      return recoveries.recover(kiosk, request.body);
    },
  );
}

/** A number that we never gave, or gave to something else, is another relay's: we were restored from a backup. */
async function isOurs(parts: AppParts, kiosk: KioskRow, since: string): Promise<boolean> {
  const seq = cursorSeq(since);
  const fresh = await parts.hops.store.kiosk(kiosk.kioskId);
  if (seq > (fresh?.seq ?? 0)) return false;
  const row = seq === 0 ? undefined : await parts.hops.store.saleAt(kiosk.kioskId, seq);
  // A sale that has changed since has taken a later number with it: then there is nothing to compare.
  return row === undefined || since === `${seq}.${cursorTag(row)}`;
}

function differs(detail: string): never {
  throw new KiosError('ledger-differs', detail);
}
