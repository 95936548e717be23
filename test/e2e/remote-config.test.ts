// A configuration from the operator's desk, with real processes: taken between customers, proved by a sale, and put away for
// good when a start does not survive it or when it does not fit the machine.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterEach, expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { ConfigReport } from '../../src/protocol/topics.ts';
import { runKios } from './program.ts';
import { World } from './world.ts';

const tea = '96385074';
let world: World | undefined;

afterEach(async () => {
  await world?.end();
  world = undefined;
});

const relay = async ({ folder }: World, ...args: string[]): Promise<string> => {
  const { output } = await runKios('relay', '--config', join(folder, 'relay.yaml'), ...args);
  return output;
};

/** Tea at another price. Answers the version. */
async function pushTea(at: World, priceIdr: number, more = {}): Promise<number> {
  const catalogue = { [tea]: { id: 'teh', name: 'Teh botol', priceIdr } };
  return push(at, { catalogue, ...more });
}

async function push(at: World, settings: Record<string, unknown>): Promise<number> {
  const file = join(at.folder, 'settings.yaml');
  await writeFile(file, stringify(settings));
  const said = await relay(at, 'config', 'push', file, 'ksk01');
  return Number(/(\d{12}) is pushed/.exec(said)?.[1]);
}

/** Waits until the relay's list says this of the kiosk. */
async function untilListed(
  at: World,
  wanted: { pushed: number; said: ConfigReport },
): Promise<void> {
  let listed = '';
  const isSo = async (): Promise<boolean> => {
    listed = await relay(at, 'configs', '--json');
    return isDeepStrictEqual(JSON.parse(listed), { kioskId: 'ksk01', ...wanted });
  };
  await at.poll(JSON.stringify(wanted), isSo).catch((error: unknown) => {
    throw new Error(`the relay says ${listed}`, { cause: error });
  });
}

/** What is asked for a tea, which is then paid and handed over. */
async function buyTea(at: World): Promise<unknown> {
  const since = at.kiosk.mark;
  at.scanner.scan({ text: tea });
  await at.phase('basket', since);
  at.press('enter');
  const qr = await at.qrOnScreen();
  await at.pay(qr);
  const { outcome, saleId } = await at.phase('result', since);
  expect(outcome).toBe('done');
  await at.toIdle();
  return (await at.transactions()).find((one) => one['orderId'] === saleId)?.['amountIdr'];
}

/** The kiosk ends by itself for it, and systemd starts it again. */
async function startAnew(at: World): Promise<void> {
  expect(await at.kiosk.exited).toEqual({ code: 1, signal: null });
  await at.startKiosk();
  await at.ready();
}

test('a new price waits for the customer and is good once it has sold; one that a killed start had begun never boots again', async () => {
  world = await World.start();
  world.scanner.scan({ text: tea });
  await world.phase('basket');
  world.press('enter');
  const qr = await world.qrOnScreen();
  const good = await pushTea(world, 7_000);
  await world.kiosk.waitForMessage('command.taken');
  await world.pay(qr);
  expect((await world.phase('result'))['outcome']).toBe('done');
  expect(world.pulses).toHaveLength(1);
  await world.toIdle();
  await startAnew(world);
  await world.kiosk.waitForMessage('config.on-trial');
  expect(await buyTea(world)).toBe(7_000);
  await world.kiosk.waitForMessage('config.good');

  const bad = await pushTea(world, 9_000);
  expect(bad).toBeGreaterThan(good);
  await startAnew(world);
  await world.kiosk.waitForMessage('config.on-trial');
  await world.kiosk.kill();
  await world.startKiosk();
  await world.ready();
  const why = 'kios or the machine ended without a word while it was on trial';
  await untilListed(world, {
    pushed: bad,
    said: { version: good, refused: { version: bad, why } },
  });
  expect(await buyTea(world)).toBe(7_000);
});

test('one that does not fit this machine is refused before it is used, and the reason stands at the relay', async () => {
  world = await World.start();
  const version = await pushTea(world, 7_000, { dispenser: { anyAmount: false } });
  const { why } = await world.kiosk.waitForMessage('config.refused');
  expect(why).toMatch(/^dispenser.idrPerPulse: a customer who types Rp 1/);
  await untilListed(world, { pushed: version, said: { refused: { version, why: String(why) } } });
  expect(await buyTea(world)).toBe(5_000);
});

test('a price on trial that is killed while a customer pays: what was bought comes out, by the price of then', async () => {
  world = await World.start();
  await push(world, { dispenser: { idrPerPulse: 1_000 } });
  await startAnew(world);
  world.press('3', '000', 'enter');
  await world.pay(await world.qrOnScreen());
  await world.kiosk.waitForMessage('config.good');
  expect(world.pulses).toHaveLength(3);
  await world.toIdle();

  await push(world, { dispenser: { idrPerPulse: 10_000 } });
  await startAnew(world);
  await world.kiosk.waitForMessage('config.on-trial');
  world.press('1', '0', '000', 'enter');
  const qr = await world.qrOnScreen();
  await world.kiosk.kill();
  await world.pay(qr);
  await world.startKiosk();
  await world.kiosk.waitForMessage('config.refused');
  const { outcome, saleId } = await world.phase('result');
  expect(outcome).toBe('done');
  expect(world.pulses.filter((id) => id === saleId)).toHaveLength(1);
});
