// Faults on demand: a list of what shall go wrong, taken one by one as requests and notifications come by.
import { z } from 'zod';
import { qrChanges } from './qr-text.ts';
import { tampers } from './notification.ts';
import type { TransactionStatus } from './transaction.ts';

/** Most faults that may wait at once. */
const maxFaults = 1000;

const delayMs = z.int().min(0).max(600_000);

const beforeOrAfter = [
  /** Answers this instead; nothing is done. Without a body Midtrans' own text for that status; `html` a proxy's page. */
  z.strictObject({
    kind: z.literal('http'),
    status: z.int().min(400).max(599),
    body: z.unknown().optional(),
    html: z.boolean().optional(),
  }),
  /** Answers this `status_code`; nothing is done, except that 202 on a charge makes a denied transaction. */
  z.strictObject({
    kind: z.literal('body'),
    statusCode: z.string().regex(/^[2-5]\d{2}$/, 'three digits, such as 500'),
    channelCode: z
      .string()
      .regex(/^\d{1,4}$/, 'digits, such as 900')
      .optional(),
  }),
  /** Closes the connection; nothing is done. */
  z.strictObject({ kind: z.literal('drop-before') }),
  /** Does it, then closes the connection instead of answering. */
  z.strictObject({ kind: z.literal('drop-after') }),
  /** Waits, then does it and answers; it is done even when the caller has gone. */
  z.strictObject({ kind: z.literal('slow'), delayMs }),
] as const;

const count = z.int().min(1).max(1000);
const common = { orderId: z.string().max(50).optional(), times: count.default(1) };

export const fault = z.union([
  z.strictObject({
    ...common,
    on: z.enum(['charge']),
    do: z.discriminatedUnion('kind', [
      ...beforeOrAfter,
      /** The charge succeeds and its QR is wrong. */
      z.strictObject({ kind: z.literal('qr'), change: z.enum(qrChanges) }),
    ]),
  }),
  z.strictObject({
    ...common,
    on: z.enum(['status', 'cancel', 'expire', 'refund']),
    do: z.discriminatedUnion('kind', beforeOrAfter),
  }),
  z.strictObject({
    ...common,
    on: z.literal('notification'),
    /** Only notifications of this state; otherwise the initial `pending` one would use the fault up. */
    transactionStatus: z.string().max(20).optional(),
    do: z.discriminatedUnion('kind', [
      /** Sent this many times more. */
      z.strictObject({ kind: z.literal('duplicate'), times: z.int().min(1).max(20).default(1) }),
      /** Kept back until `POST /_twin/notifications/release`. */
      z.strictObject({ kind: z.literal('hold') }),
      z.strictObject({ kind: z.literal('tamper'), change: z.enum(tampers) }),
      z.strictObject({ kind: z.literal('slow'), delayMs }),
      /** Never sent at all. */
      z.strictObject({ kind: z.literal('drop-before') }),
    ]),
  }),
]);
export type Fault = z.infer<typeof fault>;
export const faultList = z.array(fault).min(1).max(maxFaults);

export type RequestFault = Extract<Fault, { on: 'charge' }>['do'];
export type NoticeFault = Extract<Fault, { on: 'notification' }>['do'];
export type RequestKind = Exclude<Fault['on'], 'notification'>;

/** The faults that still wait, oldest first. One request takes at most one. */
export interface Faults {
  /** False when the list would become longer than its limit. */
  add(more: readonly Fault[]): boolean;
  list(): readonly Fault[];
  clear(): void;
  /** `orderIds`: every name by which the request knows its order. */
  takeForRequest(on: RequestKind, orderIds: readonly string[]): RequestFault | undefined;
  takeForNotice(orderId: string, status: TransactionStatus): NoticeFault | undefined;
}

export function createFaults(): Faults {
  let waiting: Fault[] = [];

  function use(found: Fault): void {
    waiting = waiting.flatMap((each) => {
      if (each !== found) return [each];
      return each.times > 1 ? [{ ...each, times: each.times - 1 }] : [];
    });
  }

  return {
    add(more) {
      if (waiting.length + more.length > maxFaults) return false;
      waiting.push(...more);
      return true;
    },
    list: () => waiting,
    clear() {
      waiting = [];
    },
    takeForRequest(on, orderIds) {
      for (const each of waiting) {
        if (each.on === 'notification' || each.on !== on) continue;
        if (each.orderId !== undefined && !orderIds.includes(each.orderId)) continue;
        use(each);
        return each.do;
      }
      return undefined;
    },
    takeForNotice(orderId, status) {
      for (const each of waiting) {
        if (each.on !== 'notification') continue;
        if (each.orderId !== undefined && each.orderId !== orderId) continue;
        if (each.transactionStatus !== undefined && each.transactionStatus !== status) continue;
        use(each);
        return each.do;
      }
      return undefined;
    },
  };
}
