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
import { takeAck } from '../fleet/presence.ts';
import { nonceOf } from '../nonce.ts';
import { saleDocument } from '../proofs.ts';
import { createRecovery } from '../recover.ts';
import { type KioskRow } from '../store/schema.ts';

/** Sales in one answer; the rest follows with `more`. */
const pageSize = 100;

export function catchUpRoutes(app: FastifyInstance, parts: AppParts, caller: Authenticated): void {
  const { hops, signer } = parts;
  const saleLifeMs = parts.config.sale.expiresInMs;
  const typed = app.withTypeProvider<ZodTypeProvider>();

  typed.get(
    '/v1/changes',
    { schema: { querystring: changesQuery, response: { 200: changesAnswer } } },
    async (request): Promise<ChangesAnswer> => {
      const { since, ledgerId } = request.query;
      const kiosk = caller(request);
      if (ledgerId !== undefined && ledgerId !== signer.ledgerId) differs('another ledgerId');
      await checkCursor(parts, kiosk, since);
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

  typed.post(
    '/v1/ack',
    { schema: { body: ackBody, response: { 200: ackAnswer } } },
    async (request) => {
      const { store, metrics } = hops;
      const taken = await takeAck({ store, metrics }, caller(request).kioskId, request.body);
      if (!taken) differs('not a number of this ledger');
      return { ledgerId: signer.ledgerId };
    },
  );

  const recover = createRecovery(
    { hops, store: parts.store, keys: parts.keys, signer },
    saleLifeMs,
  );
  typed.post(
    '/v1/recover',
    { schema: { body: recoverBody, response: { 200: recoverAnswer } } },
    (request) => {
      if (!parts.accepting()) throw new KiosError('going-down', 'another relay, or this one soon');
      return recover(caller(request), request.body);
    },
  );
}

/** A number that we never gave, or gave to something else, is another relay's: we were restored from a backup. */
async function checkCursor(parts: AppParts, kiosk: KioskRow, since: string): Promise<void> {
  const seq = cursorSeq(since);
  const fresh = await parts.hops.store.kiosk(kiosk.kioskId);
  if (seq > (fresh?.seq ?? 0)) differs('a number beyond ours');
  const row = seq === 0 ? undefined : await parts.hops.store.saleAt(kiosk.kioskId, seq);
  // A sale that has changed since has taken a later number with it: then there is nothing to compare.
  if (row !== undefined && since !== `${seq}.${cursorTag(row)}`) differs('another tag');
}

function differs(detail: string): never {
  throw new KiosError('ledger-differs', detail);
}
