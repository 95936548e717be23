// Midtrans' webhook: authentic or not, stored, answered; only then confirmed. A 200 means that it will not be lost.
import { type FastifyInstance } from 'fastify';
import { KiosError } from '../../protocol/errors.ts';
import { type AppParts } from '../app.ts';
import { failureLimit } from '../failure-limit.ts';
import { type Hops } from '../hops.ts';
import { readNotice, type Notice } from '../midtrans/notification.ts';
import { noticeLeaseMs } from '../notices.ts';
import { type Kept } from '../store/store.ts';

const maxBytes = 64 * 1024;
/** Forged and malformed ones from one address; authentic ones are never turned away. */
const failuresPerMinute = 600;

/** `app` must be a scope of its own: it takes raw bodies of any media type. */
export function notificationRoutes(app: FastifyInstance, parts: AppParts): void {
  const { hops, inquiries } = parts;
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
    const sinceMs = hops.clock.monotonicMs();
    const kept = await keep(hops, body, notice);
    const seconds = (hops.clock.monotonicMs() - sinceMs) / 1000;
    hops.metrics.hops.observe({ hop: 'notice-stored' }, seconds);
    if (kept.notice !== undefined) void inquiries.ask(notice.saleId, kept);
    return { ok: true };
  });
}

/** Stores the raw body, once, with what it means for its sale: one durable step. @throws KiosError `store-down`. */
async function keep(hops: Hops, body: Buffer, notice: Notice): Promise<Kept> {
  const { noticeId, saleId, pending, chargeId, amountIdr, settlement } = notice;
  try {
    const kept = await hops.store.keepNotice(
      {
        ...{ noticeId, saleId, pending, amountIdr, settlement },
        body: body.toString('utf8'),
        chargeId: chargeId ?? null,
      },
      noticeLeaseMs,
    );
    count(hops, notice, kept);
    return kept;
  } catch (error) {
    hops.metrics.notices.inc({ outcome: 'store-down' });
    // Whatever it was, 503 and never 500: Midtrans repeats a 503 four times and a 500 once.
    throw new KiosError('store-down', 'not stored', error);
  }
}

function count({ metrics, log }: Hops, { saleId, amountIdr }: Notice, kept: Kept): void {
  metrics.notices.inc({ outcome: kept.keeping });
  if (kept.keeping === 'crowded') log.warn({ saleId }, 'notice.crowded');
  if (kept.keeping !== 'stored') return;
  if (kept.sale === undefined) {
    metrics.notices.inc({ outcome: 'unknown-order' });
    log.warn({ saleId }, 'notice.unknown-order');
  } else if (amountIdr !== kept.sale.amountIdr) {
    metrics.notices.inc({ outcome: 'amount-differs' });
    log.error({ saleId }, 'notice.amount-differs');
  }
}
