// The relay's HTTP server: limits, errors and authentication here, one file a group of routes in routes/.
import { randomUUID } from 'node:crypto';
import { type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import rateLimit from '@fastify/rate-limit';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import {
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod';
import { KiosError } from '../protocol/errors.ts';
import { type Auth } from './auth.ts';
import { skewNonce } from '../protocol/token.ts';
import { type Background } from './background.ts';
import { type Broker } from './broker/broker.ts';
import { type Accounts } from './fleet/accounts.ts';
import { failureLimit } from './failure-limit.ts';
import { type Hops } from './hops.ts';
import { type KeyChain } from './key-chain.ts';
import { refuseMalformed } from './malformed.ts';
import { nonceOf } from './nonce.ts';
import { type Letters } from './letters.ts';
import { type Inquiries } from './notices.ts';
import { answerError, problemOf, sendProblem } from './problems.ts';
import { signTime, type Signer } from './proofs.ts';
import { type KioskRow } from './store/schema.ts';
import { type Store } from './store/store.ts';
import { serverFactory } from './server.ts';
import { claimRoutes } from './routes/claims.ts';
import { commandRoutes } from './routes/commands.ts';
import { configRoutes } from './routes/configs.ts';
import { enrolRoutes } from './routes/enrol.ts';
import { hookRoutes } from './routes/hooks.ts';
import { notificationRoutes } from './routes/notifications.ts';
import { openRoutes } from './routes/open.ts';
import { releaseRoutes } from './routes/releases.ts';
import { saleRoutes } from './routes/sales.ts';
import { supportRoutes } from './routes/support.ts';
import { catchUpRoutes } from './routes/catch-up.ts';
import { type RelayConfig } from './config.ts';

export interface AppParts {
  config: RelayConfig;
  hops: Hops;
  keys: KeyChain;
  signer: Signer;
  auth: Auth;
  broker: Broker;
  accounts: Accounts;
  letters: Letters;
  store: Store;
  background: Background;
  inquiries: Inquiries;
  serverKey: string;
  /** Where kiosks are told to find the broker. */
  brokerUrl: () => string;
  /** False while the relay is going down: nothing new is taken. */
  accepting: () => boolean;
  /** Bytes for secrets. */
  randomBytes: (size: number) => Uint8Array;
  wake: (kioskId: string) => void;
}

export type App = FastifyInstance<
  Server,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** The largest body of ours, a recovery of 500 sales, stays below this. */
const maxBodyBytes = 2 * 1024 * 1024;

/** Calls of one kiosk, of which a sale needs about ten: a stolen key must not drown the others. */
const callsPerMinute = 3_000;
/** Calls from one address with a token that is none. */
const strangersPerMinute = 600;

/** A body that comes so long after its headers is none of a kiosk's: it may have been kept until its kiosk was revoked. */
export const heldBackMs = 250;

/** What a route behind the kiosk's token gets. */
export type Authenticated = (request: FastifyRequest) => KioskRow;

export async function createApp(parts: AppParts): Promise<App> {
  const { ledgerId } = parts.signer;
  const answer = answerError(parts.hops.log, ledgerId);
  const app = Fastify({
    bodyLimit: maxBodyBytes,
    serverFactory: serverFactory(parts.config.http.tls),
    trustProxy: trusted(parts.config.http.trustProxy),
    forceCloseConnections: 'idle',
    // Going down is told in our own words (`going-down`), by the route that would begin something.
    return503OnClosing: false,
    genReqId: () => randomUUID(),
    frameworkErrors: (error, request, reply) => void answer(error, request, reply),
    clientErrorHandler: refuseMalformed(ledgerId),
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(answer);
  app.setNotFoundHandler((request, reply) =>
    sendProblem(reply, problemOf('not-found', ledgerId, { detail: request.method })),
  );
  app.addHook('onRequest', (_request, reply, done) => {
    if (!parts.accepting()) reply.header('connection', 'close');
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    // The route's pattern, never the address: ids must not become labels.
    const labels = { route: request.routeOptions.url ?? 'none', status: reply.statusCode };
    parts.hops.metrics.http.observe(labels, reply.elapsedTime / 1000);
    done();
  });
  await app.register(rateLimit, { global: false });
  const callers = new WeakMap<FastifyRequest, KioskRow>();
  const callerOf: Authenticated = (request) => {
    const kiosk = callers.get(request);
    if (kiosk === undefined) throw new KiosError('unauthorised', 'this route needs a token');
    return kiosk;
  };
  openRoutes(app, parts);
  enrolRoutes(app, parts);
  // Scopes of their own: raw bodies in the first, a broker's questions in the second, the kiosk's token before
  // everything in the third.
  await app.register((raw, _options, done) => {
    notificationRoutes(raw, parts);
    done();
  });
  await app.register((asked, _options, done) => {
    hookRoutes(asked, parts);
    done();
  });
  await app.register((kiosks, _options, done) => {
    const strangers = failureLimit(kiosks, strangersPerMinute);
    const names = new WeakMap<FastifyRequest, string>();
    const busy = failureLimit(kiosks, callsPerMinute, (request) => names.get(request) ?? '');
    kiosks.addHook('onRequest', async (request, reply) => {
      const known = async (kioskId: string): Promise<void> => {
        names.set(request, kioskId);
        await busy(request, reply);
      };
      const kiosk = await authenticate(parts, request, reply, known).catch(
        async (error: unknown) => {
          // Whoever has proved who it is, is none of those who have not.
          if (error instanceof KiosError && !names.has(request)) await strangers(request, reply);
          throw error;
        },
      );
      if (kiosk === undefined) return;
      // Before anything is done: a question whose answer could not be bound to it is none.
      nonceOf(request);
      callers.set(request, kiosk);
    });
    kiosks.addHook('preHandler', async (request, reply) => {
      if (reply.elapsedTime < heldBackMs) return;
      const kiosk = await authenticate(parts, request, reply, () => Promise.resolve());
      if (kiosk !== undefined) callers.set(request, kiosk);
    });
    saleRoutes(kiosks, parts, callerOf);
    catchUpRoutes(kiosks, parts, callerOf);
    claimRoutes(kiosks, parts, callerOf);
    commandRoutes(kiosks, parts, callerOf);
    configRoutes(kiosks, parts, callerOf);
    releaseRoutes(kiosks, parts, callerOf);
    supportRoutes(kiosks, parts, callerOf);
    done();
  });
  return app;
}

/** Fastify's own count of hops trusts nobody, because it cannot see who connects: here the operator has said so. */
function trusted(proxies: false | number): false | ((address: string, hop: number) => boolean) {
  return proxies !== false && ((_address, hop) => hop < proxies);
}

/**
 * Who asks. Undefined: the answer was sent.
 * @throws KiosError as `Auth.kioskOf`
 */
export async function authenticate(
  parts: Pick<AppParts, 'auth' | 'signer'>,
  request: FastifyRequest,
  reply: FastifyReply,
  known: (kioskId: string) => Promise<void>,
): Promise<KioskRow | undefined> {
  const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1];
  if (token === undefined) throw new KiosError('unauthorised', 'no bearer token');
  try {
    return await parts.auth.kioskOf(token, 'kios-relay', known);
  } catch (error) {
    if (!(error instanceof KiosError) || error.code !== 'clock-skew') throw error;
    const time = await signTime(parts.signer, skewNonce(token));
    const detail = error.message;
    sendProblem(reply, problemOf('clock-skew', parts.signer.ledgerId, { detail, time }));
    return undefined;
  }
}
