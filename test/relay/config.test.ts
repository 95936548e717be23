// The relay's configuration: the example parses, mistakes come all at once, real money is never taken by accident.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ConfigError, parseConfig, readConfigFile } from '../../src/lib/config-file.ts';
import { readServerKey, relayConfig, relayExamples } from '../../src/relay/config.ts';

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

test('environment and address must agree', () => {
  const production = 'https://api.midtrans.com';
  const sandbox = 'https://api.sandbox.midtrans.com';
  expect(faultsOf(text.replace(sandbox, production))[0]).toContain('real money');
  expect(faultsOf(text.replace('environment: sandbox', 'environment: production'))).toHaveLength(1);
  const both = text
    .replace(sandbox, production)
    .replace('environment: sandbox', 'environment: production');
  expect(faultsOf(both)).toEqual([]);
});

test('a Server Key that cannot be had is an error that names the place alone', () => {
  const { midtrans } = parseConfig('relay.yaml', text, relayConfig);
  const { serverKeyFile: _file, ...rest } = midtrans;
  const named = { ...rest, serverKeyCredential: 'midtrans-server-key' };
  expect(() => readServerKey(named, undefined)).toThrow(/LoadCredential/);
  expect(() => readServerKey({ ...rest, serverKeyFile: example }, undefined)).toThrow(/one line/);
});
