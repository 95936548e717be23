// What can be asked to go wrong, as JSON: the shapes of faults and of scripts. Decides nothing.
import { z } from 'zod';
import { legacyForms } from './legacy.ts';
import { qrChanges } from './qr-text.ts';
import { tampers } from './tamper.ts';

/** Most faults that may wait at once. */
export const maxFaults = 1000;
const maxSteps = 100;

const delayMs = z.int().min(0).max(600_000);
const orderId = z.string().min(1).max(50);
const channelCode = z.string().regex(/^\d{1,4}$/, 'digits, such as 900');
export const issuer = z
  .string()
  .regex(/^[a-z0-9 _-]{1,32}$/, 'lower-case letters, digits, such as gopay or dana');
export const amountIdr = z.int().min(1).max(20_000_000);

/** Answers instead of Midtrans, or on the way back from it. */
const anyCall = [
  /** Answers this instead; nothing is done. Without a body Midtrans' own text for that status; `html` a proxy's page. */
  z.strictObject({
    kind: z.literal('http'),
    status: z.int().min(300).max(599),
    body: z.unknown().optional(),
    html: z.boolean().optional(),
    retryAfterS: z.int().min(0).max(3600).optional(),
    location: z.string().max(500).optional(),
  }),
  /** Closes the connection; nothing is done. */
  z.strictObject({ kind: z.literal('drop-before') }),
  /** Does it, then closes the connection instead of answering. */
  z.strictObject({ kind: z.literal('drop-after') }),
  /** Waits before it is done, or after it was done. It is done even when the caller has gone. */
  z.strictObject({
    kind: z.literal('slow'),
    delayMs,
    when: z.enum(['before', 'after']).optional(),
  }),
  /** Does it, sends a part of the answer, then closes the connection. */
  z.strictObject({ kind: z.literal('truncate') }),
  /** Does it and answers HTTP 200 with a whole body that is no use: cut JSON, nothing, a page, JSON that is no object. */
  z.strictObject({
    kind: z.literal('garble'),
    as: z.enum(['cut', 'empty', 'html', 'text']).default('cut'),
  }),
] as const;

/** What only Midtrans' own calls have. */
const apiCall = [
  ...anyCall,
  /**
   * Answers this `status_code`; nothing is done, except that 202 on a charge makes a denied transaction and 202 on a refund
   * is the provider's no. `http`: another HTTP status than Midtrans' pages say, as older paths have. `bare`: without `id`.
   */
  z.strictObject({
    kind: z.literal('body'),
    statusCode: z.string().regex(/^[2-5]\d{2}$/, 'three digits, such as 500'),
    channelCode: channelCode.optional(),
    message: z.string().max(500).optional(),
    http: z.int().min(200).max(599).optional(),
    bare: z.boolean().optional(),
  }),
  /** The customer pays at the very moment: just before it is decided, or just after and before the answer is sent. */
  z.strictObject({
    kind: z.literal('pay'),
    when: z.enum(['before', 'after']).default('before'),
    issuer: issuer.default('gopay'),
  }),
] as const;

const count = z.int().min(1).max(1000);
const common = {
  /** Only for this order, or for orders whose id begins so. */
  orderId: orderId.optional(),
  orderPrefix: orderId.optional(),
  /** How often it strikes; once, or without end where there is a `rate`. */
  times: count.optional(),
  /** How many that would match go by first: 1 strikes the second. */
  after: z.int().min(0).max(100_000).optional(),
  /** The part of the matching ones that it strikes, drawn from `seed`. */
  rate: z.number().gt(0).max(1).optional(),
  seed: z.int().min(0).max(4_294_967_295).optional(),
};

const chargeFault = z.strictObject({
  ...common,
  on: z.literal('charge'),
  do: z.discriminatedUnion('kind', [
    ...apiCall,
    /** The charge succeeds and its QR is wrong. */
    z.strictObject({ kind: z.literal('qr'), change: z.enum(qrChanges) }),
    /** The charge succeeds, and its bodies are written in older forms for all its life. */
    z.strictObject({
      kind: z.literal('legacy'),
      forms: z.array(z.enum(legacyForms)).min(1).max(legacyForms.length),
    }),
    /** GoPay answers this code and Midtrans makes of it what it does; 900 may also become a 500. */
    z.strictObject({
      kind: z.literal('gopay'),
      code: channelCode,
      as500: z.boolean().default(false),
    }),
  ]),
});

