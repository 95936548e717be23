// `kios relay restored`, as an operator runs it: it says what it will do, does it when told, and a relay that runs all
// the same ends itself.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
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
