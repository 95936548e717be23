// Says to a kiosk which release it should run, by its channel and its place among a hundred. The bundle lies elsewhere.
import { type FastifyInstance } from 'fastify';
import { type ZodTypeProvider } from 'fastify-type-provider-zod';
import { isAmong, releaseAnswer, releaseQuery } from '../../protocol/release.ts';
import { type AppParts, type Authenticated } from '../app.ts';

export function releaseRoutes(app: FastifyInstance, parts: AppParts, caller: Authenticated): void {
  app
    .withTypeProvider<ZodTypeProvider>()
    .get(
      '/v1/release',
      { schema: { querystring: releaseQuery, response: { 200: releaseAnswer } } },
      async (request) => {
        const { kioskId } = caller(request);
        const row = await parts.store.releaseOf(kioskId);
        if (row === undefined || !isAmong(kioskId, row.percent)) return {};
        const sha256 = request.query.arch === 'arm64' ? row.arm64 : row.x64;
        // There is no bundle for such a machine.
        if (sha256 === null) return {};
        return { release: { version: row.version, url: row.url, sha256 } };
      },
    );
}
