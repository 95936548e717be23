// What kill -9 and an absent relay do to a sale: the same QR again, goods once, nothing charged in vain.
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { createVendBoardSimulator } from '../../drivers/dispenser/simulator.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { claimAt } from './relay-file.ts';
import { World } from './world.ts';

let world: World | undefined;

afterEach(async () => {
  await world?.end();
  world = undefined;
});

test('killed with a QR up: the kiosk shows the same QR again and completes the sale', async () => {
  world = await World.start();
  world.press('1', '5', '000', 'enter');
  const before = await world.qrOnScreen();
  const saleId = await world.saleId();
  await world.kiosk.kill();
  await world.startKiosk();
  await world.phase('paying');
  await world.nextFrame();
  expect(await world.qrOnScreen()).toBe(before);
  await world.pay(before);
  expect((await world.phase('result'))['outcome']).toBe('done');
  expect(world.pulses).toEqual([saleId]);
  expect(await world.transactions()).toHaveLength(1);
});

test('killed with a QR up, paid while it is away: goods once after the restart', async () => {
  world = await World.start();
  world.press('1', '5', '000', 'enter');
  const qr = await world.qrOnScreen();
  await world.kiosk.kill();
  await world.pay(qr);
  await world.startKiosk();
  expect((await world.phase('result'))['outcome']).toBe('done');
  expect(world.pulses).toHaveLength(1);
});

test('killed while the goods are coming: never twice, and the device says what became of it', async () => {
  world = await World.start({ pulseMs: 3000 });
  world.press('1', '5', '000', 'enter');
  await world.pay(await world.qrOnScreen());
  await world.phase('dispensing');
  await world.untilPulse();
  await world.kiosk.kill();
  await world.startKiosk();
  const end = await world.phase('result');
  expect(['done', 'claim']).toContain(end['outcome']);
  expect(world.pulses).toHaveLength(1);
});

test.each<[string, readonly ('1' | '2')[]]>([
  ['in the first sale of all', ['2']],
  ['in a later one', ['1', '2']],
])(
  'killed while the goods are coming, and another board in its place, %s: it is not believed that nothing came',
  async (_when, digits) => {
    world = await World.start({ pulseMs: 1500 });
    const { folder } = world;
    for (const digit of digits) {
      world.press(digit, '5', '000', 'enter');
      const pulses = world.pulses.length;
      await world.pay(await world.qrOnScreen());
      await world.poll('a pulse', () => Promise.resolve(world?.pulses.length === pulses + 1));
      if (digit === '1') {
        await world.phase('result');
        await world.toIdle();
      }
    }
    await world.kiosk.kill();
    await world.board.close();
    const moved: string[] = [];
    const other = await createVendBoardSimulator({
      listen: { path: join(folder, 'board') },
      ...{ clock: systemClock, pulseMs: 20, onPulse: (id) => void moved.push(id) },
    });
    try {
      const { mark } = world.kiosk;
      await world.startKiosk();
      const end = await world.phase('result', mark);
      expect(end).toMatchObject({ outcome: 'claim', because: 'dispenser-unknown' });
      const saleId = String(end['saleId']);
      await world.poll('its claim', async () => {
        const claim = world === undefined ? undefined : await claimAt(world, saleId);
        return claim?.kind === 'unknown' && claim.operatorOnly === 1;
      });
      expect(moved).toEqual([]);
    } finally {
      await other.close();
    }
  },
);

test('ended by SIGTERM while the goods are coming: goods once, and no claim', async () => {
  world = await World.start({ pulseMs: 3000 });
  world.press('1', '5', '000', 'enter');
  await world.pay(await world.qrOnScreen());
  await world.untilPulse();
  expect(await world.kiosk.stop()).toBe(0);
  await world.startKiosk();
  expect((await world.phase('result'))['outcome']).toBe('done');
  expect(world.pulses).toHaveLength(1);
});

test('the line to the vend board is cut in mid-vend: the board is asked when it is back', async () => {
  world = await World.start({ pulseMs: 1500 });
  world.press('1', '5', '000', 'enter');
  await world.pay(await world.qrOnScreen());
  await world.untilPulse();
  await world.board.unplug();
  await world.board.plug();
  expect((await world.phase('result'))['outcome']).toBe('done');
  expect(world.pulses).toHaveLength(1);
});

