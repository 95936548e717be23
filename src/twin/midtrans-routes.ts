// Midtrans' own paths over HTTP: authorisation, faults, idempotency keys, then the account. Decides nothing about money.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { wait, type Clock } from '../lib/clock.ts';
import type { Account } from './account.ts';
import type { Answer } from './answers.ts';
import type { Books } from './books.ts';
import { afterDoing, asAccountFault, insteadOfDoing, onWire, sendAnswer } from './fault-replies.ts';
import type { RequestFault, RequestKind } from './fault-schema.ts';
import type { IdempotencyKeys } from './idempotency.ts';
import type { Interference } from './interference.ts';
import { barePng, framedPng } from './qr-image.ts';
import { isAuthorised } from './server-key.ts';
import type { Switches } from './switches.ts';
import type { Transaction } from './transaction.ts';

export interface MidtransParts {
  account: Account;
  books: Books;
  faults: Interference;
  switches: Switches;
  idempotency: IdempotencyKeys;
  clock: Clock;
  serverKey: string;
  /** Aborted when the twin closes: a slow answer is then not waited for. */
  closing: AbortSignal;
}

interface WithId {
  Params: { id: string };
}

/** The calls that need the Server Key. */
export function apiRoutes(app: FastifyInstance, parts: MidtransParts): void {
  const { account } = parts;
  app.addHook('onRequest', async (request, reply) => {
    const { serverKey, switches } = parts;
    if (switches.key && isAuthorised(request.headers.authorization, serverKey)) return;
    await sendAnswer(reply, account.error('401'));
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
    run(parts, request, reply, 'status', names(parts.books, request.params.id), (fault) =>
      account.status(request.params.id, fault?.kind === 'stale'),
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
      run(parts, request, reply, 'refund', names(parts.books, request.params.id), (fault) =>
        account.refund(request.params.id, bodyText(request), fault),
      ),
    );
  }
}

/** The images, which Midtrans serves without authorisation. */
export function imageRoutes(app: FastifyInstance, parts: MidtransParts): void {
  const { books } = parts;
  for (const channel of ['qris', 'gopay']) {
    app.get<WithId>(`/v2/${channel}/:id/qr-code`, (request, reply) => {
      const found = books.find(request.params.id);
      return sendImage(parts, reply, found?.channel === channel ? found : undefined, barePng);
    });
  }
  app.get<WithId>('/v4/qris/gopay/:id/qr-code', (request, reply) =>
    sendImage(parts, reply, books.findByImage(request.params.id), framedPng),
  );
}

async function sendImage(
  parts: MidtransParts,
  reply: FastifyReply,
  found: Transaction | undefined,
  draw: (text: string) => Promise<Buffer>,
): Promise<FastifyReply> {
  const { account, faults, clock, closing } = parts;
  const fault = found && faults.takeForRequest('image', [found.transactionId, found.orderId]);
  faults.goOn(fault);
  const instead = insteadOfDoing(account, 'image', fault);
  if (instead !== undefined) return instead(reply);
  if (fault?.kind === 'slow') await wait(clock, fault.delayMs, closing);
  if (found === undefined) return sendAnswer(reply, account.error('404'));
  const png = await draw(found.shownQrText ?? found.qrText);
  return afterDoing(reply, { http: 200, type: 'image/png', payload: png }, fault);
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
  const { account, faults, idempotency } = parts;
  const fault = faults.takeForRequest(on, orderIds);
  const instead = insteadOfDoing(account, on, fault);
  if (instead !== undefined) {
    faults.goOn(fault);
    return instead(reply);
  }
  // Midtrans honours the key on POST alone.
  const key = request.method === 'POST' ? header(request, 'idempotency-key') : undefined;
  const answer = await idempotency.run(key, () =>
    around(parts, fault, orderIds, () => action(asAccountFault(fault))),
  );
  faults.goOn(fault);
  return afterDoing(reply, onWire(answer), fault);
}

/** The action with what happens just before and just after it. */
async function around(
  { account, books, clock, closing }: MidtransParts,
  fault: RequestFault | undefined,
  orderIds: readonly string[],
  action: () => Answer,
): Promise<Answer> {
  const happens = async (now: 'before' | 'after'): Promise<void> => {
    if (fault?.kind === 'slow' && (fault.when ?? 'before') === now) {
      await wait(clock, fault.delayMs, closing);
    }
    if (fault?.kind !== 'pay' || fault.when !== now) return;
    const found = books.find(orderIds.at(-1) ?? '');
    // Late: after a cancel the money counts because it was faster than the books.
    if (found !== undefined) account.pay(found, fault.issuer, now === 'after');
  };
  await happens('before');
  const answer = action();
  await happens('after');
  return answer;
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
