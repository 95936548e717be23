// The relay's configuration file: one schema, unknown keys refused. The Server Key is named here, never written here.
import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import { environment, merchant, type Environment } from '../protocol/api.ts';
import { qrisLimitsIdr } from '../protocol/money.ts';

const productionUrl = 'https://api.midtrans.com';
/** Midtrans: an expiry below 20 s is refused. */
const minExpiresMs = 20_000;
/** A QR that stays up longer than this serves nobody. */
const maxExpiresMs = 3_600_000;

/** More would be a mistake: each is believed. */
const maxProxies = 8;
const loopback = /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\]|localhost)$/;

const port = z.int().min(0).max(65_535);
const httpUrl = z
  .url({ protocol: /^https?$/, error: 'an http or https address' })
  .max(200)
  .refine((text) => !text.endsWith('/'), { error: 'without a slash at its end' });

const midtrans = z
  .strictObject({
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
  })
  .refine((m) => (m.serverKeyFile === undefined) !== (m.serverKeyCredential === undefined), {
    path: ['serverKeyFile'],
    error: 'name either serverKeyFile or serverKeyCredential, not both',
  });

export const relayConfig = z
  .strictObject({
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
      .refine((limits) => limits.minIdr <= limits.maxIdr, { error: 'minIdr is above maxIdr' })
      .prefault({}),
    sale: z
      .strictObject({
        expiresInMs: z.int().min(minExpiresMs).max(maxExpiresMs).default(180_000),
      })
      .prefault({}),
    refund: z
      .literal('by-operator', {
        error:
          'by-operator is all there is: refunds that make themselves come with a later version',
      })
      .default('by-operator'),
  })
  .superRefine((config, context) => {
    for (const { path, message } of environmentFaults(config)) {
      context.addIssue({ code: 'custom', path, message });
    }
  });

/** What may not be so with real money, or with an address that takes it. */
function environmentFaults(config: {
  environment: Environment;
  publicUrl: string;
  mqtt: { host: string; publicUrl?: string | undefined };
  midtrans: { baseUrl: string };
}): { path: string[]; message: string }[] {
  const faults: { path: string[]; message: string }[] = [];
  const production = config.environment === 'production';
  if (production !== (config.midtrans.baseUrl === productionUrl)) {
    const message = production
      ? `environment production goes with ${productionUrl} alone`
      : `${productionUrl} takes real money, but environment is sandbox`;
    faults.push({ path: ['midtrans', 'baseUrl'], message });
  }
  if (!production) return faults;
  if (!isSafe(config.publicUrl, 'https:')) {
    const message = 'production needs an https address: tokens and money pass over it';
    faults.push({ path: ['publicUrl'], message });
  }
  const { host, publicUrl = `mqtt://${isIPv6(host) ? `[${host}]` : host}` } = config.mqtt;
  if (!isSafe(publicUrl, 'mqtts:')) {
    const message = 'production needs an mqtts address, to be told to the kiosks';
    faults.push({ path: ['mqtt', 'publicUrl'], message });
  }
  return faults;
}

/** Encrypted, or never leaving this machine. */
function isSafe(address: string, protocol: 'https:' | 'mqtts:'): boolean {
  const url = new URL(address);
  return url.protocol === protocol || loopback.test(url.hostname);
}

export type RelayConfig = z.infer<typeof relayConfig>;

/** An example value for each path, shown beside a fault there. */
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
  'midtrans.baseUrl': 'https://api.sandbox.midtrans.com',
  'midtrans.serverKeyFile': '/etc/kios/server-key',
  'midtrans.serverKeyCredential': 'server-key',
  'midtrans.merchantId': 'G000000001',
  'midtrans.paymentType': 'qris',
  'midtrans.acquirer': 'gopay',
  merchant: '{ name: KIOS CONTOH, nmid: AID1099000000001, pan: "9360091400000000017" }',
  'merchant.name': 'KIOS CONTOH',
  'merchant.nmid': 'ID1099000000001',
  'merchant.pan': '"9360091400000000017"',
  'limits.maxIdr': '10000000',
  'sale.expiresInMs': '180000',
  refund: 'by-operator',
};

const maxKeyLength = 200;

/**
 * Reads the Server Key from its file or systemd credential.
 * @throws Error naming the file, never its content.
 */
export function readServerKey(
  settings: RelayConfig['midtrans'],
  credentialsDirectory: string | undefined,
): string {
  let file = settings.serverKeyFile;
  if (settings.serverKeyCredential !== undefined) {
    if (credentialsDirectory === undefined) {
      throw new Error('midtrans.serverKeyCredential needs systemd (LoadCredential=)');
    }
    file = join(credentialsDirectory, settings.serverKeyCredential);
  }
  const key = readFileSync(file ?? '', 'utf8').trim();
  if (key.length === 0 || key.length > maxKeyLength || /[^\x21-\x7e]/.test(key)) {
    throw new Error(`${file ?? ''} does not hold a Server Key: one line of plain text`);
  }
  return key;
}
