// Midtrans' webhook: authentic or not, stored, answered; only then confirmed. A 200 means that it will not be lost.
import { createHash } from 'node:crypto';
import { type FastifyInstance } from 'fastify';
import { KiosError } from '../../protocol/errors.ts';
import { type AppParts } from '../app.ts';
import { move, type Hops } from '../hops.ts';
import { readNotice, type Notice } from '../midtrans/notification.ts';
import { confirmNotice } from '../notices.ts';

const maxBytes = 64 * 1024;
/** Midtrans sends from few addresses; this leaves room for every charge of a busy fleet. */
const perMinute = 6000;

/** `app` must be a scope of its own: it takes raw bodies of any media type. */
export function notificationRoutes(app: FastifyInstance, parts: AppParts): void {
  const { hops, background } = parts;
  // The signature is over what was sent, so nothing may parse it first, whatever its media type.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: maxBytes }, (_r, body, done) => {
    done(null, body);
  });
  app.post(
    '/v1/notifications/midtrans',
    { bodyLimit: maxBytes, config: { rateLimit: { max: perMinute, timeWindow: 60_000 } } },
    async (request) => {
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      const reading = readNotice(body, parts.serverKey);
      if (reading.kind !== 'authentic') {
        hops.metrics.notices.inc({ outcome: reading.kind });
        hops.log.warn({ bytes: body.length, from: request.ip }, `notice.${reading.kind}`);
        throw reading.kind === 'forged'
          ? new KiosError('bad-signature', 'not signed with our Server Key')
          : new KiosError('bad-request', 'not a notification');
      }
      const noticeId = await keep(hops, body, reading.notice);
      if (noticeId !== undefined) {
        void background.run(`notice ${noticeId}`, () =>
          follow(hops, noticeId, body, reading.notice),
        );
      }
      return { ok: true };
    },
  );
}

/** Stores the raw body. Undefined: it was stored before. @throws KiosError `store-down`. */
async function keep(hops: Hops, body: Buffer, notice: Notice): Promise<string | undefined> {
  const noticeId = createHash('sha256').update(body).digest('hex');
  try {
    const isNew = await hops.store.keepNotice({
      noticeId,
      saleId: notice.saleId,
      body: body.toString('utf8'),
      chargeId: notice.chargeId ?? null,
      pending: notice.pending,
    });
    hops.metrics.notices.inc({ outcome: isNew ? 'stored' : 'repeated' });
    return isNew ? noticeId : undefined;
  } catch (error) {
    hops.metrics.notices.inc({ outcome: 'store-down' });
    // Whatever it was, 503 and never 500: Midtrans repeats a 503 four times and a 500 once.
    throw new KiosError('store-down', 'not stored', error);
  }
}

/** The second transaction: what the notice is about, and then the truth. */
async function follow(hops: Hops, noticeId: string, body: Buffer, notice: Notice): Promise<void> {
  const row = await hops.store.sale(notice.saleId);
  if (row === undefined) {
    hops.metrics.notices.inc({ outcome: 'unknown-order' });
    hops.log.warn({ saleId: notice.saleId }, 'notice.unknown-order');
  } else if (notice.amountIdr !== row.amountIdr) {
    hops.metrics.notices.inc({ outcome: 'amount-differs' });
    hops.log.error({ saleId: notice.saleId }, 'notice.amount-differs');
  } else if (notice.settlement) {
    await move(hops, notice.saleId, { type: 'noticed' });
  }
  const now = hops.clock.nowMs();
  await confirmNotice(hops, {
    noticeId,
    saleId: notice.saleId,
    body: body.toString('utf8'),
    chargeId: notice.chargeId ?? null,
    pending: notice.pending ? 1 : 0,
    state: 'unconfirmed',
    receivedAtMs: now,
    attempts: 1,
    nextAtMs: now,
  });
}
