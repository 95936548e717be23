// The relay's configuration file: one schema, unknown keys refused. The Server Key is named here, never written here.
import { z } from 'zod';
import { environment, merchant } from '../protocol/api.ts';
import { qrisLimitsIdr } from '../protocol/money.ts';
import { fileFaults } from './config-files.ts';
import { readable, togetherRules } from './config-together.ts';
import { findServerKey } from './server-key.ts';

/** Midtrans: an expiry below 20 s is refused. */
const minExpiresMs = 20_000;
/** A QR that stays up longer than this serves nobody. */
const maxExpiresMs = 3_600_000;

/** More would be a mistake: each is believed. */
const maxProxies = 8;

/** Off-us QRIS can be refunded for seven days (midtrans.md §8); a day is left for trouble. */
const maxRefundAfterMs = 6 * 24 * 3_600_000;

/** Whoever takes work for a while asks several times within it: their leases are made for this (`maxHops`). */
export const maxAskTimeoutMs = 10_000;

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
  /** Well below the 60 s after which an attempt counts as ended (PROTOCOL.md §3). */
  chargeTimeoutMs: z.int().min(100).max(30_000).default(10_000),
  askTimeoutMs: z.int().min(100).max(maxAskTimeoutMs).default(8_000),
});

/** PEM files; the certificate with its chain. Read at the start. */
const tls = z.strictObject({ certFile: z.string().min(1), keyFile: z.string().min(1) });

const store = z.strictObject({
  /** A file on this machine: one relay. */
  sqlite: z.string().min(1).optional(),
  /** A server: any number of relays. */
  postgres: z
    .strictObject({
      /** Without a password in it. */
      url: z.url({ protocol: /^postgres(ql)?$/, error: 'a postgres address' }).max(500),
      passwordFile: z.string().min(1).optional(),
      /** Certificate authority of the server; without it the connection is as the address says. */
      caFile: z.string().min(1).optional(),
      maxConnections: z.int().min(2).max(200).default(10),
    })
    .optional(),
});

const mqttUrl = z.url({ protocol: /^mqtts?$/, error: 'an mqtt or mqtts address' }).max(200);

/** A broker that is a program of its own. */
const broker = z.strictObject({
  /** `mosquitto`: the relay keeps its accounts (dynamic security). `hooks`: the broker asks the relay over HTTP. */
  kind: z.enum(['mosquitto', 'hooks']),
  /** Where the relay reaches it. */
  url: mqttUrl,
  /** No kiosk may ever have it as its id: their accounts are made by id. */
  username: z
    .string()
    .regex(/^(?![a-z0-9]{4,9}$)[A-Za-z0-9._-]{1,64}$/, 'a name that no kiosk can have'),
  passwordFile: z.string().min(1),
  caFile: z.string().min(1).optional(),
  /** What kiosks are told at enrolment. */
  publicUrl: mqttUrl,
  /** `hooks`: the secret that the broker shows when it asks. */
  hookSecretFile: z.string().min(1).optional(),
});
export type ExternalBrokerConfig = z.infer<typeof broker>;

const settings = z.strictObject({
  environment,
  http: z.strictObject({
    host: z.string().min(1),
    port,
    /** TLS in this process; without it a proxy of yours does it. */
    tls: tls.optional(),
    /** How many proxies of ours stand in front; whoever connects is taken for the last of them. */
    trustProxy: z
      .union([z.literal(false), z.int().min(1).max(maxProxies)], {
        error: `false, or the number of your own proxies in front of it (1 to ${maxProxies})`,
      })
      .default(false),
  }),
  /** Where kiosks and Midtrans reach this relay. */
  publicUrl: httpUrl,
  /** The broker inside this process … */
  mqtt: z
    .strictObject({
      host: z.string().min(1),
      port,
      tls: tls.optional(),
      /** What kiosks are told at enrolment; without it that of this listener. */
      publicUrl: mqttUrl.optional(),
    })
    .optional(),
  /** … or one outside. Exactly one of the two. */
  broker: broker.optional(),
  store,
  stateDir: z.string().min(1),
  /** Where the support bundles of kiosks are kept; without it none is taken. */
  supportDir: z.string().min(1).optional(),
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
  /** `automatic`: claims that no operator must see are paid back through Midtrans. */
  refund: z.enum(['by-operator', 'automatic']).default('by-operator'),
  /** `automatic`: how long after it opened; until then the customer may still get the goods. */
  refundAfterMs: z.int().min(0).max(maxRefundAfterMs).default(60_000),
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

/**
 * The same, with every file that it names tried: for whoever serves, before anything is opened or made.
 * @param credentialsDirectory systemd's `$CREDENTIALS_DIRECTORY`
 */
export function servingRelayConfig(
  credentialsDirectory: string | undefined,
): z.ZodType<RelayConfig> {
  return startableRelayConfig(credentialsDirectory).superRefine((config, context) => {
    for (const { setting, message } of fileFaults(config)) {
      context.addIssue({ code: 'custom', path: setting.split('.'), message });
    }
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
  'http.tls': '{ certFile: /etc/kios/relay.crt, keyFile: /etc/kios/relay.key }',
  'http.tls.certFile': '/etc/kios/relay.crt',
  'http.tls.keyFile': '/etc/kios/relay.key',
  mqtt: '{ host: 127.0.0.1, port: 1883 }',
  'mqtt.tls': '{ certFile: /etc/kios/relay.crt, keyFile: /etc/kios/relay.key }',
  'mqtt.tls.certFile': '/etc/kios/relay.crt',
  'mqtt.tls.keyFile': '/etc/kios/relay.key',
  broker:
    '{ kind: mosquitto, url: mqtts://broker.example.id:8883, username: kios-relay, passwordFile: /etc/kios/broker-password, publicUrl: mqtts://broker.example.id:8883 }',
  'broker.kind': 'mosquitto',
  'broker.url': 'mqtts://broker.example.id:8883',
  'broker.username': 'kios-relay',
  'broker.passwordFile': '/etc/kios/broker-password',
  'broker.caFile': '/etc/kios/ca.crt',
  'broker.publicUrl': 'mqtts://broker.example.id:8883',
  'broker.hookSecretFile': '/etc/kios/hook-secret',
  'mqtt.host': '127.0.0.1',
  'mqtt.port': '1883',
  'mqtt.publicUrl': 'mqtts://relay.example.id:8883',
  store: '{ sqlite: /var/lib/kios-relay/relay.db }',
  'store.sqlite': '/var/lib/kios-relay/relay.db',
  'store.postgres':
    '{ url: postgres://kios@db.example.id/kios, passwordFile: /etc/kios/postgres-password }',
  'store.postgres.url': 'postgres://kios@db.example.id/kios',
  'store.postgres.passwordFile': '/etc/kios/postgres-password',
  'store.postgres.caFile': '/etc/kios/postgres-ca.crt',
  'store.postgres.maxConnections': '10',
  stateDir: '/var/lib/kios-relay',
  supportDir: '/var/lib/kios-relay/support',
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
  refundAfterMs: '60000',
};
