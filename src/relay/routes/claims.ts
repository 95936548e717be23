// The claims' routes: a grant to hand over the goods after all, and what became of it. A kiosk reaches its own alone.
import assert from 'node:assert';
import { type FastifyInstance } from 'fastify';
import { type ZodTypeProvider } from 'fastify-type-provider-zod';
import {
  redeemAnswer,
  redeemBody,
  redeemResultAnswer,
  redeemResultBody,
  saleParams,
} from '../../protocol/api.ts';
import { KiosError } from '../../protocol/errors.ts';
import { kioskOfSale } from '../../protocol/ids.ts';
import { type AppParts, type Authenticated } from '../app.ts';
import { confirmSale } from '../confirm.ts';
import { type ClaimEvent } from '../ledger-claim-rules.ts';
import { signGrant, signHeard } from '../proofs.ts';
import { pursue } from '../pursue.ts';
import { moveClaim } from '../refund.ts';
import { type ClaimRow } from '../sale-row.ts';
import { createCheckSigned } from '../signed-report.ts';
import { within } from '../within.ts';

/** How long a grant waits for Midtrans, which may know of a refund by hand; after that our own word counts. */
const lookMs = 3_000;

export function claimRoutes(app: FastifyInstance, parts: AppParts, caller: Authenticated): void {
  const { hops, background, signer } = parts;
  const checkSigned = createCheckSigned(hops);
  const typed = app.withTypeProvider<ZodTypeProvider>();
  const params = saleParams;

  typed.post(
    '/v1/claims/:saleId/redeem',
    { schema: { params, body: redeemBody, response: { 200: redeemAnswer } } },
    async (request) => {
      const { saleId } = request.params;
      refuseOthers(saleId, caller(request).kioskId);
      if (!parts.accepting()) throw new KiosError('going-down', 'ask again');
      const known = await parts.store.claim(saleId);
      if (known?.state === 'open' && known.operatorOnly === 0) {
        const look = background.run(`look ${saleId}`, () => lookAgain(parts, saleId));
        await within(hops.clock, lookMs, look);
      }
      const { dispenseId } = request.body;
      const claim = await take(parts, saleId, { type: 'redeem', dispenseId });
      return { grant: await signGrant(signer, claim) };
    },
  );

  typed.post(
    '/v1/claims/:saleId/result',
    { schema: { params, body: redeemResultBody, response: { 200: redeemResultAnswer } } },
    async (request) => {
      const { saleId } = request.params;
      const kiosk = caller(request);
      refuseOthers(saleId, kiosk.kioskId);
      const { signed, ...report } = request.body;
      const unsigned = await checkSigned(kiosk, { saleId, ...report }, signed);
      const { state } = await take(parts, saleId, {
        type: 'redeem-result',
        ...report,
        ...unsigned,
      });
      const heard = { saleId, ...report, signed: signed !== undefined };
      return { state, proof: await signHeard(signer, kiosk.kioskId, heard) };
    },
  );
}

/** @throws KiosError `claim-unknown`, or `claim-locked` with the reason in its detail. */
async function take(parts: AppParts, saleId: string, event: ClaimEvent): Promise<ClaimRow> {
  const moved = await moveClaim(parts, saleId, event);
  if (moved === undefined) throw new KiosError('claim-unknown', 'no claim of this sale');
  const { claim, refusal } = moved.decision;
  if (refusal !== undefined) throw new KiosError('claim-locked', refusal);
  return claim;
}

async function lookAgain({ hops }: AppParts, saleId: string): Promise<void> {
  const sale = await hops.store.sale(saleId);
  assert(sale !== undefined, 'a claim has a sale');
  await pursue(hops, (await confirmSale(hops, sale)).decision);
}

function refuseOthers(saleId: string, kioskId: string): void {
  if (kioskOfSale(saleId) !== kioskId) throw new KiosError('not-yours', 'another kiosk minted it');
}
