// The relay's key is rotated twice while a kiosk is off: real processes, the real commands, and the kiosk sells again.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { runKios } from './program.ts';
import { World } from './world.ts';

let world: World | undefined;
afterEach(async () => {
  await world?.end();
});

test('a kiosk that was off through two rotations follows the chain, keeps it, and sells', async () => {
  const here = await World.start();
  world = here;
  await here.kiosk.stop();
  const config = join(here.folder, 'relay.yaml');
  for (let i = 0; i < 2; i++) {
    const rotation = await runKios('relay', '-c', config, 'rotate-key', '--active-in', '0s');
    expect(rotation.code, rotation.output).toBe(0);
  }
  await here.relay.stop();
  await here.startRelay();
  await here.startKiosk();
  await here.ready();
  const learnt = await here.kiosk.waitForMessage('relay.keys-learnt');
  expect(learnt['keys']).toHaveLength(2);
  expect(here.kiosk.output).not.toContain('relay.bad-proof');

  const identity = join(here.folder, 'kiosk', 'identity.json');
  const { enrolment } = JSON.parse(await readFile(identity, 'utf8')) as {
    enrolment: { keys: unknown[] };
  };
  expect(enrolment.keys).toHaveLength(3);
});
