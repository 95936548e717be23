// What no value of the configuration can tell alone: an address that takes real money by accident, or tokens in the open.
// These rules look at files that may have other faults too, so that all of them are told at once.
import { isIPv6 } from 'node:net';
import { z } from 'zod';
import { environment } from '../protocol/api.ts';
import { isLoopback, isSafeAddress } from '../protocol/safe-address.ts';

const productionUrl = 'https://api.midtrans.com';

/** A value that is wrong counts here as one that is not there: the schema tells it. */
const seen = <T>(schema: z.ZodType<T>): z.ZodType<T | undefined> =>
  schema.optional().catch(undefined);

/** As much of a configuration as these rules need and could be read. */
export const readable = z.object({
  environment: seen(environment),
  publicUrl: seen(z.url()),
  http: seen(
    z.object({
      host: seen(z.string().min(1)),
      tls: z.unknown().optional(),
      trustProxy: z.unknown().optional(),
    }),
  ),
  mqtt: seen(
    z.object({
      host: seen(z.string().min(1)),
      tls: z.unknown().optional(),
      publicUrl: z.unknown().optional(),
    }),
  ),
  broker: seen(
    z.object({
      kind: z.unknown().optional(),
      url: z.unknown().optional(),
      publicUrl: z.unknown().optional(),
      hookSecretFile: z.unknown().optional(),
    }),
  ),
  store: seen(z.object({ sqlite: z.unknown().optional(), postgres: z.unknown().optional() })),
  midtrans: seen(
    z.object({
      baseUrl: seen(z.url()),
      serverKeyFile: z.unknown().optional(),
      serverKeyCredential: z.unknown().optional(),
    }),
  ),
  merchant: seen(z.object({ nmid: seen(z.string()) })),
  limits: seen(z.object({ minIdr: seen(z.int()), maxIdr: seen(z.int()) })),
});
type Readable = z.infer<typeof readable>;

interface TogetherRule {
  path: string[];
  says: string;
  fits: (config: Readable) => boolean;
}

