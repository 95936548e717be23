// The twin's own paths: what is wrong in a body is told by its field, and the help knows every one of them.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { twinCommand } from '../../src/cli/twin.ts';
import { fault } from '../../src/twin/fault-schema.ts';
import { legacyForms } from '../../src/twin/legacy.ts';
import { tampers } from '../../src/twin/tamper.ts';
import { testTwin, type TestTwin } from './setting.ts';

let own: TestTwin;
beforeAll(async () => {
  own = await testTwin();
});
afterAll(() => own[Symbol.asyncDispose]());

const drop = { on: 'charge', do: { kind: 'drop-after' } };

describe('a bad body is 400 and names the field', () => {
  test.each<[string, unknown, RegExp]>([
    ['faults', {}, /^the body: .*array/],
    ['faults', [], /^the body: /],
    ['faults', '{', /not JSON/],
    ['faults', [{ on: 'chrage', do: {} }], /^0\.on: /],
    ['faults', [drop, { on: 'charge', do: { kind: 'explode' } }], /^1\.do\.kind: /],
    ['faults', [{ on: 'status', do: { kind: 'qr', change: 'crc' } }], /^0\.do\.kind: /],
    ['faults', [{ on: 'charge', do: { kind: 'slow', delayMs: -1 } }], /^0\.do\.delayMs: /],
    ['faults', [{ on: 'charge', do: { kind: 'slow' } }], /^0\.do\.delayMs: /],
    ['faults', [{ ...drop, tmes: 2 }], /^0\.tmes: there is no such field$/],
    ['faults', [{ ...drop, rate: 2 }], /^0\.rate: /],
    ['faults', [{ ...drop, rate: 0 }], /^0\.rate: /],
    ['faults', [{ ...drop, do: { kind: 'drop-after', x: 1 } }], /^0\.do\.x: there is no such/],
    ['faults', [{ on: 'charge', do: { kind: 'body', statusCode: '7' } }], /statusCode: three dig/],
    ['faults', [{ on: 'charge', do: { kind: 'legacy', forms: ['x'] } }], /^0\.do\.forms\.0: /],
    ['scripts', [{ steps: [] }], /^0\.steps: /],
    ['scripts', [{ steps: [{ act: 'pay' }] }], /^0\.steps\.0: the first step waits for a call/],
    ['scripts', [{ steps: [drop, { act: 'fly' }] }], /0\.steps\.1\.act: /],
    ['scripts', [{ steps: [drop, { act: 'pay', afterMs: 'x' }] }], /0\.steps\.1\.afterMs: /],
    ['scripts', [{ steps: [{ on: 'charge', do: { kind: 'x' } }] }], /0\.steps\.0\.do\.kind: /],
    ['switches', { qris: 'no' }, /^qris: /],
    ['switches', { qriss: true }, /^qriss: there is no such field$/],
    ['switches', { balanceIdr: -1 }, /^balanceIdr: /],
    ['notifications/release', { orderID: 'x' }, /^orderID: there is no such field$/],
    ['notifications/replay', {}, /^orderId: /],
    ['notifications/replay', { orderId: 'x', sign: 'yes' }, /^sign: /],
    ['notifications/replay', { orderId: 'x', url: 'ftp://x' }, /^url: an http or https address/],
    ['wallet/pay', { qrString: 'x', amountIdr: 1.5 }, /^amountIdr: /],
  ])('%s %j', async (path, body, detail) => {
    const refused = await own.call('POST', `/_twin/${path}`, body);
    expect(refused).toMatchObject({ http: 400, body: { status: 400, code: 'bad-request' } });
    expect(refused.body['detail']).toMatch(detail);
  });
});

test('more faults and scripts than there may be are refused whole', async () => {
  const faults = Array<unknown>(1000).fill(drop);
  expect((await own.call('POST', '/_twin/faults', faults)).http).toBe(200);
  expect((await own.call('POST', '/_twin/faults', [drop])).http).toBe(409);
  await own.call('DELETE', '/_twin/faults');
  const script = { steps: [drop] };
  for (let n = 0; n < 10; n++) {
    await own.call('POST', '/_twin/scripts', Array<unknown>(100).fill(script));
  }
  expect((await own.call('POST', '/_twin/scripts', [script])).http).toBe(409);
});

test('the help names every path, every fault and every form', () => {
  let help = '';
  const command = twinCommand();
  command.configureOutput({ writeOut: (text) => (help += text) });
  command.outputHelp();
  const routes = ['control-routes', 'wallet-routes'].map((name) =>
    readFileSync(new URL(`../../src/twin/${name}.ts`, import.meta.url), 'utf8'),
  );
  const paths = [...routes.join('').matchAll(/'(\/_twin\/[a-z/]*)'/g)].map((match) => match[1]);
  expect(paths.length).toBeGreaterThan(12);
  // The page reads a photograph for itself.
  const told = new Set(paths.filter((path) => path !== '/_twin/wallet/read'));
  const schema = JSON.stringify(z.toJSONSchema(fault, { io: 'input' }));
  const kinds = [...schema.matchAll(/"kind":\{"type":"string","const":"([a-z-]+)"/g)];
  expect(kinds.length).toBeGreaterThan(30);
  const words = [...told, ...kinds.map((match) => match[1]), ...tampers, ...legacyForms];
  expect(words.filter((word) => word === undefined || !help.includes(word))).toEqual([]);
});
