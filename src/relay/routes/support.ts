// Takes the support bundle of a kiosk, when the operator wants any: bounded in size, in number and in pace. A kiosk hands in
// its own alone.
import assert from 'node:assert';
import { type FastifyInstance, type onRequestAsyncHookHandler } from 'fastify';
import { type ZodTypeProvider } from 'fastify-type-provider-zod';
import { KiosError } from '../../protocol/errors.ts';
import {
  maxSupportBody,
  supportAnswer,
  supportBody,
  supportParams,
} from '../../protocol/support.ts';
import { type AppParts, type Authenticated } from '../app.ts';
import { failureLimit } from '../failure-limit.ts';
import { keepBundle } from '../support-folder.ts';

/** Of one kiosk: somebody asks for one, and for one more. */
const bundlesPerMinute = 2;
/** RFC 1952 §2.3.1: what is gzip begins so. */
const gzipMark = [0x1f, 0x8b] as const;

export function supportRoutes(app: FastifyInstance, parts: AppParts, caller: Authenticated): void {
  const { hops, store } = parts;
  const folder = parts.config.supportDir;
  const posts = failureLimit(app, bundlesPerMinute, (request) => caller(request).kioskId);
  /** Before the body is read: megabytes of somebody who may hand in nothing must cost the relay nothing. */
  const mayHandIn: onRequestAsyncHookHandler = async (request, reply) => {
    const { kioskId } = caller(request);
    if (supportParams.safeParse(request.params).data?.kioskId !== kioskId) {
      throw new KiosError('not-yours', 'a kiosk hands in its own bundle');
    }
    if (folder === undefined) {
      throw new KiosError('not-found', 'this relay keeps no bundles: supportDir is not set');
    }
    await posts(request, reply);
  };
  app.withTypeProvider<ZodTypeProvider>().post(
    '/v1/kiosks/:kioskId/support',
    {
      bodyLimit: maxSupportBody,
      onRequest: mayHandIn,
      schema: { params: supportParams, body: supportBody, response: { 200: supportAnswer } },
    },
    async (request) => {
      const { kioskId } = caller(request);
      assert(folder !== undefined, 'without a folder nothing is read');
      const bundle = Buffer.from(request.body.bundle, 'base64');
      if (bundle[0] !== gzipMark[0] || bundle[1] !== gzipMark[1]) {
        throw new KiosError('bad-request', 'the bundle is no gzip');
      }
      const name = await keepBundle(folder, kioskId, bundle, store.nowMs());
      hops.log.info({ kioskId, bytes: bundle.length, name }, 'support.kept');
      return { name };
    },
  );
}
