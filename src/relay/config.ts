// The relay's configuration file: one schema, unknown keys refused. The Server Key is named here, never written here.
import { z } from 'zod';
import { environment, merchant } from '../protocol/api.ts';
import { qrisLimitsIdr } from '../protocol/money.ts';
import { readable, togetherRules } from './config-together.ts';
import { findServerKey } from './server-key.ts';

/** Midtrans: an expiry below 20 s is refused. */
const minExpiresMs = 20_000;
/** A QR that stays up longer than this serves nobody. */
const maxExpiresMs = 3_600_000;

/** More would be a mistake: each is believed. */
const maxProxies = 8;

const port = z.int().min(0).max(65_535);
const httpUrl = z
  .url({ protocol: /^https?$/, error: 'an http or https address' })
  .max(200)
  .refine((text) => !text.endsWith('/'), { error: 'without a slash at its end' });

const midtrans = z.strictObject({
  baseUrl: httpUrl,
  serverKeyFile: z.string().min(1).optional(),
  serverKeyCredential: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/, 'the name of a systemd credential')
    .optional(),
  merchantId: z.string().min(1).max(32),
  paymentType: z.enum(['qris', 'gopay']).default('qris'),
  acquirer: z.enum(['gopay', 'airpay shopee']).default('gopay'),
  chargeTimeoutMs: z.int().min(100).max(60_000).default(10_000),
  askTimeoutMs: z.int().min(100).max(30_000).default(8_000),
});

const settings = z.strictObject({
  environment,
  http: z.strictObject({
    host: z.string().min(1),
    port,
    /** How many proxies of ours stand in front; whoever connects is taken for the last of them. */
    trustProxy: z
      .union([z.literal(false), z.int().min(1).max(maxProxies)], {
        error: `false, or the number of your own proxies in front of it (1 to ${maxProxies})`,
      })
      .default(false),
  }),
  /** Where kiosks and Midtrans reach this relay. */
  publicUrl: httpUrl,
  mqtt: z.strictObject({
    host: z.string().min(1),
    port,
    /** What kiosks are told at enrolment; without it `mqtt://<host>:<port>`. */
    publicUrl: z
      .url({ protocol: /^mqtts?$/, error: 'an mqtt or mqtts address' })
      .max(200)
      .optional(),
  }),
  store: z.strictObject({ sqlite: z.string().min(1) }),
  stateDir: z.string().min(1),
  midtrans,
  merchant: z.strictObject(merchant.shape),
  limits: z
    .strictObject({
      minIdr: z.int().min(qrisLimitsIdr.min).default(qrisLimitsIdr.min),
      maxIdr: z.int().max(qrisLimitsIdr.max).default(qrisLimitsIdr.max),
    })
    .prefault({}),
  sale: z
    .strictObject({
      expiresInMs: z.int().min(minExpiresMs).max(maxExpiresMs).default(180_000),
    })
    .prefault({}),
  refund: z
    .literal('by-operator', {
      error: 'by-operator is all there is: refunds that make themselves come with a later version',
    })
    .default('by-operator'),
});
export type RelayConfig = z.infer<typeof settings>;

/** The configuration of one relay. */
export const relayConfig = togetherRules.reduce<z.ZodType<RelayConfig>>(
  (schema, { path, says, fits }) =>
    schema.refine((config) => fits(readable.parse(config)), {
      path,
      error: says,
      // Also where other values are wrong, so that all faults are told at once.
      when: ({ value }) => typeof value === 'object' && value !== null && !Array.isArray(value),
    }),
  settings,
);

/**
 * The same, with the Server Key tried: for whoever starts a relay here and now.
 * @param credentialsDirectory systemd's `$CREDENTIALS_DIRECTORY`
 */
export function startableRelayConfig(
  credentialsDirectory: string | undefined,
): z.ZodType<RelayConfig> {
  return relayConfig.superRefine((config, context) => {
    const found = findServerKey(config.midtrans, credentialsDirectory);
    if (found.kind === 'key') return;
    context.addIssue({ code: 'custom', path: ['midtrans', found.setting], message: found.why });
  });
}

/** An example value for each path, shown beside a fault there. Where sandbox and production differ, it names both. */
export const relayExamples: Readonly<Record<string, string>> = {
  environment: 'sandbox',
  http: '{ host: 127.0.0.1, port: 8080 }',
  'http.host': '127.0.0.1',
  'http.port': '8080',
  'http.trustProxy': '1',
  publicUrl: 'https://relay.example.id',
  mqtt: '{ host: 0.0.0.0, port: 1883 }',
  'mqtt.host': '0.0.0.0',
  'mqtt.port': '1883',
  'mqtt.publicUrl': 'mqtts://relay.example.id:8883',
  store: '{ sqlite: /var/lib/kios-relay/relay.db }',
  'store.sqlite': '/var/lib/kios-relay/relay.db',
  stateDir: '/var/lib/kios-relay',
  midtrans:
    '{ baseUrl: https://api.sandbox.midtrans.com, serverKeyFile: /etc/kios/server-key, merchantId: G000000001 }',
  'midtrans.baseUrl':
    'https://api.sandbox.midtrans.com with environment sandbox, https://api.midtrans.com with production',
  'midtrans.serverKeyFile': '/etc/kios/server-key',
  'midtrans.serverKeyCredential': 'server-key',
  'midtrans.merchantId': 'G000000001',
  'midtrans.paymentType': 'qris',
  'midtrans.acquirer': 'gopay',
  'midtrans.chargeTimeoutMs': '10000',
  'midtrans.askTimeoutMs': '8000',
  merchant: '{ name: KIOS CONTOH, nmid: AID1099000000001, pan: "9360091400000000017" }',
  'merchant.name': 'KIOS CONTOH',
  'merchant.nmid': 'AID1099000000001 with environment sandbox, ID1099000000001 with production',
  'merchant.pan': '"9360091400000000017"',
  limits: '{ minIdr: 1000, maxIdr: 10000000 }',
  'limits.minIdr': '1000',
  'limits.maxIdr': '10000000',
  sale: '{ expiresInMs: 180000 }',
  'sale.expiresInMs': '180000',
  refund: 'by-operator',
};
