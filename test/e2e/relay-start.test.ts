// A relay that cannot start: it says why, in lines about its configuration, leaves nothing behind and is gone.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { runKios } from './program.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kios-start-'));
  writeFileSync(join(dir, 'server-key'), 'SB-Mid-server-EXAMPLEKEY\n');
  writeFileSync(join(dir, 'empty'), '');
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

async function start(more: Record<string, unknown>): Promise<{ code: unknown; output: string }> {
  const file = join(dir, 'relay.yaml');
  const config = {
    environment: 'sandbox',
    http: { host: '127.0.0.1', port: 0 },
    publicUrl: 'http://127.0.0.1:8080',
    store: { sqlite: join(dir, 'state', 'relay.db') },
    stateDir: join(dir, 'state'),
    midtrans: {
      baseUrl: 'http://127.0.0.1:1',
      serverKeyFile: join(dir, 'server-key'),
      merchantId: 'G000000001',
    },
    merchant: { name: 'KIOS CONTOH', nmid: 'AID1099000000001', pan: '9360091400000000017' },
    ...more,
  };
  writeFileSync(file, stringify(config));
  return runKios('relay', '--config', file);
}

const inside = { mqtt: { host: '127.0.0.1', port: 0 } };

test('files that cannot serve are told all together, each with its setting, and nothing is made', async () => {
  const { code, output } = await start({
    http: {
      ...{ host: '127.0.0.1', port: 0 },
      tls: { certFile: join(dir, 'none.crt'), keyFile: join(dir, 'empty') },
    },
    broker: {
      kind: 'hooks',
      url: 'mqtt://127.0.0.1:1',
      publicUrl: 'mqtt://127.0.0.1:1',
      username: 'kios-relay',
      passwordFile: join(dir, 'none.password'),
      hookSecretFile: join(dir, 'empty'),
    },
    midtrans: {
      baseUrl: 'http://127.0.0.1:1',
      serverKeyFile: join(dir, 'empty'),
      merchantId: 'G1',
    },
  });
  expect(code).toBe(1);
  for (const setting of [
    ...['http.tls.certFile', 'broker.passwordFile', 'broker.hookSecretFile'],
    'midtrans.serverKeyFile',
  ]) {
    expect(output).toMatch(new RegExp(`line \\d+: ${setting.replaceAll('.', '\\.')}: `));
  }
  expect(output).not.toMatch(/\n\s+at /);
  expect(readdirSync(dir).sort()).toEqual(['empty', 'relay.yaml', 'server-key']);
});

test('certificate and key that are no pair end it before it begins', async () => {
  writeFileSync(join(dir, 'relay.crt'), 'nonsense');
  const tls = { certFile: join(dir, 'relay.crt'), keyFile: join(dir, 'relay.crt') };
  const { code, output } = await start({ ...inside, http: { host: '127.0.0.1', port: 0, tls } });
  expect(code).toBe(1);
  expect(output).toMatch(/http\.tls: .*no pair in PEM/);
  expect(readdirSync(dir)).not.toContain('state');
});

test('a port that somebody else has ends it, whatever was started before', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  const { port } = other.address() as AddressInfo;
  const { code, output } = await start({ ...inside, http: { host: '127.0.0.1', port } });
  other.close();
  expect(code).toBe(1);
  expect(output).toMatch(new RegExp(`http\\.port: port ${port} is in use`));
});
