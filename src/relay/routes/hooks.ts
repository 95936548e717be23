// What a broker outside asks before it lets somebody in or a message through (`broker.kind: hooks`). The answer is always
// 200: EMQX takes any other status for "ask somebody else", and its default then is to allow.
//
// EMQX 5 (docs.emqx.com, access-control/authn/http and authz/http): JSON in the shape of the operator's template, which
// config/relay.example.yaml gives; answer `{ "result": "allow" | "deny" }`; the secret comes in a header.
// RabbitMQ (rabbitmq_auth_backend_http, README.md): forms with fixed names; answer `allow` or `deny` as text. It can send
// no header, so the secret stands in the address.
import { createHash, timingSafeEqual } from 'node:crypto';
import { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { z } from 'zod';
import { KiosError } from '../../protocol/errors.ts';
import { plainText } from '../../protocol/plain-text.ts';
import { type AppParts } from '../app.ts';
import { kioskMay, relayMay, type TopicAction } from '../broker/acl.ts';
import { readSecret } from '../broker/files.ts';
import { failureLimit } from '../failure-limit.ts';
import { createQuietLog } from '../quiet-log.ts';

/** A token is about 300 characters, a topic 25. */
const maxBytes = 8 * 1024;
/** Of one address: a broker that is set up wrongly asks so often, and whoever guesses. */
const wrongSecretsPerMinute = 600;
/** The header in which EMQX shows the secret. */
export const hookSecretHeader = 'kios-hook-secret';

const text = plainText(4096);
const emqxAuthn = z.object({ clientid: text, username: text, password: text });
const emqxAuthz = z.object({
  clientid: text,
  username: text,
  action: z.enum(['publish', 'subscribe']),
  topic: text,
});
const rabbitUser = z.object({ username: text, password: text, client_id: text });
const rabbitVhost = z.object({ username: text });
const rabbitResource = z.object({ username: text, resource: text, name: text });
const rabbitTopic = z.object({
  username: text,
  name: text,
  permission: z.enum(['write', 'read']),
  routing_key: text,
  'variable_map.client_id': text.optional(),
});

/** `app` must be a scope of its own: it takes forms, and turns every fault into a refusal. Only for `kind: hooks`. */
export function hookRoutes(app: FastifyInstance, parts: AppParts): void {
  const { broker } = parts.config;
  if (broker?.kind !== 'hooks' || broker.hookSecretFile === undefined) return;
  const { clock, log, metrics } = parts.hops;
  const warn = createQuietLog(clock, log);
  const secret = readSecret(broker.hookSecretFile, 'broker.hookSecretFile');
  const limit = failureLimit(app, wrongSecretsPerMinute);
  const judge = createJudge(parts, {
    username: broker.username,
    password: readSecret(broker.passwordFile, 'broker.passwordFile'),
  });
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: maxBytes },
    (_request, body, done) => {
      done(null, Object.fromEntries(new URLSearchParams(body.toString())));
    },
  );
  app.setErrorHandler((error, request, reply) => {
    metrics.faults.inc({ place: 'hook' });
    warn('hook.failed', request.routeOptions.url ?? '', { error: String(error) });
    return answer(request, reply, false);
  });

  function hook<T>(
    path: string,
    shape: z.ZodType<T>,
    allows: (asked: T) => Promise<boolean>,
  ): void {
    app.post(path, { bodyLimit: maxBytes }, async (request, reply) => {
      if (!isSame(shownSecret(request), secret)) {
        metrics.faults.inc({ place: 'hook-secret' });
        warn('hook.wrong-secret', request.ip, { route: path });
        // No status but 200 even then. Whoever goes on must connect anew for each guess.
        await limit(request, reply).catch(() => {
          metrics.faults.inc({ place: 'hook-guesses' });
          warn('hook.guesses', request.ip);
          reply.header('connection', 'close');
        });
        return answer(request, reply, false);
      }
      const asked = shape.safeParse(request.body);
      if (!asked.success) warn('hook.malformed', path);
      return answer(request, reply, asked.success && (await allows(asked.data)));
    });
  }

  emqxHooks(hook, judge);
  rabbitHooks(hook, judge, broker.username);
}

/** Answers one path, once the secret and the shape of what is asked are right. */
type Hook = <T>(path: string, shape: z.ZodType<T>, allows: (asked: T) => Promise<boolean>) => void;

