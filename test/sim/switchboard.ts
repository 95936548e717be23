// The relay's HTTP door without HTTP: its own routes, shapes, authentication and error answers, called directly. A fifth of
// what the framework costs; nothing of what it decides is decided here.
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { KiosError } from '../../src/protocol/errors.ts';
import { authenticate, type AppParts } from '../../src/relay/app.ts';
import { nonceOf } from '../../src/relay/nonce.ts';
import { answerError } from '../../src/relay/problems.ts';
import { catchUpRoutes } from '../../src/relay/routes/catch-up.ts';
import { claimRoutes } from '../../src/relay/routes/claims.ts';
import { notificationRoutes } from '../../src/relay/routes/notifications.ts';
import { openRoutes } from '../../src/relay/routes/open.ts';
import { saleRoutes } from '../../src/relay/routes/sales.ts';
import type { KioskRow } from '../../src/relay/store/schema.ts';

export interface WireRequest {
  method: string;
  /** With the query. */
  path: string;
  headers: Readonly<Record<string, string>>;
  body?: string;
}

export interface WireAnswer {
  status: number;
  text: string;
}

interface Schema {
  params?: z.ZodType;
  querystring?: z.ZodType;
  body?: z.ZodType;
}
type RouteCall = (request: unknown, reply: unknown) => unknown;

interface Route {
  method: string;
  pattern: RegExp;
  schema: Schema;
  call: RouteCall;
  /** Behind the kiosk's token. */
  kiosks: boolean;
  /** Takes its body as bytes. */
  raw: boolean;
}

/** What a route does with its reply. */
class Reply {
  statusCode = 200;
  payload: unknown;
  readonly #headers = new Map<string, unknown>();

  status(code: number): this {
    this.statusCode = code;
    return this;
  }

  header(name: string, value: unknown): this {
    this.#headers.set(name, value);
    return this;
  }

  hasHeader(name: string): boolean {
    return this.#headers.has(name);
  }

  type(): this {
    return this;
  }

  send(payload: unknown): this {
    this.payload = payload;
    return this;
  }
}

/** Called when a route failed with something that no kiosk may cause. */
type OnInternal = (route: string, answer: string) => void;

/** The door of one life of a relay. */
export function createSwitchboard(
  parts: AppParts,
  onInternal: OnInternal,
): (request: WireRequest) => Promise<WireAnswer> {
  const routes: Route[] = [];
  const callers = new WeakMap<object, KioskRow>();
  const callerOf = (request: object): KioskRow => {
    const kiosk = callers.get(request);
    if (kiosk === undefined) throw new KiosError('unauthorised', 'this route needs a token');
    return kiosk;
  };
  openRoutes(scope(routes, { kiosks: false, raw: false }), parts);
  notificationRoutes(scope(routes, { kiosks: false, raw: true }), parts);
  const behind = scope(routes, { kiosks: true, raw: false });
  saleRoutes(behind, parts, callerOf);
  catchUpRoutes(behind, parts, callerOf);
  claimRoutes(behind, parts, callerOf);
  const answer = answerError(parts.hops.log, parts.signer.ledgerId);

  return async (wire) => {
    const [path = '', query = ''] = wire.path.split('?');
    const reply = new Reply();
    const found = routes.find((each) => each.method === wire.method && each.pattern.test(path));
    const url = found?.pattern.source ?? 'none';
    const request = {
      headers: wire.headers,
      id: 'run',
      ip: '',
      routeOptions: { url },
    };
    // What the product reads of the two, and no more, is what they have.
    const asked = request as unknown as FastifyRequest;
    const replied = reply as unknown as FastifyReply;
    try {
      if (found === undefined) throw new KiosError('not-found', wire.method);
      if (found.kiosks) {
        const kiosk = await authenticate(parts, asked, replied, () => Promise.resolve());
        if (kiosk === undefined) return answerOf(reply);
        nonceOf(asked);
        callers.set(request, kiosk);
      }
      Object.assign(request, shaped(found, path, query, wire.body));
      const result = await found.call(request, reply);
      if (result !== reply) reply.send(result);
    } catch (error) {
      answer(error as FastifyError, asked, replied);
      if (reply.statusCode === 500) onInternal(url, String(error));
    }
    return answerOf(reply);
  };
}

function answerOf({ statusCode: status, payload }: Reply): WireAnswer {
  return {
    status,
    text: typeof payload === 'string' ? payload : JSON.stringify(payload),
  };
}

/** @throws KiosError `bad-request` */
function shaped(
  { schema, pattern, raw }: Route,
  path: string,
  query: string,
  body: string | undefined,
): Record<string, unknown> {
  const params = { ...pattern.exec(path)?.groups };
  const json: unknown = body === undefined || raw ? undefined : JSON.parse(body);
  return {
    params: checked(schema.params, params),
    query: checked(schema.querystring, Object.fromEntries(new URLSearchParams(query))),
    body: raw ? Buffer.from(body ?? '') : checked(schema.body, json),
  };
}

function checked(schema: z.ZodType | undefined, value: unknown): unknown {
  if (schema === undefined) return value;
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new KiosError('bad-request', parsed.error.message);
  return parsed.data;
}

/** What the routes' files are handed for an app. Limits by caller never count: no run is that busy. */
function scope(routes: Route[], kind: Pick<Route, 'kiosks' | 'raw'>): FastifyInstance {
  const route =
    (method: string) =>
    (path: string, options: { schema?: Schema } | RouteCall, call?: RouteCall): void => {
      const pattern = new RegExp(`^${path.replace(/:(\w+)/g, '(?<$1>[^/]+)')}$`);
      const schema = typeof options === 'function' ? {} : (options.schema ?? {});
      const taken = typeof options === 'function' ? options : call;
      if (taken !== undefined) routes.push({ method, pattern, schema, call: taken, ...kind });
    };
  const app: unknown = {
    ...{ get: route('GET'), put: route('PUT'), post: route('POST') },
    withTypeProvider: () => app,
    createRateLimit: () => () => Promise.resolve({ isAllowed: true, isExceeded: false }),
    removeAllContentTypeParsers: () => undefined,
    addContentTypeParser: () => undefined,
  };
  return app as FastifyInstance;
}
