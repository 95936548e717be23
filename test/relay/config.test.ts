// The relay's configuration: the example parses, mistakes come all at once, real money is never taken by accident.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { ConfigError, parseConfig, readConfigFile } from '../../src/lib/config-file.ts';
import { relayConfig, relayExamples, startableRelayConfig } from '../../src/relay/config.ts';
import { readServerKey } from '../../src/relay/server-key.ts';

const example = new URL('../../config/relay.example.yaml', import.meta.url).pathname;
const text = readFileSync(example, 'utf8');

function faultsOf(changed: string): readonly string[] {
  try {
    parseConfig('relay.yaml', changed, relayConfig, relayExamples);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
}

const withProperties = z.object({ properties: z.record(z.string(), z.unknown()).default({}) });

function pathsOf(schema: unknown, above = ''): string[] {
  return Object.entries(withProperties.parse(schema).properties).flatMap(([key, below]) => [
    `${above}${key}`,
    ...pathsOf(below, `${above}${key}.`),
  ]);
}

test('the example file parses', () => {
  const config = readConfigFile(example, relayConfig, relayExamples);
  expect(config.sale.expiresInMs).toBe(180_000);
});

test('three mistakes give three messages, with lines and examples', () => {
  const faults = faultsOf(
    text
      .replace('port: 8080', 'port: many')
      .replace('paymentType: qris', 'paymentType: cash')
      .replace('refund: by-operator', 'refunds: never'),
  );
  expect(faults).toHaveLength(3);
  expect(faults.join('\n')).toMatch(/line \d+: http\.port: .*\(for example port: 8080\)/);
  expect(faults.join('\n')).toContain('refunds: unknown key');
});

test('what is wrong between values is told together with the rest', () => {
  const faults = faultsOf(
    text
      .replace('environment: sandbox', 'environment: production')
      .replace('port: 8080', 'port: many')
      .replace('minIdr: 1000', 'minIdr: 20000000')
      .replace('publicUrl: https://', 'publicUrl: http://')
      .replace('paymentType: qris', 'paymentType: cash'),
  ).join('\n');
  for (const path of [
    ...['http.port', 'midtrans.paymentType'],
    ...['midtrans.baseUrl', 'limits.minIdr', 'publicUrl'],
  ]) {
    expect(faults).toContain(`${path}: `);
  }
  // An example must not contradict the reason beside it.
  expect(faults).toMatch(
    /midtrans\.baseUrl: .*for example .*https:\/\/api\.midtrans\.com with production/,
  );
});

test.each(['5', '[]', 'null', 'midtrans: 5', 'mqtt: []', 'limits: null', 'publicUrl: x'])(
  'a file that is only %s is told in faults, not in a stack',
  (nonsense) => {
    expect(faultsOf(nonsense).length).toBeGreaterThan(0);
  },
);

test('every setting has an example', () => {
  expect(pathsOf(z.toJSONSchema(relayConfig)).filter((path) => !(path in relayExamples))).toEqual(
    [],
  );
});

/** The example, of production but for what Midtrans' address is. */
const ofProduction = text
  .replace('environment: sandbox', 'environment: production')
  .replace('nmid: AID', 'nmid: ID');

test('environment and address must agree', () => {
  const production = 'https://api.midtrans.com';
  const sandbox = 'https://api.sandbox.midtrans.com';
  expect(faultsOf(text.replace(sandbox, production))[0]).toContain('real money');
  expect(faultsOf(ofProduction)).toHaveLength(1);
  expect(faultsOf(ofProduction.replace(sandbox, production))).toEqual([]);
});

test('kiosks are told encrypted addresses alone', () => {
  const production = ofProduction.replace('api.sandbox.midtrans.com', 'api.midtrans.com');
  const plain = production
    .replace('publicUrl: https://', 'publicUrl: http://')
    .replace('publicUrl: mqtts://', 'publicUrl: mqtt://');
  expect(faultsOf(plain)).toHaveLength(2);
  expect(faultsOf(plain)[0]).toMatch(/publicUrl: .*https/);
  expect(faultsOf(plain)[1]).toMatch(/mqtt\.publicUrl: .*mqtts/);
  // Without an address of its own a kiosk would be told that of the plain listener.
  const none = production
    .replace(/ {2}publicUrl: mqtts:.*\n/, '')
    .replace('mqtt:\n  host: 127.0.0.1', 'mqtt:\n  host: 0.0.0.0');
  expect(faultsOf(none).join()).toMatch(/mqtt\.publicUrl: .*mqtts/);
  const loopback = plain.replaceAll('relay.example.id', '127.0.0.1');
  expect(faultsOf(loopback)).toEqual([]);
  // Midtrans' address and the NMID besides.
  expect(faultsOf(plain.replace('environment: production', 'environment: sandbox'))).toHaveLength(
    4,
  );
});

test('proxies are counted, and none is believed unless said', () => {
  const config = parseConfig('relay.yaml', text, relayConfig);
  expect(config.http.trustProxy).toBe(false);
  const hops = (value: string): readonly string[] =>
    faultsOf(text.replace('port: 8080', `port: 8080\n  trustProxy: ${value}`));
  expect(hops('1')).toEqual([]);
  expect(hops('true')).toHaveLength(1);
  expect(hops('0')).toHaveLength(1);
});

test('a word for refunds that nobody knows is refused', () => {
  const faults = faultsOf(text.replace('refund: by-operator', 'refund: sometimes'));
  expect(faults.join()).toMatch(/refund: .*by-operator/);
});

test('exactly one store and one broker must be named', () => {
  const two = text
    .replace('  sqlite: /var/lib/kios-relay/relay.db', '  {}')
    .replace('  host: 127.0.0.1\n  port: 1883\n', '')
    .replace('  publicUrl: mqtts://relay.example.id:8883\n', '  {}\n');
  expect(faultsOf(two).join()).toMatch(/store: name either sqlite .* or postgres/);
  const outside = `
broker:
  kind: mosquitto
  url: mqtts://broker.example.id:8883
  username: kios-relay
  passwordFile: /etc/kios/broker-password
  publicUrl: mqtts://broker.example.id:8883
`;
  const inside = /^mqtt:\n(?: {2}.*\n)+/m;
  const only = /mqtt: name either mqtt .* or broker .*, not both/;
  expect(faultsOf(text + outside).join()).toMatch(only);
  expect(faultsOf(text.replace(inside, '')).join()).toMatch(only);
  expect(faultsOf(text.replace(inside, '') + outside)).toEqual([]);
});

test('the credential of the unit is the one of the example', () => {
  const unit = readFileSync(
    new URL('../../systemd/kios-relay.service', import.meta.url).pathname,
    'utf8',
  );
  const named = /# +serverKeyCredential: (\S+)/.exec(text)?.[1] ?? 'none';
  expect(unit).toContain(`LoadCredential=${named}:`);
  expect(relayExamples['midtrans.serverKeyCredential']).toBe(named);
});

test('the unit runs by the user that sysusers makes, on the files of the example', () => {
  const systemd = (name: string): string =>
    readFileSync(new URL(`../../systemd/${name}`, import.meta.url).pathname, 'utf8');
  const user = /^u (\S+) .* (\S+)$/m.exec(systemd('kios-relay.sysusers'));
  const unit = systemd('kios-relay.service');
  expect(unit).toContain(`\nUser=${user?.[1] ?? 'none'}\n`);
  expect(unit).toContain('--config /etc/kios/relay.yaml\n');
  expect(text).toContain(`\nstateDir: ${user?.[2] ?? 'none'}\n`);
});

test('a Server Key that cannot be had is an error that names the place alone', () => {
  const { midtrans } = parseConfig('relay.yaml', text, relayConfig);
  const { serverKeyFile: _file, ...rest } = midtrans;
  const named = { ...rest, serverKeyCredential: 'server-key' };
  expect(() => readServerKey(named, undefined)).toThrow(/LoadCredential/);
  expect(() => readServerKey({ ...rest, serverKeyFile: example }, undefined)).toThrow(/one line/);
});

test('who starts a relay without its Server Key reads where it belongs, with the line of the setting', () => {
  const missing = text.replace('/etc/kios/server-key', '/nonexistent/server-key');
  const line = text.slice(0, text.indexOf('serverKeyFile:')).split('\n').length;
  const startable = startableRelayConfig(undefined);
  expect(() => parseConfig('relay.yaml', missing, startable, relayExamples)).toThrow(
    new RegExp(
      `line ${line}: midtrans\\.serverKeyFile: there is no /nonexistent/server-key; put the Server Key`,
    ),
  );
});
