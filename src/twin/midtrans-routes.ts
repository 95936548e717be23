// Midtrans' own paths over HTTP: authorisation, faults, idempotency keys, then the account. Decides nothing about money.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { wait, type Clock } from '../lib/clock.ts';
import type { Account } from './account.ts';
import { rateLimited, type Answer } from './answers.ts';
import type { Books } from './books.ts';
import type { Faults, RequestFault, RequestKind } from './faults.ts';
import type { IdempotencyKeys } from './idempotency.ts';
import { barePng, framedPng } from './qr-image.ts';
import { isAuthorised } from './server-key.ts';

export interface MidtransParts {
  account: Account;
  books: Books;
  faults: Faults;
  idempotency: IdempotencyKeys;
  clock: Clock;
  serverKey: string;
  /** Aborted when the twin closes: a slow answer is then not waited for. */
  closing: AbortSignal;
}

interface WithId {
  Params: { id: string };
}

/** What a proxy in front of Midtrans shows when it is out of order. */
const htmlPage = (status: number): string =>
  `<!DOCTYPE html>\n<html><head><title>${status}</title></head><body><h1>${status}</h1><p>The request could not be satisfied.</p></body></html>\n`;

/** The calls that need the Server Key. */
export function apiRoutes(app: FastifyInstance, parts: MidtransParts): void {
  const { account } = parts;
  app.addHook('onRequest', async (request, reply) => {
    if (isAuthorised(request.headers.authorization, parts.serverKey)) return;
    await send(reply, account.error('401'));
  });

  app.post('/v2/charge', (request, reply) => {
    const text = bodyText(request);
    const call = {
      text,
      base: `${request.protocol}://${request.host}`,
      override: header(request, 'x-override-notification'),
      append: header(request, 'x-append-notification'),
    };
    return run(parts, request, reply, 'charge', [orderIdIn(text)], (fault) =>
      account.charge(call, fault),
    );
  });

  app.get<WithId>('/v2/:id/status', (request, reply) =>
    run(parts, request, reply, 'status', names(parts.books, request.params.id), () =>
      account.status(request.params.id),
    ),
  );

  for (const how of ['cancel', 'expire'] as const) {
    app.post<WithId>(`/v2/:id/${how}`, (request, reply) =>
      run(parts, request, reply, how, names(parts.books, request.params.id), () =>
        account.stop(request.params.id, how),
      ),
    );
  }

  for (const path of ['/v2/:id/refund', '/v2/:id/refund/online/direct']) {
    app.post<WithId>(path, (request, reply) =>
      run(parts, request, reply, 'refund', names(parts.books, request.params.id), () =>
        account.refund(request.params.id, bodyText(request)),
      ),
    );
  }
}

/** The images, which Midtrans serves without authorisation. */
export function imageRoutes(app: FastifyInstance, parts: MidtransParts): void {
  const { account, books } = parts;
  for (const channel of ['qris', 'gopay']) {
    app.get<WithId>(`/v2/${channel}/:id/qr-code`, async (request, reply) => {
      const found = books.find(request.params.id);
      if (found?.channel !== channel) return send(reply, account.error('404'));
      return reply.type('image/png').send(await barePng(found.shownQrText ?? found.qrText));
    });
  }
  app.get<WithId>('/v4/qris/gopay/:id/qr-code', async (request, reply) => {
    const found = books.findByImage(request.params.id);
    if (found === undefined) return send(reply, account.error('404'));
    return reply.type('image/png').send(await framedPng(found.shownQrText ?? found.qrText));
  });
}

/** One call: the fault that waits for it, the idempotency key, the action, the answer. */
async function run(
  parts: MidtransParts,
  request: FastifyRequest,
  reply: FastifyReply,
  on: RequestKind,
  orderIds: readonly string[],
  action: (fault: RequestFault | undefined) => Answer,
): Promise<FastifyReply> {
  const fault = parts.faults.takeForRequest(on, orderIds);
  if (fault?.kind === 'drop-before') return drop(reply);
  if (fault?.kind === 'http') return sendFault(parts.account, reply, fault);
  if (fault?.kind === 'body' && !(on === 'charge' && fault.statusCode === '202')) {
    return send(reply, parts.account.error(fault.statusCode, channelMessage(fault.channelCode)));
  }
  // Midtrans honours the key on POST alone.
  const key = request.method === 'POST' ? header(request, 'idempotency-key') : undefined;
  const answer = await parts.idempotency.run(key, async () => {
    if (fault?.kind === 'slow') await wait(parts.clock, fault.delayMs, parts.closing);
    return action(fault);
  });
  if (fault?.kind === 'drop-after') return drop(reply);
  return send(reply, answer);
}

function channelMessage(code: string | undefined): { message?: string } {
  return code === undefined ? {} : { message: `GoPay channel error ${code}` };
}

function sendFault(
  account: Account,
  reply: FastifyReply,
  fault: RequestFault & { kind: 'http' },
): FastifyReply {
  const { status } = fault;
  if (fault.html === true) {
    const page = typeof fault.body === 'string' ? fault.body : htmlPage(status);
    return reply.code(status).type('text/html').send(page);
  }
  const body = fault.body ?? (status === 429 ? rateLimited.body : account.error(`${status}`).body);
  return send(reply, { http: status, body: body as Answer['body'] });
}

function send(reply: FastifyReply, answer: Answer): FastifyReply {
  return reply
    .code(answer.http)
    .type('application/json; charset=utf-8')
    .send(JSON.stringify(answer.body));
}

/** Closes the connection without a byte of an answer. */
function drop(reply: FastifyReply): FastifyReply {
  reply.hijack();
  reply.raw.destroy();
  return reply;
}

/** Both names of the transaction, so that a fault finds it by order id whatever the path says. */
function names(books: Books, id: string): string[] {
  const orderId = books.find(id)?.orderId;
  return orderId === undefined || orderId === id ? [id] : [id, orderId];
}

function bodyText(request: FastifyRequest): string {
  return typeof request.body === 'string' ? request.body : '';
}

/** A header that came once; of a repeated one Node keeps the texts joined. */
function header(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(',') : value;
}

const orderIdPattern = /"order_id"\s*:\s*"([^"\\]{1,50})"/;

/** The order id in a charge that may not even be JSON: only to find its fault. */
function orderIdIn(text: string): string {
  return orderIdPattern.exec(text)?.[1] ?? '';
}