const statusFault = z.strictObject({
  ...common,
  on: z.literal('status'),
  do: z.discriminatedUnion('kind', [
    ...apiCall,
    /** Answers from before everything that happened to the charge: still pending. */
    z.strictObject({ kind: z.literal('stale') }),
  ]),
});

/** `any`: every one of Midtrans' calls that needs the Server Key. */
const otherFault = z.strictObject({
  ...common,
  on: z.enum(['cancel', 'expire', 'refund', 'any']),
  do: z.discriminatedUnion('kind', apiCall),
});

const imageFault = z.strictObject({
  ...common,
  on: z.literal('image'),
  do: z.discriminatedUnion('kind', anyCall),
});

const noticeFault = z.strictObject({
  ...common,
  on: z.literal('notification'),
  /** Only notifications of this state; otherwise the initial `pending` one would use the fault up. */
  transactionStatus: z.string().max(20).optional(),
  do: z.discriminatedUnion('kind', [
    /** Sent this many times more. */
    z.strictObject({ kind: z.literal('duplicate'), times: z.int().min(1).max(20).default(1) }),
    /** Kept back until `POST /_twin/notifications/release`. */
    z.strictObject({ kind: z.literal('hold') }),
    /** Overtaken: sent when the next one of the same order has been tried. */
    z.strictObject({ kind: z.literal('behind') }),
    z.strictObject({
      kind: z.literal('tamper'),
      change: z.enum(tampers),
      /** What `status` lies. */
      status: z.string().min(1).max(20).optional(),
    }),
    z.strictObject({ kind: z.literal('slow'), delayMs }),
    /** Never sent at all. */
    z.strictObject({ kind: z.literal('drop-before') }),
  ]),
});

export const fault = z.discriminatedUnion('on', [
  chargeFault,
  statusFault,
  otherFault,
  imageFault,
  noticeFault,
]);
export type Fault = z.infer<typeof fault>;
export const faultList = z.array(fault).min(1).max(maxFaults);

export type NoticeFault = Extract<Fault, { on: 'notification' }>['do'];
export type RequestFault = Exclude<Fault, { on: 'notification' }>['do'];
export type RequestKind = Exclude<Fault['on'], 'notification' | 'any'>;

const afterMs = delayMs.default(0);
/** Something that happens by itself, `afterMs` after the step before it is used up. */
const act = z.discriminatedUnion('act', [
  z.strictObject({
    act: z.literal('pay'),
    issuer: issuer.default('gopay'),
    late: z.boolean().default(false),
    amountIdr: amountIdr.optional(),
    afterMs,
  }),
  /** Midtrans' own hand: the dashboard's cancel, or an early expiry. */
  z.strictObject({ act: z.enum(['cancel', 'expire']), afterMs }),
  /** Sends the notifications of the order that a step holds back. */
  z.strictObject({ act: z.literal('release'), afterMs }),
]);
export type Act = z.infer<typeof act>;

/** Steps one after the other: each strikes only when the one before it is used up, and all of them the same order. */
export const script = z
  .strictObject({
    orderId: orderId.optional(),
    orderPrefix: orderId.optional(),
    steps: z
      .array(z.union([act, fault]))
      .min(1)
      .max(maxSteps),
  })
  .refine(({ steps: [first] }) => first !== undefined && 'on' in first, {
    path: ['steps', 0],
    error:
      'the first step waits for a call or a notification, so that it is known which order is meant',
  });
export type Script = z.infer<typeof script>;
export const scriptList = z.array(script).min(1).max(100);

/** A file for `kios twin --faults`. */
export const faultPlan = z.strictObject({
  faults: z.array(fault).max(maxFaults).default([]),
  scripts: z.array(script).max(100).default([]),
});
export type FaultPlan = z.infer<typeof faultPlan>;
