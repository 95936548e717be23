// The relay says no to every line that is open to those on the way, in sandbox and production alike, and says the mend.
import { expect, test } from 'vitest';
import { relayConfig } from '../../src/relay/config.ts';

const tls = { certFile: '/etc/kios/relay.crt', keyFile: '/etc/kios/relay.key' };
const safe = {
  environment: 'sandbox',
  http: { host: '127.0.0.1', port: 8080 },
  publicUrl: 'https://relay.example.id',
  mqtt: { host: '127.0.0.1', port: 1883, publicUrl: 'mqtts://relay.example.id:8883' },
  store: { sqlite: '/var/lib/kios-relay/relay.db' },
  stateDir: '/var/lib/kios-relay',
  midtrans: {
    baseUrl: 'https://api.sandbox.midtrans.com',
    serverKeyFile: '/etc/kios/server-key',
    merchantId: 'G000000001',
  },
  merchant: { name: 'KIOS CONTOH', nmid: 'AID1099000000001', pan: '9360091400000000017' },
};

function faultsOf(change: object): string[] {
  const parsed = relayConfig.safeParse({ ...safe, ...change });
  if (parsed.success) return [];
  return parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

const everywhere = { host: '0.0.0.0', port: 8080 };

test.each([
  ['behind TLS proxies of this machine', {}],
  [
    'with TLS of its own',
    { http: { ...everywhere, tls }, mqtt: { ...safe.mqtt, ...everywhere, tls } },
  ],
  ['behind TLS proxies that are counted', { http: { ...everywhere, trustProxy: 1 } }],
  ['on IPv6’s own loopback', { http: { host: '::1', port: 8080 } }],
  ['on a bench', { publicUrl: 'http://127.0.0.1:8080', mqtt: { host: '127.0.0.1', port: 1883 } }],
])('it listens %s', (_how, change) => {
  expect(faultsOf(change)).toEqual([]);
});

test.each([
  ['http.tls', { http: everywhere }, 'name http.tls, or listen on 127.0.0.1'],
  ['http.tls', { http: { ...everywhere, trustProxy: false } }, 'http.trustProxy'],
  ['http.tls', { http: { host: '::', port: 8080 } }, 'name http.tls'],
  [
    'mqtt.tls',
    { mqtt: { ...safe.mqtt, host: '0.0.0.0' } },
    'name mqtt.tls, or listen on 127.0.0.1',
  ],
  ['mqtt.publicUrl', { mqtt: { ...safe.mqtt, publicUrl: 'mqtt://relay.example.id' } }, 'mqtts'],
  ['publicUrl', { publicUrl: 'http://relay.example.id' }, 'https'],
  [
    'midtrans.baseUrl',
    { midtrans: { ...safe.midtrans, baseUrl: 'http://twin.example.id' } },
    'https',
  ],
])('%s: refused, with the mend', (path, change, mend) => {
  const faults = faultsOf(change);
  expect(faults).toHaveLength(1);
  expect(faults[0]?.startsWith(`${path}: `)).toBe(true);
  expect(faults[0]).toContain(mend);
});
