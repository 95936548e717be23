// The broker's part of the configuration: what is refused before anything starts.
import { expect, test } from 'vitest';
import { relayConfig } from '../../src/relay/config.ts';

const outside = {
  kind: 'mosquitto',
  url: 'mqtts://broker.example.id:8883',
  username: 'kios-relay',
  passwordFile: '/etc/kios/broker-password',
  publicUrl: 'mqtts://broker.example.id:8883',
};

function faultsOf(more: Record<string, unknown>): string[] {
  const parsed = relayConfig.safeParse({
    environment: 'production',
    http: { host: '127.0.0.1', port: 8080 },
    publicUrl: 'https://relay.example.id',
    store: { sqlite: '/var/lib/kios-relay/relay.db' },
    stateDir: '/var/lib/kios-relay',
    midtrans: {
      baseUrl: 'https://api.midtrans.com',
      serverKeyFile: '/etc/kios/server-key',
      merchantId: 'G000000001',
    },
    merchant: { name: 'KIOS CONTOH', nmid: 'ID1099000000001', pan: '9360091400000000017' },
    ...more,
  });
  return parsed.success ? [] : parsed.error.issues.map((issue) => issue.path.join('.'));
}

test('a broker outside needs encrypted addresses, both ways', () => {
  expect(faultsOf({ broker: outside })).toEqual([]);
  const open = { ...outside, url: 'mqtt://broker.example.id', publicUrl: 'mqtt://b.example.id' };
  expect(faultsOf({ broker: open })).toEqual(['broker.url', 'broker.publicUrl']);
  expect(faultsOf({ broker: { ...outside, url: 'mqtt://127.0.0.1:1883' } })).toEqual([]);
});

test('the relay’s name at the broker is one that no kiosk can have', () => {
  for (const username of ['relay', 'ksk01', '', 'kios relay', 'a/b', '#']) {
    expect(faultsOf({ broker: { ...outside, username } })).toEqual(['broker.username']);
  }
});

test('hooks need their secret, and Mosquitto has none', () => {
  const hookSecretFile = '/etc/kios/hook-secret';
  expect(faultsOf({ broker: { ...outside, kind: 'hooks' } })).toEqual(['broker.hookSecretFile']);
  expect(faultsOf({ broker: { ...outside, hookSecretFile } })).toEqual(['broker.hookSecretFile']);
  expect(faultsOf({ broker: { ...outside, kind: 'hooks', hookSecretFile } })).toEqual([]);
});

test('TLS of the broker inside needs certificate and key; then its own address is encrypted', () => {
  const mqtt = { host: '203.0.113.7', port: 8883 };
  const tls = { certFile: '/etc/kios/relay.crt', keyFile: '/etc/kios/relay.key' };
  expect(faultsOf({ mqtt })).toEqual(['mqtt.tls', 'mqtt.publicUrl']);
  expect(faultsOf({ mqtt: { ...mqtt, tls } })).toEqual([]);
  expect(faultsOf({ mqtt: { ...mqtt, tls: { certFile: tls.certFile } } })).toEqual([
    'mqtt.tls.keyFile',
  ]);
});
