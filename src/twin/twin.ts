// The twin: Midtrans' Core API for one merchant, on loopback, with a phone and faults beside it. Never for production.
import type { AddressInfo } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { Account } from './account.ts';
import { openBooks } from './books.ts';
import type { TwinConfig } from './config.ts';
import { Delivery } from './delivery.ts';
import { controlRoutes, type ControlParts } from './control-routes.ts';
import type { Act, FaultPlan } from './fault-schema.ts';
import { createFaults } from './faults.ts';
import { createIdempotencyKeys } from './idempotency.ts';
import { interference } from './interference.ts';
import { apiRoutes, imageRoutes, type MidtransParts } from './midtrans-routes.ts';
import { httpPost, type Post } from './post.ts';
import { seededRandom, type Random } from './random.ts';
import { createScripts } from './scripts.ts';
import { createSentNotices } from './sent-notices.ts';
import { readServerKey } from './server-key.ts';
import { openStateFile } from './state-file.ts';
import { createSwitches } from './switches.ts';
import { VirtualClock } from './virtual-clock.ts';
import { walletRoutes } from './wallet-routes.ts';

export interface TwinParts {
  clock: Clock;
  random: Random;
  log: Log;
  /** How notifications leave; real HTTP when absent. */
  post?: Post;
  /** Faults and scripts that wait from the beginning. */
  plan?: FaultPlan;
}

export interface Twin {
  /** The routes, for `inject()`. */
  readonly app: FastifyInstance;
  /** Binds the configured address; the port is the real one. When it cannot, the twin is closed. */
  listen(): Promise<{ port: number }>;
  /** Ends connections, timers and notifications under way. */
  close(): Promise<void>;
}

/** Puts a twin together. @throws ConfigError when the Server Key cannot be read. */
export function createTwin(config: TwinConfig, parts: TwinParts): Twin {
  const { clock, random, log } = parts;
  const serverKey = readServerKey(config.serverKeyFile);
  const file = config.stateFile === undefined ? undefined : openStateFile(config.stateFile);
  const books = openBooks(file?.transactions);
  const scripts = createScripts(clock, act);
  const faults = interference(scripts, createFaults());
  const switches = createSwitches(config);
  const sent = createSentNotices();
  // Streams of their own, so that answers and repeats that come in another order leave a seeded run's ids alone.
  const fork = (): Random => seededRandom(Math.floor(random() * 2 ** 32));
  const delivery = new Delivery({
    ...{ clock, random: fork(), log, post: parts.post ?? httpPost(clock), sent },
    ...{ ...config.notifications, seed: config.seed, kept: file?.notices },
  });
  const account = new Account({
    ...{ config, serverKey, clock, random, errorRandom: fork() },
    ...{ books, faults, delivery, switches },
  });
  const closing = new AbortController();
  const app = bareApp(account, log);
  mountRoutes(app, {
    ...{ account, books, faults, scripts, delivery, sent, switches, clock, serverKey },
    idempotency: createIdempotencyKeys(clock),
    closing: closing.signal,
    virtualClock: clock instanceof VirtualClock ? clock : undefined,
  });
  faults.add(parts.plan?.faults ?? []);
  scripts.add(parts.plan?.scripts ?? []);

  function act(what: Act, orderId: string): void {
    const found = books.findByOrder(orderId);
    if (what.act === 'release') delivery.release(orderId);
    else if (found === undefined)
      log.warn({ orderId, act: what.act }, 'twin.script-without-charge');
    else if (what.act === 'pay') account.pay(found, what.issuer, what.late, what.amountIdr);
    else account.stop(found.transactionId, what.act);
  }

  async function close(): Promise<void> {
    closing.abort();
    await app.close();
    account.close();
    scripts.clear();
    delivery.close();
    file?.close();
  }

  return {
    app,
    async listen() {
      try {
        await app.listen({ host: config.http.host, port: config.http.port });
      } catch (error) {
        // Otherwise the expiries of old charges would keep the process alive.
        await close();
        throw error;
      }
      return { port: (app.server.address() as AddressInfo).port };
    },
    close,
  };
}

function mountRoutes(app: FastifyInstance, parts: MidtransParts & ControlParts): void {
  // A scope of its own for what needs the Server Key; the others are open.
  app.register((scope, _options, done) => {
    apiRoutes(scope, parts);
    done();
  });
  imageRoutes(app, parts);
  walletRoutes(app, parts);
  controlRoutes(app, parts);
}

/** Bodies stay text: Midtrans answers broken JSON in its own way, and its clients send `null` where nothing is meant. */
function bareApp(account: Account, log: Log): FastifyInstance {
  const app = fastify({ logger: false, forceCloseConnections: true });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => {
    done(null, body);
  });
  app.setNotFoundHandler((_request, reply) =>
    reply
      .code(404)
      .send(account.error('404', { message: 'The requested resource is not found' }).body),
  );
  app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    const http = error.statusCode ?? 500;
    if (http >= 500) log.error({ err: error }, 'twin.request-failed');
    return reply.code(http).send(account.error(`${http}`).body);
  });
  return app;
}
