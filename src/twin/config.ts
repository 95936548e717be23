// The configuration of the twin, as `kios twin --config` reads it. Holds paths of secrets, never a secret.
import { z } from 'zod';
import { findServerKey } from './server-key.ts';

const loopback = /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1|localhost)$/;

const http = z
  .strictObject({
    host: z.string().min(1).max(255).default('127.0.0.1'),
    /** 0: any free port. */
    port: z.int().min(0).max(65_535).default(0),
    /** Must be said aloud before anything but loopback is bound: whoever reaches the twin can pay every bill. */
    exposed: z.boolean().default(false),
  })
  .refine((value) => value.exposed || loopback.test(value.host), {
    path: ['host'],
    error: 'only loopback is bound, unless http.exposed is true',
    // Also where other values are wrong, so that all faults are told at once.
    when: ({ value }) =>
      typeof value === 'object' &&
      value !== null &&
      'host' in value &&
      typeof value.host === 'string',
  });

const merchant = z.strictObject({
  id: z.string().regex(/^G\d{9}$/, 'a Midtrans merchant id is G and 9 digits'),
  name: z.string().min(1).max(25, 'QRIS allows 25 characters in the name'),
  nmid: z.string().regex(/^A?ID\d{13}$/, 'an NMID is ID (AID in the sandbox) and 13 digits'),
  pan: z.string().regex(/^\d{19}$/, 'a merchant PAN is 19 digits'),
  city: z.string().min(1).max(15, 'QRIS allows 15 characters in the city'),
  postalCode: z.string().regex(/^\d{5}$/, 'a postal code is 5 digits'),
  mcc: z.string().regex(/^\d{4}$/, 'a merchant category code is 4 digits'),
});

const webUrl = z.url({ protocol: /^https?$/, error: 'an http or https address' }).max(500);

export const twinConfig = z.strictObject({
  http: http.prefault({}),
  serverKeyFile: z.string().min(1).max(4096),
  merchant,
  /** The dashboard's notification address; a charge may override it or add to it. */
  notificationUrl: webUrl.optional(),
  /** A channel that is off answers 402. */
  channels: z
    .strictObject({ qris: z.boolean().default(true), gopay: z.boolean().default(true) })
    .prefault({}),
  /** SQLite file that keeps transactions and notifications under way between runs. */
  stateFile: z.string().min(1).max(4096).optional(),
  /** The same seed gives the same ids and the same retry shifts. */
  seed: z.int().min(0).max(4_294_967_295).optional(),
  notifications: z
    .strictObject({
      /** 1: Midtrans' own retry gaps of minutes and hours; 0.001: seconds. */
      timeScale: z.number().positive().max(1).default(1),
      /** Between an event and its first notification. */
      delayMs: z.int().min(0).max(600_000).default(0),
    })
    .prefault({}),
  expiry: z
    .strictObject({
      /** How long after `expiry_time` the books say so. Until then the QR can still be paid. */
      schedulerDelayMs: z.int().min(0).max(86_400_000).default(0),
      /** Up to so much more, by the charge's id: the same charge always the same. */
      schedulerSpreadMs: z.int().min(0).max(86_400_000).default(0),
    })
    .prefault({}),
  refunds: z
    .strictObject({
      /** Off: every refund answers 412, as for a merchant who has not been given them. */
      enabled: z.boolean().default(true),
      /** What refunds are paid from; null: never at an end. */
      balanceIdr: z.int().min(0).max(1_000_000_000_000).nullable().default(null),
      /** From the refund to its second notification, before `timeScale`. */
      confirmMs: z.int().min(0).max(86_400_000).default(60_000),
    })
    .prefault({}),
  /** Present: time stands until `POST /_twin/clock/advance`, and with a seed everything repeats itself. */
  virtualClock: z
    .strictObject({
      startAt: z.iso.datetime({
        offset: true,
        error: 'an instant such as 2026-01-01T10:00:00+07:00',
      }),
    })
    .optional(),
});

export type TwinConfig = z.infer<typeof twinConfig>;

/** The same, with the Server Key tried: for whoever starts a twin here and now. */
export const startableTwinConfig = twinConfig.superRefine(({ serverKeyFile }, context) => {
  const found = findServerKey(serverKeyFile);
  if (found.kind === 'key') return;
  context.addIssue({ code: 'custom', path: ['serverKeyFile'], message: found.why });
});

/** An example for each path, shown beside a fault at that path. */
export const examples: Readonly<Record<string, string>> = {
  http: '{ host: 127.0.0.1, port: 8090 }',
  'http.host': '127.0.0.1',
  'http.port': '8090',
  'http.exposed': 'false',
  serverKeyFile: '/etc/kios/twin/server-key',
  merchant:
    '{ id: G000000001, name: KIOS CONTOH, nmid: AID1099000000001, pan: "9360000000000000017", city: BANDUNG, postalCode: "40111", mcc: "5812" }',
  'merchant.id': 'G000000001',
  'merchant.name': 'KIOS CONTOH',
  'merchant.nmid': 'AID1099000000001',
  'merchant.pan': "'9360000000000000017'",
  'merchant.city': 'BANDUNG',
  'merchant.postalCode': "'40111'",
  'merchant.mcc': "'5812'",
  notificationUrl: 'http://127.0.0.1:8080/v1/notifications/midtrans',
  channels: '{ qris: true, gopay: true }',
  'channels.qris': 'true',
  'channels.gopay': 'true',
  stateFile: '/var/lib/kios/twin.sqlite',
  seed: '42',
  notifications: '{ timeScale: 0.01 }',
  'notifications.timeScale': '0.01',
  'notifications.delayMs': '200',
  expiry: '{ schedulerDelayMs: 5000 }',
  'expiry.schedulerDelayMs': '5000',
  'expiry.schedulerSpreadMs': '30000',
  refunds: '{ enabled: true }',
  'refunds.enabled': 'true',
  'refunds.balanceIdr': '1000000',
  'refunds.confirmMs': '60000',
  virtualClock: '{ startAt: 2026-01-01T10:00:00+07:00 }',
  'virtualClock.startAt': '2026-01-01T10:00:00+07:00',
};
