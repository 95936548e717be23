// Midtrans' webhook: authentic or not, stored, answered; only then confirmed. A 200 means that it will not be lost.
import { type FastifyInstance } from 'fastify';
import { KiosError } from '../../protocol/errors.ts';
import { type AppParts } from '../app.ts';
import { failureLimit } from '../failure-limit.ts';
import { move, type Hops } from '../hops.ts';
import { readNotice, type Notice } from '../midtrans/notification.ts';
import { type Keeping } from '../store/store.ts';

const maxBytes = 64 * 1024;
/** Forged and malformed ones from one address; authentic ones are never turned away. */
const failuresPerMinute = 600;

/** `app` must be a scope of its own: it takes raw bodies of any media type. */
export function notificationRoutes(app: FastifyInstance, parts: AppParts): void {
  const { hops, background, inquiries } = parts;
  // The signature is over what was sent, so nothing may parse it first, whatever its media type.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: maxBytes }, (_r, body, done) => {
    done(null, body);
  });
  const limit = failureLimit(app, failuresPerMinute);
  app.post('/v1/notifications/midtrans', { bodyLimit: maxBytes }, async (request, reply) => {
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const reading = readNotice(body, parts.serverKey);
    if (reading.kind !== 'authentic') {
      hops.metrics.notices.inc({ outcome: reading.kind });
      await limit(request, reply);
      hops.log.warn({ bytes: body.length, from: request.ip }, `notice.${reading.kind}`);
      throw reading.kind === 'forged'
        ? new KiosError('bad-signature', 'not signed with our Server Key')
        : new KiosError('bad-request', 'not a notification');
    }
    const { notice } = reading;
    const keeping = await keep(hops, body, notice);
    if (keeping === 'stored') {
      void background.run(`notice ${notice.noticeId}`, async () => {
        await note(hops, notice);
        await inquiries.ask(notice.saleId);
      });
    }
    return { ok: true };
  });
}

/** Stores the raw body, once. @throws KiosError `store-down`. */
async function keep(hops: Hops, body: Buffer, notice: Notice): Promise<Keeping> {
  const { noticeId, saleId, pending, chargeId } = notice;
  try {
    const keeping = await hops.store.keepNotice({
      noticeId,
      saleId,
      body: body.toString('utf8'),
      chargeId: chargeId ?? null,
      pending,
    });
    hops.metrics.notices.inc({ outcome: keeping });
    if (keeping === 'crowded') hops.log.warn({ saleId }, 'notice.crowded');
    return keeping;
  } catch (error) {
    hops.metrics.notices.inc({ outcome: 'store-down' });
    // Whatever it was, 503 and never 500: Midtrans repeats a 503 four times and a 500 once.
    throw new KiosError('store-down', 'not stored', error);
  }
}

/** The second transaction: what the notice is about. The truth comes from asking. */
async function note(hops: Hops, notice: Notice): Promise<void> {
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
}
