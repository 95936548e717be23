// The twin's own paths beside the phone's: faults, scripts, notifications, switches, time. Midtrans has none of them.
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Delivery } from './delivery.ts';
import { faultList, scriptList } from './fault-schema.ts';
import type { Faults } from './faults.ts';
import { readJson, sendProblem } from './problem.ts';
import type { Scripts } from './scripts.ts';
import type { SentNotices } from './sent-notices.ts';
import { signatureOf } from './signature.ts';
import { change, switchChange, type Switches } from './switches.ts';
import type { VirtualClock } from './virtual-clock.ts';

export interface ControlParts {
  faults: Faults;
  scripts: Scripts;
  delivery: Delivery;
  sent: SentNotices;
  switches: Switches;
  serverKey: string;
  /** Absent when the clock is the real one. */
  virtualClock: VirtualClock | undefined;
}

export function controlRoutes(app: FastifyInstance, parts: ControlParts): void {
  faultRoutes(app, parts);
  noticeRoutes(app, parts);
  replayRoute(app, parts);
  clockRoutes(app, parts);
  const { switches } = parts;
  app.get('/_twin/switches', () => switches);
  app.post('/_twin/switches', (request, reply) => {
    const body = readJson(request, reply, switchChange);
    if (!body.ok) return body.reply;
    change(switches, body.value);
    return reply.send(switches);
  });
}

function faultRoutes(app: FastifyInstance, { faults, scripts }: ControlParts): void {
  const waiting = (): object => ({ faults: faults.list() });
  app.get('/_twin/faults', waiting);
  app.post('/_twin/faults', (request, reply) => {
    const body = readJson(request, reply, faultList);
    if (!body.ok) return body.reply;
    if (faults.add(body.value)) return reply.send(waiting());
    return sendProblem(reply, 409, 'bad-request', 'too many faults wait already');
  });
  app.delete('/_twin/faults', () => {
    faults.clear();
    return waiting();
  });

  const playing = (): object => ({ scripts: scripts.list() });
  app.get('/_twin/scripts', playing);
  app.post('/_twin/scripts', (request, reply) => {
    const body = readJson(request, reply, scriptList);
    if (!body.ok) return body.reply;
    if (scripts.add(body.value)) return reply.send(playing());
    return sendProblem(reply, 409, 'bad-request', 'too many scripts play already');
  });
  app.delete('/_twin/scripts', () => {
    scripts.clear();
    return playing();
  });
}

const orderId = z.string().min(1).max(50);
const listed = z.strictObject({ orderId: orderId.optional() });

function noticeRoutes(app: FastifyInstance, { delivery, sent }: ControlParts): void {
  app.get<{ Querystring: { orderId?: string } }>('/_twin/notifications', (request, reply) => {
    const query = listed.safeParse(request.query);
    if (!query.success) return sendProblem(reply, 400, 'bad-request', 'orderId: one order id');
    const notifications = sent
      .list(query.data.orderId)
      .map(({ text, ...more }) => ({ ...more, body: JSON.parse(text) as unknown }));
    return reply.send({ notifications });
  });
  app.post('/_twin/notifications/release', (request, reply) => {
    const body = readJson(request, reply, listed);
    if (!body.ok) return body.reply;
    return reply.send({ released: delivery.release(body.value.orderId) });
  });
}

const webUrl = z.url({ protocol: /^https?$/, error: 'an http or https address' }).max(500);
const replayed = z.strictObject({
  orderId,
  /** The latest one of this state; otherwise the latest of all. */
  transactionStatus: z.string().min(1).max(20).optional(),
  /** Fields that are changed. */
  alter: z.record(z.string().max(50), z.json()).default({}),
  /** `keep` leaves the signature as it was, `valid` signs the altered body as Midtrans would. */
  sign: z.enum(['keep', 'valid']).default('keep'),
  /** Where to; otherwise where it went before. */
  url: webUrl.optional(),
});

/** Sends something that was sent before once more: byte for byte, or altered as a forger would. */
function replayRoute(app: FastifyInstance, { delivery, sent, serverKey }: ControlParts): void {
  app.post('/_twin/notifications/replay', (request, reply) => {
    const read = readJson(request, reply, replayed);
    if (!read.ok) return read.reply;
    const { orderId: id, transactionStatus, alter, sign, url } = read.value;
    const found = sent
      .list(id)
      .findLast((each) => transactionStatus === undefined || each.status === transactionStatus);
    if (found === undefined) {
      const status = transactionStatus === undefined ? '' : ` of ${transactionStatus}`;
      return sendProblem(reply, 404, 'not-found', `orderId: nothing${status} was sent for ${id}`);
    }
    const body = { ...(JSON.parse(found.text) as Record<string, unknown>), ...alter };
    const said = ['order_id', 'status_code', 'gross_amount'].map((name) => String(body[name]));
    const [order = '', code = '', amount = ''] = said;
    const signed =
      sign === 'keep'
        ? body
        : { ...body, signature_key: signatureOf(order, code, amount, serverKey) };
    const urls = [url ?? found.url];
    delivery.send({ orderId: id, status: found.status, urls, body: signed }, undefined);
    return reply.send({ sent: urls.length });
  });
}

const advance = z.strictObject({
  /** At most 180 days, the longest life of a charge. */
  ms: z.int().min(0).max(15_552_000_000),
});

/** How long one step of the virtual clock waits for the merchant's answers, in real time. */
const settleLimitMs = 1000;

function clockRoutes(app: FastifyInstance, { virtualClock, delivery }: ControlParts): void {
  const now = (clock: VirtualClock): object => ({ now: new Date(clock.nowMs()).toISOString() });
  if (virtualClock === undefined) {
    const real = 'the clock is the real one; start the twin with virtualClock';
    app.post('/_twin/clock/advance', (_request, reply) =>
      sendProblem(reply, 409, 'bad-request', real),
    );
    return;
  }
  app.get('/_twin/clock', () => now(virtualClock));
  app.post('/_twin/clock/advance', async (request, reply) => {
    const body = readJson(request, reply, advance);
    if (!body.ok) return body.reply;
    await virtualClock.advance(body.value.ms, () => settled(delivery));
    return reply.send(now(virtualClock));
  });
}

/** What is due at once has happened, and the merchant has answered; one that does not answer is not waited for long. */
async function settled(delivery: Delivery): Promise<void> {
  const limit = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => {
    limit.resolve(undefined);
  }, settleLimitMs);
  // An answer may start what is due at once, and that a notification.
  const turns = 3;
  for (let turn = 0; turn < turns; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    await Promise.race([delivery.idle(), limit.promise]);
  }
  clearTimeout(timer);
}
