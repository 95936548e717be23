// The claims' routes. Claims are opened as rows; paying them out is not built yet and says so.
import { type FastifyInstance } from 'fastify';
import { type ZodTypeProvider } from 'fastify-type-provider-zod';
import { redeemBody, redeemResultBody, saleParams } from '../../protocol/api.ts';
import { KiosError } from '../../protocol/errors.ts';
import { type AppParts, type Authenticated } from '../app.ts';

export function claimRoutes(app: FastifyInstance, _parts: AppParts, _caller: Authenticated): void {
  const typed = app.withTypeProvider<ZodTypeProvider>();
  const params = saleParams;

  typed.post('/v1/claims/:saleId/redeem', { schema: { params, body: redeemBody } }, () => {
    throw new KiosError('claim-locked', 'redeeming is not built yet: the operator settles claims');
  });
  typed.post('/v1/claims/:saleId/result', { schema: { params, body: redeemResultBody } }, () => {
    throw new KiosError('claim-locked', 'redeeming is not built yet: the operator settles claims');
  });
}
