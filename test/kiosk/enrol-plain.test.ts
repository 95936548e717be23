// A relay that would send a kiosk to a broker in the open: the enrolment is refused, and the same code serves when that is
// mended.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { enrolBody } from '../../src/protocol/api.ts';
import { enrol } from '../../src/kiosk/enrol.ts';
import { hasIdentity, readIdentity } from '../../src/kiosk/identity.ts';
import { identityFor } from './signer.ts';

let folder: string;
let relay: Server;
let relayUrl: string;
/** What the relay tells kiosks. */
let brokerUrl: string;
let keysShown: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kios-enrol-'));
  keysShown = [];
  relay = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      keysShown.push(enrolBody.parse(JSON.parse(body)).publicKey.x);
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(identityFor(relayUrl, brokerUrl).enrolment));
    });
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  relayUrl = `http://127.0.0.1:${(relay.address() as AddressInfo).port}`;
});
afterEach(() => {
  relay.closeAllConnections();
  relay.close();
  rmSync(folder, { recursive: true, force: true });
});

test('an answer that never ends is not read to its end, and nothing is kept', async () => {
  const gone = Promise.withResolvers<undefined>();
  let poured = 0;
  relay.removeAllListeners('request');
  relay.on('request', (_request, response) => {
    const pour = (): void => {
      do poured += 65_536;
      while (response.write(Buffer.alloc(65_536, 32)));
    };
    response.on('drain', pour).on('close', () => {
      gone.resolve(undefined);
    });
    pour();
  });
  const options = { relayUrl, code: '7K3M-Q9TX-2B4C', stateDir: folder, force: false };
  await expect(enrol(options)).rejects.toThrow('does not answer');
  await gone.promise;
  // What the sockets take in besides is no more than a few megabytes.
  expect(poured).toBeLessThan(16 * 1024 * 1024);
  expect(hasIdentity(folder)).toBe(false);
});

test('a broker in the open is refused after the code was taken, and the same key asks again', async () => {
  const options = { relayUrl, code: '7K3M-Q9TX-2B4C', stateDir: folder, force: false };
  brokerUrl = 'mqtt://broker.example.id';
  await expect(enrol(options)).rejects.toThrow(/is not mqtts: .*the code still serves/);
  expect(hasIdentity(folder)).toBe(false);
  brokerUrl = 'mqtts://broker.example.id';
  await enrol(options);
  expect(readIdentity(folder).enrolment.brokerUrl).toBe(brokerUrl);
  expect(keysShown).toHaveLength(2);
  expect(new Set(keysShown).size).toBe(1);
});
