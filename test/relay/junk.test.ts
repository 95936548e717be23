// Requests that are none: answered with a problem document, stored nowhere, and logged once.
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { problem } from '../../src/protocol/api.ts';
import { startSetting, type Setting, type TestKiosk } from './setting.ts';

let setting: Setting;
let kiosk: TestKiosk;
beforeAll(async () => {
  setting = await startSetting();
  kiosk = await setting.kiosk('junk1');
});
afterAll(async () => {
  await setting.stop();
});

/** Everything that comes back for these bytes. */
async function sendRaw(bytes: string): Promise<string> {
  const socket = connect(Number(new URL(setting.relayUrl).port), '127.0.0.1');
  socket.on('error', () => undefined);
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.write(bytes);
  await closed;
  return text;
}

test.each([
  ['no HTTP', 'nonsense\r\n\r\n', 400],
  [
    'two lengths',
    'POST /v1/enrol HTTP/1.1\r\nHost: r\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
    400,
  ],
  ['a header above 16 KB', `GET / HTTP/1.1\r\nHost: r\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  [
    'an address that cannot be decoded',
    'GET /%zz HTTP/1.1\r\nHost: r\r\nConnection: close\r\n\r\n',
    400,
  ],
])('%s is told so in a problem document', async (_what, bytes, status) => {
  const answer = await sendRaw(bytes);
  expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect(answer.toLowerCase()).toContain('content-type: application/problem+json');
  const [, body] = answer.split('\r\n\r\n');
  expect(problem.parse(JSON.parse(body ?? ''))).toMatchObject({ code: 'bad-request' });
});

test('control characters are refused in names, and taken out of what must not be lost', async () => {
  const saleId = kiosk.newSaleId();
  const item = { id: 'a', name: 'NASI\u0000', priceIdr: 15_000, quantity: 1 };
  const path = `/v1/sales/${saleId}`;
  const refused = await kiosk.call('PUT', path, { amountIdr: 15_000, items: [item] });
  expect(refused).toMatchObject({ status: 400, json: { code: 'bad-request' } });
  await kiosk.put(saleId, 15_000);
  const report = { result: 'abandoned', detail: 'jam\u0000\u001b[2J' };
  expect((await kiosk.call('POST', `${path}/fulfilment`, report)).status).toBe(200);
});

test('a boot that no table takes is no boot', async () => {
  const token = await kiosk.token({ bootId: 'boot\u0000' });
  const answer = await kiosk.call('GET', '/v1/changes?since=0.00000000', undefined, token);
  expect(answer).toMatchObject({ status: 401, json: { code: 'unauthorised' } });
});

test('one kiosk posts so many recoveries a minute and no more; the others theirs', async () => {
  const post = async (who: TestKiosk): Promise<number> =>
    (await who.call('POST', '/v1/recover', { sales: [] })).status;
  const statuses: number[] = [];
  for (let i = 0; i < 61; i++) statuses.push(await post(kiosk));
  expect(statuses.indexOf(429)).toBe(60);
  expect(await post(await setting.kiosk('junk2'))).toBe(200);
});

test('the twenty-first cancel of a sale that never was has to wait, and is told how long', async () => {
  const other = await setting.kiosk('junk3');
  const cancel = async (): Promise<Response> =>
    fetch(`${setting.relayUrl}/v1/sales/${other.newSaleId()}/cancel`, {
      method: 'POST',
      headers: {
        ...{ authorization: `Bearer ${await other.token()}`, 'content-type': 'application/json' },
      },
      body: JSON.stringify({ reason: 'customer', amountIdr: 15_000 }),
    });
  const answers = await Promise.all(Array.from({ length: 21 }, cancel));
  const last = answers.filter(({ status }) => status === 429);
  expect(last).toHaveLength(1);
  expect(Number(last[0]?.headers.get('retry-after'))).toBeGreaterThan(0);
});