export const togetherRules: readonly TogetherRule[] = [
  {
    path: ['midtrans', 'baseUrl'],
    says: `environment production goes with ${productionUrl} alone`,
    fits: ({ environment: named, midtrans }) =>
      named !== 'production' ||
      midtrans?.baseUrl === undefined ||
      midtrans.baseUrl === productionUrl,
  },
  {
    path: ['midtrans', 'baseUrl'],
    says: `${productionUrl} takes real money, but environment is sandbox`,
    fits: ({ environment: named, midtrans }) =>
      named !== 'sandbox' || midtrans?.baseUrl !== productionUrl,
  },
  {
    path: ['midtrans', 'serverKeyFile'],
    says: 'name either serverKeyFile or serverKeyCredential, not both',
    fits: ({ midtrans }) =>
      midtrans === undefined ||
      (midtrans.serverKeyFile === undefined) !== (midtrans.serverKeyCredential === undefined),
  },
  {
    path: ['publicUrl'],
    says: 'it needs an https address: tokens and money pass over it',
    fits: ({ publicUrl }) => publicUrl === undefined || isSafe(publicUrl, 'https:'),
  },
  {
    path: ['midtrans', 'baseUrl'],
    says: 'it needs an https address: the Server Key passes over it',
    fits: ({ midtrans }) => midtrans?.baseUrl === undefined || isSafe(midtrans.baseUrl, 'https:'),
  },
  {
    path: ['http', 'tls'],
    says: 'this would listen without TLS for other machines: name http.tls, or listen on 127.0.0.1 behind a TLS proxy, or count your TLS proxies elsewhere in http.trustProxy',
    fits: ({ http }) => (http?.trustProxy ?? false) !== false || listensSafely(http),
  },
  {
    path: ['mqtt', 'tls'],
    says: 'this would listen without TLS for other machines: name mqtt.tls, or listen on 127.0.0.1 behind a TLS proxy',
    fits: ({ mqtt }) => listensSafely(mqtt),
  },
  {
    path: ['store'],
    says: 'name either sqlite (one relay) or postgres (many), not both',
    fits: ({ store }) =>
      store === undefined || (store.sqlite === undefined) !== (store.postgres === undefined),
  },
  {
    path: ['publicUrl'],
    says: 'an address without user, query and fragment: paths are put behind it',
    fits: ({ publicUrl }) => {
      const url = publicUrl === undefined ? null : URL.parse(publicUrl);
      return url === null || !/[?#@]/.test(url.href);
    },
  },
  {
    path: ['merchant', 'nmid'],
    says: 'NMIDs of the sandbox begin with AID, those of production with ID: is it the other one’s?',
    fits: ({ environment: named, merchant }) =>
      named === undefined ||
      merchant?.nmid === undefined ||
      (named === 'sandbox') === merchant.nmid.startsWith('AID'),
  },
  {
    path: ['store', 'postgres', 'url'],
    says: 'no password here, where everybody reads it: name a passwordFile',
    fits: ({ store }) => {
      const url = postgresOf(store)?.url;
      return url === undefined || (url.password === '' && !url.searchParams.has('password'));
    },
  },
  {
    path: ['store', 'postgres', 'url'],
    says: 'production needs TLS to a server elsewhere: name a caFile, or write ?sslmode=verify-full',
    fits: ({ environment: named, store }) => {
      const postgres = postgresOf(store);
      return named !== 'production' || postgres === undefined || isVerified(postgres);
    },
  },
  {
    path: ['mqtt'],
    says: 'name either mqtt (the broker inside) or broker (one outside), not both',
    fits: ({ mqtt, broker }) => (mqtt === undefined) !== (broker === undefined),
  },
  {
    path: ['broker', 'hookSecretFile'],
    says: 'kind hooks needs the secret that the broker shows, kind mosquitto has none',
    fits: ({ broker }) =>
      broker === undefined ||
      (broker.kind !== 'hooks' && broker.kind !== 'mosquitto') ||
      (broker.kind === 'hooks') === (broker.hookSecretFile !== undefined),
  },
  {
    path: ['broker', 'url'],
    says: 'it needs an mqtts address: the password of the relay passes over it',
    fits: ({ broker }) => typeof broker?.url !== 'string' || isSafe(broker.url, 'mqtts:'),
  },
  {
    path: ['broker', 'publicUrl'],
    says: 'it needs an mqtts address, to be told to the kiosks',
    fits: ({ broker }) =>
      typeof broker?.publicUrl !== 'string' || isSafe(broker.publicUrl, 'mqtts:'),
  },
  {
    path: ['mqtt', 'publicUrl'],
    says: 'it needs an mqtts address, to be told to the kiosks',
    fits: ({ mqtt }) => {
      const told = mqtt === undefined ? undefined : toldToKiosks(mqtt);
      return told === undefined || isSafe(told, 'mqtts:');
    },
  },
  {
    path: ['limits', 'minIdr'],
    says: 'minIdr is above maxIdr',
    fits: ({ limits }) =>
      limits?.minIdr === undefined || limits.maxIdr === undefined || limits.minIdr <= limits.maxIdr,
  },
];

/** Without an address of its own a kiosk is told that of the listener. */
function toldToKiosks({ host, tls, publicUrl }: NonNullable<Readable['mqtt']>): string | undefined {
  if (typeof publicUrl === 'string') return publicUrl;
  if (publicUrl !== undefined || host === undefined) return undefined;
  const scheme = tls === undefined ? 'mqtt' : 'mqtts';
  return `${scheme}://${isIPv6(host) ? `[${host}]` : host}`;
}

const postgres = z.object({ url: z.string(), caFile: z.unknown().optional() });

interface Postgres {
  url: URL;
  hasCa: boolean;
}

/** Undefined: none is named, or its address is none. */
function postgresOf(store: Readable['store']): Postgres | undefined {
  const named = postgres.safeParse(store?.postgres).data;
  const url = named === undefined ? null : URL.parse(named.url);
  if (named === undefined || url === null) return undefined;
  return { url, hasCa: named.caFile !== undefined };
}

/** Nobody in between can be the server, or nobody is in between. A `host` in the query wins (libpq); a path is a socket. */
function isVerified({ url, hasCa }: Postgres): boolean {
  const host = url.searchParams.get('host') ?? url.hostname;
  if (host === '' || host.startsWith('/') || isLoopback(host)) return true;
  return hasCa || url.searchParams.get('sslmode') === 'verify-full';
}

/** What is no address is told by the schema. */
function isSafe(address: string, protocol: 'https:' | 'mqtts:'): boolean {
  return URL.parse(address) === null || isSafeAddress(address, protocol);
}

/** What came from other machines would come in the open. */
function listensSafely(
  listener: { host?: string | undefined; tls?: unknown } | undefined,
): boolean {
  const { host, tls } = listener ?? {};
  return tls !== undefined || host === undefined || isLoopback(host);
}