function emqxHooks(hook: Hook, judge: Judge): void {
  hook('/v1/hooks/emqx/authn', emqxAuthn, ({ clientid, username, password }) =>
    judge.mayConnect(clientid, username, password),
  );
  hook('/v1/hooks/emqx/authz', emqxAuthz, ({ clientid, username, action, topic }) =>
    judge.mayReach(clientid, username, action, topic),
  );
}

function rabbitHooks(hook: Hook, judge: Judge, relay: string): void {
  hook('/v1/hooks/rabbitmq/user', rabbitUser, ({ client_id, username, password }) =>
    judge.mayConnect(client_id, username, password),
  );
  hook('/v1/hooks/rabbitmq/vhost', rabbitVhost, ({ username }) => judge.isKnown(username));
  hook('/v1/hooks/rabbitmq/resource', rabbitResource, async ({ username, resource, name }) =>
    judge.isKnown(username, () => isOwnResource(username, relay, resource, name)),
  );
  hook('/v1/hooks/rabbitmq/topic', rabbitTopic, (asked) => {
    const { username, name, permission, routing_key } = asked;
    if (name !== mqttExchange) return Promise.resolve(false);
    // Routing keys have dots where topics have slashes, and `*` for `+`.
    const topic = routing_key.replaceAll('.', '/');
    const clientId = asked['variable_map.client_id'] ?? username;
    return judge.mayReach(
      clientId,
      username,
      permission === 'write' ? 'publish' : 'subscribe',
      topic,
    );
  });
}

/** The exchange and the queues through which RabbitMQ takes MQTT. */
const mqttExchange = 'amq.topic';
const mqttQueue = /^mqtt-subscription-(.+)qos[01]$/;

function isOwnResource(username: string, relay: string, resource: string, name: string): boolean {
  if (resource === 'exchange') return name === mqttExchange;
  const owner = resource === 'queue' ? mqttQueue.exec(name)?.[1] : undefined;
  // The relay takes a kiosk's client id to end its connection.
  return owner !== undefined && (owner === username || username === relay);
}

interface Judge {
  mayConnect(clientId: string, username: string, password: string): Promise<boolean>;
  mayReach(
    clientId: string,
    username: string,
    action: TopicAction,
    topic: string,
  ): Promise<boolean>;
  /** The relay, or a kiosk that is not revoked, for which `fits` holds. */
  isKnown(username: string, fits?: () => boolean): Promise<boolean>;
}

function createJudge(parts: AppParts, relay: { username: string; password: string }): Judge {
  const { auth, store } = parts;

  async function isKnown(username: string, fits: () => boolean = () => true): Promise<boolean> {
    if (!fits()) return false;
    if (username === relay.username) return true;
    const kiosk = await store.kiosk(username);
    return kiosk?.revokedAtMs === null;
  }

  return {
    isKnown,
    async mayConnect(clientId, username, password) {
      if (username === relay.username) return isSame(password, relay.password);
      // The client id is the session: another kiosk's id would take its messages over.
      if (clientId !== username) return false;
      try {
        return (await auth.kioskOf(password, 'kios-broker')).kioskId === username;
      } catch (error) {
        if (error instanceof KiosError) return false;
        throw error;
      }
    },
    async mayReach(clientId, username, action, topic) {
      if (username === relay.username) return relayMay(topic);
      return clientId === username && isKnown(username, () => kioskMay(username, action, topic));
    },
  };
}

function shownSecret(request: FastifyRequest): string {
  const shown = z.object({ secret: text }).safeParse(request.query);
  if (shown.success) return shown.data.secret;
  const header = request.headers[hookSecretHeader];
  return typeof header === 'string' ? header : '';
}

/** In the same time, whatever the difference. */
function isSame(shown: string, expected: string): boolean {
  const hash = (value: string): Buffer => createHash('sha256').update(value).digest();
  return timingSafeEqual(hash(shown), hash(expected));
}

function answer(request: FastifyRequest, reply: FastifyReply, allowed: boolean): FastifyReply {
  const word = allowed ? 'allow' : 'deny';
  const isEmqx = request.routeOptions.url?.includes('/emqx/') === true;
  reply.status(200);
  return isEmqx ? reply.send({ result: word }) : reply.type('text/plain').send(word);
}
