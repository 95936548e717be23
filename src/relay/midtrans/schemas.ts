// Midtrans' bodies, loosely: unknown fields are let through. A field that decides about money must have its documented
// type, or the whole answer is none; any other one of a strange type is taken for missing.
import { z } from 'zod';

/** Longest text that is taken over from Midtrans into our rows. */
const word = z.string().max(512);

const action = z.looseObject({ name: word, url: z.string().max(2048) });

/** Nothing that decides about money hangs on this one. */
function minor<T extends z.ZodType>(type: T): z.ZodCatch<z.ZodOptional<T>> {
  return type.optional().catch(undefined);
}

/** Any Core API answer. Every field may be missing: errors carry two of them, older answers lack a few. */
export const answerBody = z.looseObject({
  status_code: word.optional(),
  status_message: minor(z.string().max(4096)),
  validation_messages: minor(z.array(z.string().max(1024)).max(50)),
  channel_response_code: minor(word),
  transaction_id: word.optional(),
  order_id: word.optional(),
  merchant_id: word.optional(),
  gross_amount: word.optional(),
  currency: word.optional(),
  transaction_status: word.optional(),
  fraud_status: word.optional(),
  transaction_time: minor(word),
  settlement_time: minor(word),
  expiry_time: minor(word),
  // One of Midtrans' own samples spells it so.
  expire_time: minor(word),
  // Checked before it is shown, whatever it is.
  qr_string: minor(z.string().max(512)),
  issuer: minor(z.string().max(64)),
  actions: minor(z.array(action).max(20)),
  refund_amount: word.optional(),
  refunds: z
    .array(
      z.looseObject({
        refund_key: word.nullish(),
        refund_amount: word.nullish(),
        bank_confirmed_at: z.string().max(64).nullish(),
      }),
    )
    .max(100)
    .optional(),
});
export type AnswerBody = z.infer<typeof answerBody>;

/** A webhook body. All that the signature covers must be there, and be text. */
export const noticeBody = z.looseObject({
  order_id: z.string().min(1).max(64),
  status_code: z.string().regex(/^\d{3}$/),
  gross_amount: z.string().min(1).max(32),
  signature_key: z.string().max(256),
  transaction_status: z.string().max(32),
  transaction_id: z.string().max(64).optional(),
  merchant_id: z.string().max(64).optional(),
  refunds: z
    .array(
      z.looseObject({
        refund_key: word.nullish(),
        bank_confirmed_at: z.string().max(64).nullish(),
      }),
    )
    .max(100)
    .optional(),
});
export type NoticeBody = z.infer<typeof noticeBody>;
