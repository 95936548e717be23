// The bodies of the relay's HTTP API, /v1 (DESIGN.md §4). Shapes only; what they mean is in the relay's and kiosk's rooms.
import { z } from 'zod';
import { kioskId, saleId } from './ids.ts';
import { amountIdr, qrisLimitsIdr } from './money.ts';
import { cleanedText, plainText } from './plain-text.ts';
import { maxReportLength } from './report.ts';
import { cursor, fulfilments, sale, saleItem } from './sale.ts';
import { ackMessage } from './topics.ts';

/** Most items in one basket, so that a body and a slip stay small. */
export const maxItems = 50;

export const environments = ['sandbox', 'production'] as const;
export const environment = z.enum(environments);
export type Environment = z.infer<typeof environment>;

/** `PUT /v1/sales/{saleId}`. With items, their sum is the amount. */
export const putSaleBody = z
  .strictObject({ amountIdr, items: z.array(saleItem).max(maxItems).optional() })
  .refine(
    (body) =>
      body.items === undefined ||
      body.items.reduce((sum, item) => sum + item.priceIdr * item.quantity, 0) === body.amountIdr,
    { path: ['items'], error: 'the items do not add up to amountIdr' },
  );
export type PutSaleBody = z.infer<typeof putSaleBody>;

export const cancelReasons = ['customer', 'timeout', 'fault'] as const;
/** `POST /v1/sales/{saleId}/cancel`. The amount lets a tombstone (a cancel before its create) be proved. */
export const cancelBody = z.strictObject({ reason: z.enum(cancelReasons), amountIdr });
export type CancelBody = z.infer<typeof cancelBody>;

/** The kiosk's signature over the report (report.ts); without it the report ends no claim and pays none out. */
const signed = z.string().max(maxReportLength).optional();

/** What a kiosk may report. `unreported` is not among them: it is the relay's own word. */
export const reportedResults = fulfilments.filter((word) => word !== 'unreported');
/** `POST /v1/sales/{saleId}/fulfilment`. */
export const fulfilmentBody = z.strictObject({
  result: z.enum(['done', 'failed', 'unknown', 'abandoned']),
  detail: cleanedText(200).optional(),
  signed,
});
export type FulfilmentBody = z.infer<typeof fulfilmentBody>;

/** `GET /v1/changes?since=<seq>.<tag>`: each sale's latest state after `since`, oldest change first. */
export const changesQuery = z.strictObject({
  since: cursor,
  ledgerId: z.string().max(64).optional(),
});
export const changesAnswer = z.object({
  ledgerId: z.string().max(64),
  sales: z.array(sale).max(500),
  upTo: cursor,
  more: z.boolean(),
});
export type ChangesAnswer = z.infer<typeof changesAnswer>;

/** `POST /v1/ack`, the same words as the MQTT message. */
export const ackBody = ackMessage;
export const ackAnswer = z.object({ ledgerId: z.string().max(64) });

/** An Ed25519 public key as JWK (RFC 8037). */
export const publicJwk = z.object({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'x is 32 bytes in base64url'),
});
export type PublicJwk = z.infer<typeof publicJwk>;

/** `POST /v1/enrol`. `serial`: the machine's own, so that a card in another machine is noticed. */
export const enrolBody = z.strictObject({
  code: z.string().min(8).max(64),
  publicKey: publicJwk,
  serial: plainText(64).optional(),
});
export type EnrolBody = z.infer<typeof enrolBody>;

/** One key of the relay's chain: signed by its predecessor, except the first. */
export const chainKey = z.object({
  kid: z.string().max(64),
  publicKey: publicJwk,
  /** Compact JWS by the predecessor over `{ kid, publicKey }`. */
  signed: z.string().max(1024).optional(),
});
export type ChainKey = z.infer<typeof chainKey>;

/** The merchant that every QR must pay, pinned at enrolment. */
export const merchant = z.object({
  name: z.string().min(1).max(25),
  nmid: z.string().regex(/^A?ID\d{13}$/, 'an NMID is ID and 13 digits (AID… in the sandbox)'),
  pan: z.string().regex(/^\d{16,19}$/, 'a merchant PAN is 16 to 19 digits'),
});
export type Merchant = z.infer<typeof merchant>;

