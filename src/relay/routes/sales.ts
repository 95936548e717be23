// The sale's routes: put, get, cancel, fulfilment and the QR's picture. A kiosk reaches its own sales alone.
import { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { type ZodTypeProvider } from 'fastify-type-provider-zod';
import {
  cancelBody,
  fulfilmentBody,
  putSaleBody,
  saleParams,
  type PutSaleBody,
} from '../../protocol/api.ts';
import { KiosError } from '../../protocol/errors.ts';
import { kioskOfSale } from '../../protocol/ids.ts';
import { sale } from '../../protocol/sale.ts';
import { isOpen } from '../../protocol/verdict.ts';
import { type AppParts, type Authenticated } from '../app.ts';
import { chargeSale } from '../charge.ts';
import { announce, move, type Hops } from '../hops.ts';
import { type Decision } from '../ledger-rules.ts';
import { nonceOf } from '../nonce.ts';
import { saleDocument } from '../proofs.ts';
import { pursue } from '../pursue.ts';
import { createCheckSigned } from '../signed-report.ts';
import { within } from '../within.ts';

/** How long an answer waits for Midtrans; what takes longer comes over MQTT, or when the kiosk asks. */
const putWaitMs = 12_000;
const cancelWaitMs = 9_000;
const maxBodyBytes = 64 * 1024;
const params = saleParams;

export function saleRoutes(app: FastifyInstance, parts: AppParts, caller: Authenticated): void {
  putRoute(app, parts, caller);
  getRoute(app, parts, caller);
  cancelRoute(app, parts, caller);
  fulfilmentRoute(app, parts, caller);
  pictureRoute(app, parts, caller);
}

function putRoute(app: FastifyInstance, parts: AppParts, caller: Authenticated): void {
  const { hops, background } = parts;
  const typed = app.withTypeProvider<ZodTypeProvider>();
  typed.put(
    '/v1/sales/:saleId',
    {
      bodyLimit: maxBodyBytes,
      schema: { params, body: putSaleBody, response: { 200: sale, 201: sale } },
    },
    async (request, reply) => {
      const { saleId } = request.params;
      const { kioskId } = caller(request);
      refuseOthers(saleId, kioskId);
      checkLimits(parts, request.body);
      await refuseWhileRecovering(parts, kioskId);
      if (!parts.accepting()) throw new KiosError('going-down', 'another relay, or this one soon');
      const { amountIdr, items } = request.body;
      await refuseWhileDown(hops, saleId, reply);
      const put = await hops.store.put({
        type: 'put',
        saleId,
        kioskId,
        amountIdr,
        items: canonicalItems(items),
        chargeKey: hops.newKey(),
        deadlineAtMs: parts.store.nowMs() + parts.config.sale.expiresInMs,
      });
      if (put === undefined) throw new KiosError('sale-open', 'finish or abandon the other sale');
      refuseRefused(put.decision);
      announce(hops, put.decision);
      const { row, next } = put.decision;
      if (next === 'charge') void background.run(`charge ${saleId}`, () => chargeSale(hops, row));
      // A repeat joins the charge that runs.
      if (row.verdict === 'creating' && row.stop === null) {
        await within(hops.clock, putWaitMs, background.settled(`charge ${saleId}`));
      }
      return answer(parts, request, saleId, reply.status(put.created ? 201 : 200));
    },
  );
}

function getRoute(app: FastifyInstance, parts: AppParts, caller: Authenticated): void {
  const typed = app.withTypeProvider<ZodTypeProvider>();
  typed.get(
    '/v1/sales/:saleId',
    { schema: { params, response: { 200: sale } } },
    async (request, reply) => {
      const { saleId } = request.params;
      refuseOthers(saleId, caller(request).kioskId);
      return answer(parts, request, saleId, reply);
    },
  );
}

function cancelRoute(app: FastifyInstance, parts: AppParts, caller: Authenticated): void {
  const { hops, background } = parts;
  const typed = app.withTypeProvider<ZodTypeProvider>();
  typed.post(
    '/v1/sales/:saleId/cancel',
    { schema: { params, body: cancelBody, response: { 200: sale, 202: sale } } },
    async (request, reply) => {
      const { saleId } = request.params;
      const { kioskId } = caller(request);
      refuseOthers(saleId, kioskId);
      await refuseWhileRecovering(parts, kioskId);
      const { amountIdr, reason } = request.body;
      const decision = await hops.store.cancel({
        type: 'cancel',
        saleId,
        kioskId,
        amountIdr,
        reason,
      });
      refuseRefused(decision);
      announce(hops, decision);
      const run = background.run(`cancel ${saleId}`, () => pursue(hops, decision));
      await within(hops.clock, cancelWaitMs, run);
      const row = await hops.store.sale(saleId);
      const open = row === undefined || isOpen(row.verdict);
      return answer(parts, request, saleId, reply.status(open ? 202 : 200));
    },
  );
}

function fulfilmentRoute(app: FastifyInstance, parts: AppParts, caller: Authenticated): void {
  const { hops, background } = parts;
  const checkSigned = createCheckSigned(hops);
  const typed = app.withTypeProvider<ZodTypeProvider>();
  typed.post(
    '/v1/sales/:saleId/fulfilment',
    { schema: { params, body: fulfilmentBody, response: { 200: sale } } },
    async (request, reply) => {
      const { saleId } = request.params;
      const kiosk = caller(request);
      refuseOthers(saleId, kiosk.kioskId);
      const { result, detail, signed } = request.body;
      const unsigned = await checkSigned(kiosk, { saleId, result }, signed);
      if ((await hops.store.sale(saleId)) === undefined) {
        throw new KiosError('sale-unknown', 'no such sale');
      }
      const decision = await move(hops, saleId, {
        type: 'fulfilment',
        result,
        detail: detail ?? null,
        ...unsigned,
      });
      refuseRefused(decision);
      void background.run(`cancel ${saleId}`, () => pursue(hops, decision));
      return answer(parts, request, saleId, reply);
    },
  );
}

function pictureRoute(app: FastifyInstance, parts: AppParts, caller: Authenticated): void {
  const { hops } = parts;
  const typed = app.withTypeProvider<ZodTypeProvider>();
  typed.get('/v1/sales/:saleId/qr.png', { schema: { params } }, async (request, reply) => {
    const { saleId } = request.params;
    refuseOthers(saleId, caller(request).kioskId);
    const row = await hops.store.sale(saleId);
    const payable = row?.verdict === 'pending' && row.stop === null;
    if (row?.imageUrl == null || !payable) throw new KiosError('not-found', 'no picture now');
    const image = await hops.gateway.image(row.imageUrl);
    if (image.kind !== 'image') throw new KiosError('not-found', image.detail);
    return reply.type('image/png').send(Buffer.from(image.png));
  });
}

async function answer(
  parts: AppParts,
  request: FastifyRequest,
  saleId: string,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const row = await parts.hops.store.sale(saleId);
  if (row === undefined) throw new KiosError('sale-unknown', 'no such sale');
  return reply.send(await saleDocument(parts.signer, row, { by: 'http', nonce: nonceOf(request) }));
}

function refuseOthers(saleId: string, kioskId: string): void {
  if (kioskOfSale(saleId) !== kioskId) throw new KiosError('not-yours', 'another kiosk minted it');
}

/** PROTOCOL.md §8: until Midtrans has said what became of each sale that this kiosk has recovered. */
async function refuseWhileRecovering({ store }: AppParts, kioskId: string): Promise<void> {
  if (!(await store.isRecovering(kioskId))) return;
  throw new KiosError('recovering', 'Midtrans is being asked about the sales that were lost');
}

function refuseRefused(decision: Decision): void {
  if (decision.refusal === undefined) return;
  throw new KiosError(decision.refusal, 'the relay has it otherwise');
}

/** Nothing is taken that Midtrans could not charge now. A sale that has a row is answered from it. */
async function refuseWhileDown(hops: Hops, saleId: string, reply: FastifyReply): Promise<void> {
  const waitMs = hops.upstream.chargeInMs();
  if (waitMs === 0 || (await hops.store.sale(saleId)) !== undefined) return;
  reply.header('retry-after', Math.ceil(waitMs / 1000));
  throw new KiosError('gateway-down', 'Midtrans takes no charge now; nothing was sent to it');
}

function checkLimits(parts: AppParts, body: PutSaleBody): void {
  const { minIdr, maxIdr } = parts.config.limits;
  if (body.amountIdr >= minIdr && body.amountIdr <= maxIdr) return;
  throw new KiosError('bad-request', `amountIdr must be ${minIdr} to ${maxIdr}`);
}

/** One spelling for one basket: the fields in a fixed order, the items in the customer's. */
function canonicalItems(items: PutSaleBody['items']): string | null {
  if (items === undefined || items.length === 0) return null;
  return JSON.stringify(
    items.map(({ id, name, priceIdr, quantity }) => ({ id, name, priceIdr, quantity })),
  );
}
