// Gives a kiosk the newest configuration that its operator has pushed, signed for it alone. The relay knows no setting.
import { type FastifyInstance } from 'fastify';
import { type ZodTypeProvider } from 'fastify-type-provider-zod';
import { signProof } from '../../protocol/proof.ts';
import { configAnswer, configQuery, type ConfigClaims } from '../../protocol/remote-config.ts';
import { type AppParts, type Authenticated } from '../app.ts';

export function configRoutes(app: FastifyInstance, parts: AppParts, caller: Authenticated): void {
  const { store, signer, hops } = parts;
  app
    .withTypeProvider<ZodTypeProvider>()
    .get(
      '/v1/config',
      { schema: { querystring: configQuery, response: { 200: configAnswer } } },
      async (request) => {
        const { kioskId } = caller(request);
        const row = await store.configAbove(kioskId, request.query.have);
        if (row === undefined) return {};
        const { version } = row;
        const claims: ConfigClaims = {
          ...{ env: signer.environment, kioskId, version },
          settings: JSON.parse(row.settings) as ConfigClaims['settings'],
          iat: Math.floor(row.pushedAtMs / 1000),
        };
        const token = await signProof('kios-config', claims, signer.key);
        hops.log.info({ kioskId, version }, 'config.told');
        return { config: { token } };
      },
    );
}