export const enrolAnswer = z.object({
  kioskId,
  environment,
  ledgerId: z.string().max(64),
  keys: z.array(chainKey).min(1).max(64),
  brokerUrl: z.string().max(200),
  merchant,
  /** Secret of the claim codes on slips, base64url, 32 bytes. */
  claimSecret: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  /** What the kiosk says at a broker that cannot check tokens; where it is missing, it shows its token there. */
  brokerPassword: z.string().max(128).optional(),
  /** The kiosk's cursor starts here. */
  cursor,
  limits: z.object({
    minIdr: z.int().min(qrisLimitsIdr.min),
    maxIdr: z.int().max(qrisLimitsIdr.max),
  }),
});
export type EnrolAnswer = z.infer<typeof enrolAnswer>;

/** `kios-enrolled`: the whole answer, and whom it is for, under the relay's signature (PROTOCOL.md §8). */
export const enrolledClaims = enrolAnswer.extend({
  /** `x` of the kiosk's own key. */
  kioskKey: publicJwk.shape.x,
});
/** The answer as it travels. A kiosk that knows the relay's key already believes `signed` and nothing beside it. */
export const signedEnrolAnswer = enrolAnswer.extend({ signed: z.string().max(65_536).optional() });

/** `GET /v1/keys?after=<kid>`. */
export const keysAnswer = z.object({ keys: z.array(chainKey).max(64) });

/** `GET /v1/time?nonce=…`: a JWS of type `kios-time` over nonce and time. */
export const timeQuery = z.strictObject({ nonce: z.string().min(8).max(64) });
export const timeAnswer = z.object({ proof: z.string().max(1024) });

/** `POST /v1/recover`: what the kiosk still knows after the relay lost it. */
export const recoverBody = z.strictObject({
  sales: z
    .array(
      z.object({ proof: z.string().max(4096), fulfilment: z.enum(fulfilments).optional(), signed }),
    )
    .max(500),
  /** Where the kiosk stands in the ledger that it knew: new changes are numbered above it. */
  since: cursor.optional(),
});
export type RecoverBody = z.infer<typeof recoverBody>;
/** `code` is one of `errors.ts`. With `fulfilment-mismatch` the sale stands, and its first result with it. */
export const recoverAnswer = z.object({
  ledgerId: z.string().max(64),
  /** How many of the sales the relay has now, whether it had them before or not. */
  taken: z.int().min(0),
  refused: z.array(z.object({ index: z.int().min(0), code: z.string().max(64) })).max(500),
  /** True: PUT and cancel are answered 503 `recovering` until Midtrans has spoken about each. */
  recovering: z.boolean(),
});
export type RecoverAnswer = z.infer<typeof recoverAnswer>;

/** `POST /v1/claims/{saleId}/redeem` and its answer, a JWS of type `kios-grant`. */
export const redeemBody = z.strictObject({ dispenseId: plainText(64, 1) });
export const redeemAnswer = z.object({ grant: z.string().max(4096) });
/** `POST /v1/claims/{saleId}/result`. */
export const redeemResultBody = z.strictObject({
  dispenseId: plainText(64, 1),
  result: z.enum(['done', 'failed', 'unknown']),
  signed,
});
/** Where the claim stands then. `redeeming`: locked, the operator must look. */
export const redeemResultAnswer = z.object({
  state: z.enum(['open', 'redeeming', 'honoured', 'refunding', 'refunded']),
  /** A JWS of type `kios-heard`: without it a proxy could end the only report of goods that came out. */
  proof: z.string().max(4096),
});

/** RFC 9457 problem document, with our `code`. `time`: a `kios-time` JWS, on `clock-skew` alone. */
export const problem = z.object({
  type: z.string().max(200),
  title: z.string().max(200),
  status: z.int(),
  code: z.string().max(64),
  detail: z.string().max(1000).optional(),
  instance: z.string().max(200).optional(),
  ledgerId: z.string().max(64).optional(),
  time: z.string().max(1024).optional(),
});
export type Problem = z.infer<typeof problem>;

export const saleParams = z.object({ saleId });
