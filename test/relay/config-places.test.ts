// Where the relay's configuration must not be believed: passwords in the open, a server that nobody has verified, the
// merchant of the other environment, an address behind which no path can be put.
import { expect, test } from 'vitest';
import { relayConfig } from '../../src/relay/config.ts';

const sandbox = {
  environment: 'sandbox',
  http: { host: '127.0.0.1', port: 8080 },
  publicUrl: 'https://relay.example.id',
  mqtt: { host: '127.0.0.1', port: 1883 },
  store: { sqlite: '/var/lib/kios-relay/relay.db' },
  stateDir: '/var/lib/kios-relay',
  midtrans: {
    baseUrl: 'https://api.sandbox.midtrans.com',
    serverKeyFile: '/etc/kios/server-key',
    merchantId: 'G000000001',
  },
  merchant: { name: 'KIOS CONTOH', nmid: 'AID1099000000001', pan: '9360091400000000017' },
};
const production = {
  ...sandbox,
  environment: 'production',
  midtrans: { ...sandbox.midtrans, baseUrl: 'https://api.midtrans.com' },
  merchant: { ...sandbox.merchant, nmid: 'ID1099000000001' },
};

function faultsOf(config: unknown): string[] {
  const parsed = relayConfig.safeParse(config);
  return parsed.success ? [] : parsed.error.issues.map((issue) => issue.path.join('.'));
}

function onPostgres(url: string, more: Record<string, unknown> = {}): unknown {
  return { ...production, store: { postgres: { url, ...more } } };
}

test('both of these are right', () => {
  expect(faultsOf(sandbox)).toEqual([]);
  expect(faultsOf(production)).toEqual([]);
});

test('the NMID is one of its environment', () => {
  expect(faultsOf({ ...sandbox, merchant: production.merchant })).toEqual(['merchant.nmid']);
  expect(faultsOf({ ...production, merchant: sandbox.merchant })).toEqual(['merchant.nmid']);
});

test('the address of the database has no password in it', () => {
  for (const url of [
    'postgres://kios:secret@127.0.0.1/kios',
    'postgres://kios@127.0.0.1/kios?password=secret',
  ]) {
    expect(faultsOf(onPostgres(url))).toEqual(['store.postgres.url']);
  }
});

test('production verifies a database elsewhere; one on this machine needs no TLS', () => {
  const elsewhere = 'postgres://kios@db.example.id/kios';
  for (const query of ['', '?sslmode=no-verify', '?sslmode=disable', '?sslmode=require']) {
    expect(faultsOf(onPostgres(elsewhere + query))).toEqual(['store.postgres.url']);
  }
  expect(faultsOf(onPostgres(`${elsewhere}?sslmode=verify-full`))).toEqual([]);
  expect(faultsOf(onPostgres(elsewhere, { caFile: '/etc/kios/ca.crt' }))).toEqual([]);
  for (const near of ['127.0.0.1/kios', '[::1]/kios', 'localhost/kios?host=/run/postgresql']) {
    expect(faultsOf(onPostgres(`postgres://kios@${near}`))).toEqual([]);
  }
  expect(faultsOf(onPostgres('postgres://kios@127.0.0.1/kios?host=db.example.id'))).toEqual([
    'store.postgres.url',
  ]);
  const url = 'postgres://kios@db.example.id/kios';
  expect(faultsOf({ ...sandbox, store: { postgres: { url } } })).toEqual([]);
});

test('paths are put behind the public address', () => {
  for (const end of ['?a=b', '#top', '/?', '/a#']) {
    const publicUrl = `https://relay.example.id${end}`;
    expect(faultsOf({ ...sandbox, publicUrl })).toEqual(['publicUrl']);
  }
  const named = { ...sandbox, publicUrl: 'https://user:secret@relay.example.id' };
  expect(faultsOf(named)).toEqual(['publicUrl']);
  expect(faultsOf({ ...sandbox, publicUrl: 'https://relay.example.id/kios' })).toEqual([]);
});
