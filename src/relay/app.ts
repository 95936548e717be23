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
import { type Hops } from './hops.ts';
import { nonceOf } from './nonce.ts';
import { type Inquiries } from './notices.ts';
import { answerError, problemOf, sendProblem } from './problems.ts';
import { signTime, type Signer } from './proofs.ts';
import { type KioskRow } from './store/schema.ts';
import { type Store } from './store/store.ts';
import { claimRoutes } from './routes/claims.ts';
import { enrolRoutes } from './routes/enrol.ts';
import { notificationRoutes } from './routes/notifications.ts';
import { openRoutes } from './routes/open.ts';
import { saleRoutes } from './routes/sales.ts';
import { catchUpRoutes } from './routes/catch-up.ts';
import { type RelayConfig } from './config.ts';

export interface AppParts {
  config: RelayConfig;
  hops: Hops;
  signer: Signer;
  auth: Auth;
  broker: Broker;
  accounts: Accounts;
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
/** A slow client must not hold a connection: header and body have this long. */
const requestTimeoutMs = 10_000;

/** What a route behind the kiosk's token gets. */
export type Authenticated = (request: FastifyRequest) => KioskRow;

export async function createApp(parts: AppParts): Promise<App> {
  const app = Fastify({
    bodyLimit: maxBodyBytes,
    requestTimeout: requestTimeoutMs,
    trustProxy: trusted(parts.config.http.trustProxy),
    forceCloseConnections: 'idle',
    genReqId: () => randomUUID(),
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  const { ledgerId } = parts.signer;
  app.setErrorHandler(answerError(parts.hops.log, ledgerId));
  app.setNotFoundHandler((request, reply) =>
    sendProblem(reply, problemOf('not-found', ledgerId, { detail: request.method })),
  );
  await app.register(rateLimit, { global: false });
  const callers = new WeakMap<FastifyRequest, KioskRow>();
  const callerOf: Authenticated = (request) => {
    const kiosk = callers.get(request);
    if (kiosk === undefined) throw new KiosError('unauthorised', 'this route needs a token');
    return kiosk;
  };
  openRoutes(app, parts);
  enrolRoutes(app, parts);
  // Two scopes of their own: raw bodies in the one, the kiosk's token before everything in the other.
  await app.register((raw, _options, done) => {
    notificationRoutes(raw, parts);
    done();
  });
  await app.register((kiosks, _options, done) => {
    kiosks.addHook('onRequest', async (request, reply) => {
      const kiosk = await authenticate(parts, request, reply);
      if (kiosk === undefined) return;
      // Before anything is done: a question whose answer could not be bound to it is none.
      nonceOf(request);
      callers.set(request, kiosk);
    });
    saleRoutes(kiosks, parts, callerOf);
    catchUpRoutes(kiosks, parts, callerOf);
    claimRoutes(kiosks, parts, callerOf);
    done();
  });
  return app;
}

/** Fastify's own count of hops trusts nobody, because it cannot see who connects: here the operator has said so. */
function trusted(proxies: false | number): false | ((address: string, hop: number) => boolean) {
  return proxies !== false && ((_address, hop) => hop < proxies);
}

/** Undefined: the answer was sent. */
async function authenticate(
  parts: AppParts,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<KioskRow | undefined> {
  const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1];
  if (token === undefined) throw new KiosError('unauthorised', 'no bearer token');
  try {
    return await parts.auth.kioskOf(token, 'kios-relay');
  } catch (error) {
    if (!(error instanceof KiosError) || error.code !== 'clock-skew') throw error;
    const time = await signTime(parts.signer, skewNonce(token));
    const detail = error.message;
    sendProblem(reply, problemOf('clock-skew', parts.signer.ledgerId, { detail, time }));
    return undefined;
  }
}
