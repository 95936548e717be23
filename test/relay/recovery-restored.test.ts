// `kios relay restored`, as an operator runs it: it says what it will do, does it when told, and a relay that runs all
// the same ends itself.
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { Program, runKios } from '../e2e/program.ts';
import { withStore } from './claim-setting.ts';
import { startSetting, type Setting } from './setting.ts';

let setting: Setting;
let config: string;
beforeAll(async () => {
  setting = await startSetting();
  config = join(setting.dir, 'relay.yaml');
  // YAML knows all of JSON.
  writeFileSync(config, JSON.stringify(setting.config));
  await setting.stopRelay();
});
afterAll(async () => {
  await setting.stop();
});

const ledgerId = (): Promise<string> =>
  withStore(setting, (store) => Promise.resolve(store.ledgerId));

test('without --yes it changes nothing and says what would happen', async () => {
  const before = await ledgerId();
  const { code, output } = await runKios('relay', '--config', config, 'restored');
  expect(code).toBe(1);
  expect(output).toContain('nothing was changed');
  expect(output).toContain('Stop all relays first');
  expect(output).not.toMatch(/^\s+at /m);
  expect(await ledgerId()).toBe(before);
});

/** A server that is Midtrans' but for its time, while `work` runs. */
async function withTime(date: string, work: (config: string) => Promise<void>): Promise<void> {
  const server = createServer((_request, response) => {
    response.setHeader('date', date).writeHead(404).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const other = join(setting.dir, `relay-${port}.yaml`);
  const midtrans = { ...setting.config.midtrans, baseUrl: `http://127.0.0.1:${port}` };
  writeFileSync(other, JSON.stringify({ ...setting.config, midtrans }));
  try {
    await work(other);
  } finally {
    server.close();
  }
}

test.each([
  [-2_400_000, /2[34]\d\d s before Midtrans/],
  [2_400_000, /2[34]\d\d s behind Midtrans/],
])('a machine whose clock is wrong is told so, and no ledger begins (%i ms)', async (ms, words) => {
  const before = await ledgerId();
  await withTime(new Date(systemClock.nowMs() + ms).toUTCString(), async (other) => {
    const ran = await runKios('relay', '--config', other, 'restored', '--yes', '--with-wal');
    expect(ran.code).toBe(1);
    expect(ran.output).toMatch(words);
    expect(ran.output).toContain('timedatectl');
  });
  expect(await ledgerId()).toBe(before);
});

test('where Midtrans does not answer, the operator is to look at the clock, and it is done', async () => {
  let dead = '';
  // Its port is nobody's any more.
  await withTime('', (other) => {
    dead = other;
    return Promise.resolve();
  });
  const ran = await runKios('relay', '--config', dead, 'restored', '--yes', '--with-wal');
  expect(ran).toMatchObject({ code: 0 });
  expect(ran.output).toContain('nobody has compared the clocks');
});

test('a relay that runs meanwhile ends by itself, with 1, and the next one has the new ledger', async () => {
  const before = await ledgerId();
  const relay = new Program('relay', '--config', config);
  await relay.waitForMessage('relay.ready');
  // Without the flag the log of the running relay is in the way.
  const sure = ['restored', '--yes', '--with-wal'];
  const { code, output } = await runKios('relay', '--config', config, ...sure);
  expect({ code, output }).toMatchObject({ code: 0 });
  expect(output).toContain('The ledger begins anew');
  expect((await relay.exited).code).toBe(1);
  expect(relay.output).toContain('ledger.replaced');
  expect(relay.output).toContain('relay.stopped');
  const after = await ledgerId();
  expect(after).not.toBe(before);

  const again = new Program('relay', '--config', config);
  await again.waitForMessage('relay.ready');
  const answer = await fetch(`${setting.relayUrl}/v1/nothing`);
  expect(await answer.json()).toMatchObject({ ledgerId: after });
  expect(await again.stop()).toBe(0);
});
