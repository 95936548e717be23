// What an operator asks from afar, with real processes: a sale in hand goes on to its end, whatever is asked, and what was
// asked outlives the process that heard it.
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { runKios, type LogLine } from './program.ts';
import { World } from './world.ts';

let world: World | undefined;

afterEach(async () => {
  await world?.end();
  world = undefined;
});

interface Listed {
  name: string;
  state: string;
  why: string | null;
}

const relay = async ({ folder }: World, ...args: string[]): Promise<string> => {
  const { output } = await runKios('relay', '--config', join(folder, 'relay.yaml'), ...args);
  return output;
};

const ask = (at: World, ...words: string[]): Promise<string> => relay(at, 'command', ...words);

/** The last command of this name, once it is answered. */
async function answered(at: World, name: string): Promise<Listed> {
  let last: Listed | undefined;
  await at.poll(`an answer to ${name}`, async () => {
    const lines = (await relay(at, 'commands', '--json')).split('\n').filter(Boolean);
    last = lines.map((line) => JSON.parse(line) as Listed).find((one) => one.name === name);
    return last !== undefined && last.state !== 'open';
  });
  return last ?? { name, state: 'none', why: null };
}

const isClosed = ({ msg, missing }: LogLine): boolean =>
  msg === 'kiosk.selling' && String(missing).includes('out-of-service');

test('out of service: the paid sale gets its goods, no new one begins, over a kill too, until it is taken back', async () => {
  world = await World.start();
  world.press('1', '5', '000', 'enter');
  const qr = await world.qrOnScreen();
  await ask(world, 'ksk01', 'out-of-service');
  await world.kiosk.waitFor('a closed kiosk', isClosed);
  expect(world.kiosk.lastPhase).toBe('paying');
  await world.pay(qr);
  expect((await world.phase('result'))['outcome']).toBe('done');
  expect(world.pulses).toHaveLength(1);
  await world.toIdle();
  world.press('1', '5', '000', 'enter');
  expect((await world.phase('blocked'))['codes']).toEqual(['out-of-service']);
  await world.kiosk.kill();
  await world.startKiosk();
  await world.kiosk.waitFor('a closed kiosk', isClosed);
  await ask(world, 'ksk01', 'in-service');
  await world.ready();
  world.press('1', '5', '000', 'enter');
  await world.pay(await world.qrOnScreen());
  expect((await world.phase('result'))['outcome']).toBe('done');
  expect(world.pulses).toHaveLength(2);
  expect(await answered(world, 'out-of-service')).toMatchObject({ state: 'done' });
  expect(await answered(world, 'in-service')).toMatchObject({ state: 'done' });
});

test('a restart waits for the customer, ends the process once, and is answered by the next', async () => {
  world = await World.start();
  world.press('1', '5', '000', 'enter');
  const qr = await world.qrOnScreen();
  await ask(world, 'ksk01', 'test-print');
  expect(await answered(world, 'test-print')).toMatchObject({
    ...{ state: 'refused', why: 'somebody is being served' },
  });
  await ask(world, 'ksk01', 'restart', '--when-idle');
  await world.kiosk.waitForMessage('command.taken');
  await world.pay(qr);
  expect((await world.phase('result'))['outcome']).toBe('done');
  await world.toIdle();
  expect(await world.kiosk.exited).toEqual({ code: 1, signal: null });
  await world.startKiosk();
  await world.ready();
  expect(await answered(world, 'restart')).toMatchObject({
    ...{ state: 'done', why: 'it has started anew' },
  });
  expect(world.pulses).toHaveLength(1);
});

test('a kiosk that is told to stop begins nothing more while it says goodbye to a relay that is silent', async () => {
  world = await World.start();
  const { relay: silent, kiosk } = world;
  silent.pause();
  try {
    const stopped = kiosk.stop();
    await kiosk.waitFor('a closed kiosk', isClosed);
    world.press('1', '5', '000', 'enter');
    expect((await world.phase('blocked'))['codes']).toEqual(['out-of-service']);
    expect(await stopped).toBe(0);
  } finally {
    silent.resume();
  }
  expect(await world.transactions()).toEqual([]);
});

test('a test page comes out, and a broken configuration is told and not started with', async () => {
  world = await World.start();
  await ask(world, 'ksk01', 'test-print');
  await world.sheet(1);
  expect(await answered(world, 'test-print')).toMatchObject({ state: 'done' });
  await world.changeKioskConfig((text) => `${text}colour: red\n`);
  await ask(world, 'ksk01', 'reload-config');
  const { state, why } = await answered(world, 'reload-config');
  expect([state, why]).toEqual(['failed', expect.stringContaining('colour: unknown key')]);
  await world.changeKioskConfig((text) => text.replace('colour: red', 'language: en'));
  await ask(world, 'ksk01', 'reload-config');
  expect(await world.kiosk.exited).toEqual({ code: 1, signal: null });
});