test('a jam: a claim on screen and paper, even while a receipt is printing, and nothing more is sold', async () => {
  world = await World.start();
  world.board.jamAt(1);
  world.press('1', '5', '000', 'enter');
  await world.pay(await world.qrOnScreen());
  expect((await world.phase('result'))['outcome']).toBe('claim');
  expect((await world.sheet(1)).text.join('\n')).toMatch(/BUKTI KLAIM[\s\S]*\d{4} \d{4} \d{3}/);
  const mark = world.kiosk.mark;
  await world.toIdle();
  world.press('5', '000', 'enter');
  expect((await world.phase('blocked', mark))['codes']).toEqual(['dispenser-failed']);
  world.board.jamAt(undefined);
  await world.board.unplug();
  await world.board.plug();
  await world.kiosk.waitFor(
    'selling again',
    (line) => line.msg === 'kiosk.selling' && line['selling'] === true,
    mark,
  );
});

test('killed before the claim slip is printed: the code is still on screen and its slip comes when the printer does', async () => {
  world = await World.start();
  await world.printer.unplug();
  world.board.jamAt(1);
  world.press('1', '5', '000', 'enter');
  await world.pay(await world.qrOnScreen());
  expect((await world.phase('result'))['outcome']).toBe('claim');
  await world.kiosk.kill();
  await world.startKiosk();
  await world.printer.plug();
  expect((await world.sheet(1)).text.join('\n')).toContain('BUKTI KLAIM');
});

test('a price that changes over a restart does not change the sale in hand', async () => {
  world = await World.start();
  world.scanner.scan({ text: '8991002101234' });
  await world.phase('basket');
  world.press('enter');
  const qr = await world.qrOnScreen();
  await world.kiosk.stop();
  await world.changeKioskConfig((text) => text.replace('priceIdr: 12000', 'priceIdr: 13000'));
  await world.pay(qr);
  await world.startKiosk();
  expect((await world.phase('result'))['outcome']).toBe('done');
  expect(world.pulses).toHaveLength(1);
});

test('no paper where the QR is printed and a dark display: nothing is charged, both are named; with the display it sells', async () => {
  world = await World.start({ kiosk: { qrOn: 'paper' } });
  world.printer.set({ paper: 'out' });
  await world.display.unplug();
  await world.kiosk.waitFor(
    'a kiosk without a place for the QR',
    (line) =>
      line.msg === 'kiosk.selling' &&
      line['selling'] === false &&
      ['printer-paper-out', 'display-lost'].every((code) => String(line['missing']).includes(code)),
  );
  world.press('5', '000', 'enter');
  const { codes } = await world.phase('blocked');
  expect(codes).toEqual(expect.arrayContaining(['printer-paper-out', 'display-lost']));
  expect(await world.transactions()).toHaveLength(0);

  const mark = world.kiosk.mark;
  await world.display.plug();
  await world.kiosk.waitFor(
    'selling again',
    (line) => line.msg === 'kiosk.selling' && line['selling'] === true,
    mark,
  );
  await world.toIdle();
  world.press('5', '000', 'enter');
  await world.pay(await world.qrOnScreen());
  expect((await world.phase('result', mark))['outcome']).toBe('done');
});

test('relay down at Enter: nothing is charged, the screen says so, and the next try works', async () => {
  world = await World.start();
  await world.relay.kill();
  world.press('5', '000', 'enter');
  const said = await world.kiosk.waitFor(
    'a refusal',
    (line) =>
      line.msg === 'sale.phase' && (line['to'] === 'blocked' || line['outcome'] === 'unsent'),
  );
  expect(JSON.stringify(said)).toContain('relay-unreachable');
  expect(await world.transactions()).toHaveLength(0);
  const mark = world.kiosk.mark;
  await world.startRelay();
  await world.kiosk.waitFor(
    'selling again',
    (line) => line.msg === 'kiosk.selling' && line['selling'] === true,
    mark,
  );
  await world.toIdle();
  world.press('5', '000', 'enter');
  await world.pay(await world.qrOnScreen());
  expect((await world.phase('result', mark))['outcome']).toBe('done');
});

test('relay killed with a QR up, paid meanwhile: goods once it is back', async () => {
  world = await World.start();
  world.press('1', '5', '000', 'enter');
  const qr = await world.qrOnScreen();
  await world.relay.kill();
  await world.pay(qr);
  await world.startRelay();
  expect((await world.phase('result'))['outcome']).toBe('done');
  expect(world.pulses).toHaveLength(1);
});

test('the QR on paper: printed, paid, goods', async () => {
  world = await World.start({ kiosk: { qrOn: 'paper' } });
  world.press('1', '5', '000', 'enter');
  const slip = await world.sheet(1);
  await world.pay(world.qrOnPaper(slip));
  expect((await world.phase('result'))['outcome']).toBe('done');
});

test('a charge as gopay, whose answer carries a picture and no text', async () => {
  world = await World.start({ paymentType: 'gopay' });
  world.press('1', '5', '000', 'enter');
  await world.pay(await world.qrOnScreen());
  expect((await world.phase('result'))['outcome']).toBe('done');
});
