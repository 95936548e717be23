// The customer's phone: reads a QR, pays it, declines it. Not Midtrans' paths; refusals are words for a person.
import { decodeQR } from 'qr/decode.js';
import sharp from 'sharp';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { parseQris, type Qris } from '../protocol/qris.ts';
import type { Account, WalletOutcome } from './account.ts';
import type { Books } from './books.ts';
import { amountIdr, issuer } from './fault-schema.ts';
import { phonePage } from './phone-page.ts';
import { readJson, sendProblem } from './problem.ts';
import { jakartaText } from './times.ts';
import { payRefusal, type Refusal, type Transaction } from './transaction.ts';

const maxListed = 200;
const maxImageBytes = 8 * 1024 * 1024;
/** Larger pictures are shrunk before they are searched for a QR. */
const maxImagePixels = 1600;

const scanBody = z.strictObject({ qrString: z.string().min(1).max(512) });
const payBody = z.strictObject({
  qrString: z.string().min(1).max(512),
  issuer: issuer.default('gopay'),
  late: z.boolean().default(false),
  /** Another amount than the QR asks for. */
  amountIdr: amountIdr.optional(),
});

const refusals: Record<Refusal, string> = {
  'already-paid': 'Kode QR ini sudah dibayar.',
  cancelled: 'Pembayaran ini sudah dibatalkan; minta kode QR baru.',
  expired: 'Kode QR sudah kedaluwarsa; minta kode QR baru.',
  denied: 'Pembayaran ini ditolak; minta kode QR baru.',
  'not-modifiable': 'Pembayaran ini tidak dapat diubah.',
  'refund-repeated': 'Pengembalian dana ini sudah ada.',
  'refund-amount': 'Jumlah pengembalian dana tidak sesuai.',
  'refund-closed': 'Pengembalian dana tidak dibuka.',
};

const faultTexts = {
  'qr-malformed': 'Ini bukan kode QRIS.',
  'qr-crc': 'Kode QR rusak; minta kode QR baru.',
} as const;

type Found =
  { ok: true; qris: Qris; transaction: Transaction } | { ok: false; reply: FastifyReply };

export interface WalletParts {
  account: Account;
  books: Books;
}

export function walletRoutes(app: FastifyInstance, parts: WalletParts): void {
  const { account, books } = parts;

  app.get('/_twin/', (_request, reply) => reply.type('text/html; charset=utf-8').send(phonePage));

  app.get('/_twin/transactions', () => ({
    transactions: books.latest(maxListed).map(listed),
  }));

  app.post('/_twin/wallet/scan', (request, reply) => {
    const body = readJson(request, reply, scanBody);
    if (!body.ok) return body.reply;
    const found = find(books, reply, body.value.qrString);
    if (!found.ok) return found.reply;
    const { qris, transaction } = found;
    return reply.send({
      merchant: qris.merchant,
      city: qris.city,
      nmid: qris.nmid,
      amountIdr: qris.amountIdr,
      payable: payRefusal(transaction.status) === undefined,
      status: transaction.status,
    });
  });

  app.post('/_twin/wallet/pay', (request, reply) => {
    const body = readJson(request, reply, payBody);
    if (!body.ok) return body.reply;
    const found = find(books, reply, body.value.qrString);
    if (!found.ok) return found.reply;
    const { issuer: wallet, late, amountIdr: amount } = body.value;
    return sendOutcome(reply, account.pay(found.transaction, wallet, late, amount));
  });

  app.post('/_twin/wallet/decline', (request, reply) => {
    const body = readJson(request, reply, scanBody);
    if (!body.ok) return body.reply;
    const found = find(books, reply, body.value.qrString);
    if (!found.ok) return found.reply;
    return sendOutcome(reply, account.decline(found.transaction));
  });

  photoRoute(app);
}

/** A photograph of a QR, for the page; the text comes back. */
function photoRoute(app: FastifyInstance): void {
  app.addContentTypeParser(
    /^image\//,
    { parseAs: 'buffer', bodyLimit: maxImageBytes },
    (_request: FastifyRequest, body: Buffer, done) => {
      done(null, body);
    },
  );
  app.post('/_twin/wallet/read', async (request, reply) => {
    const qrString = Buffer.isBuffer(request.body) ? await readPhoto(request.body) : undefined;
    if (qrString !== undefined) return reply.send({ qrString });
    return sendProblem(reply, 422, 'qr-malformed', 'Tidak ada kode QR yang terbaca di gambar ini.');
  });
}

async function readPhoto(image: Buffer): Promise<string | undefined> {
  try {
    const { data, info } = await sharp(image)
      .rotate()
      .resize(maxImagePixels, maxImagePixels, { fit: 'inside', withoutEnlargement: true })
      .ensureAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    return decodeQR({ width: info.width, height: info.height, data: new Uint8ClampedArray(data) });
  } catch (error) {
    // Not a picture, or no QR in it: both libraries say so by throwing plain Errors, and the person is told.
    if (error instanceof Error) return undefined;
    throw error;
  }
}

function find(books: Books, reply: FastifyReply, qrString: string): Found {
  const parsed = parseQris(qrString);
  if (!parsed.ok) {
    const code = parsed.fault === 'qr-crc' ? 'qr-crc' : 'qr-malformed';
    return { ok: false, reply: sendProblem(reply, 422, code, faultTexts[code]) };
  }
  const transaction = books.findByQr(qrString);
  if (transaction === undefined) {
    const text = 'Kode QR ini tidak dikenal di sini.';
    return { ok: false, reply: sendProblem(reply, 404, 'qr-unknown', text) };
  }
  return { ok: true, qris: parsed.qris, transaction };
}

function sendOutcome(reply: FastifyReply, outcome: WalletOutcome): FastifyReply {
  if (outcome.kind === 'refused') {
    return sendProblem(reply, 409, outcome.refusal, refusals[outcome.refusal]);
  }
  const { status, amountIdr, orderId, transactionId } = outcome.transaction;
  return reply.send({ status, amountIdr, orderId, transactionId });
}

function listed(transaction: Transaction): Record<string, unknown> {
  const { transactionId, orderId, channel, amountIdr, status, issuer } = transaction;
  return {
    transactionId,
    orderId,
    channel,
    amountIdr,
    status,
    issuer,
    createdAt: jakartaText(transaction.createdAtMs),
    expiresAt: jakartaText(transaction.expiresAtMs),
    qrString: transaction.qrText,
  };
}
