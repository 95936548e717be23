// The panel of a kiosk taken away and put back by its driver in a real kernel, in the moments that matter, and coming back
// with another geometry.
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { LogLine } from './guest-kiosk.ts';
import { until } from './house.ts';
import { screen } from './machine/qemu-line.ts';
import { buildLimitMs, inGuests, stepLimitMs } from './releases.ts';
import { readPaper, Shop } from './shop.ts';

/** Long enough that the panel can go and come while an item falls. */
const pulseMs = 3_000;
const driver = '/sys/bus/pci/drivers/bochs-drm';
/** A picture that stood still for so many looks is the one that stays. */
const stillLooks = 30;
/** What the kernel has built in for panels that say nothing. */
const otherPanel = { firmware: 'edid/1024x768.bin', width: 1024, height: 768 } as const;

inGuests('the panel of a kiosk', (image) => {
  let shop: Shop;
  let card = '';
  let idle: Buffer = Buffer.alloc(0);
  let mark = 0;

  beforeAll(async () => {
    shop = await Shop.open(await image(), { pulseMs });
    await shop.serve();
    card = await shop.guest.sh(`cd ${driver} && ls -d 0000:*`);
  }, buildLimitMs);
  afterAll(async () => {
    // Undefined where it never opened.
    await (shop as Shop | undefined)?.close();
  });
  beforeEach(async () => {
    await shop.toIdle();
    await until('a kiosk that sells', async () => shop.kiosk.sells());
    mark = await shop.kiosk.mark();
  }, stepLimitMs);

  const ofPanel = (msg: string) => (line: LogLine) =>
    line.msg === msg && line['device'] === 'display';
  const takeAway = async (): Promise<void> => {
    const before = await shop.kiosk.mark();
    await shop.guest.sh(`echo ${card} >${driver}/unbind`);
    await shop.kiosk.waitFor('the display down', ofPanel('device.down'), before);
  };
  const putBack = async (): Promise<void> => {
    const before = await shop.kiosk.mark();
    await shop.guest.sh(`echo ${card} >${driver}/bind`);
    await shop.kiosk.waitFor('the display up', ofPanel('device.up'), before);
  };
  const pulsesOf = (saleId: unknown): number =>
    shop.board.pulses.filter((id) => id === saleId).length;

  test(
    'gone, and no printer there: nothing is charged, and it sells when it is back',
    async () => {
      await shop.serve({ printer: undefined });
      mark = await shop.kiosk.mark();
      const orders = (await shop.house.orders()).length;
      let same = 0;
      await until('the idle screen', async () => {
        const before = idle;
        idle = await shop.guest.screenshot();
        same = idle.equals(before) ? same + 1 : 0;
        return same === stillLooks;
      });
      await takeAway();
      await until('a kiosk that does not sell', async () => !(await shop.kiosk.sells()));
      await shop.keypad.press('1', '2', '000', 'enter');
      const { codes } = await shop.kiosk.phase('blocked', mark);
      expect(codes).toEqual(['display-lost']);
      await putBack();
      await until('a kiosk that sells', async () => shop.kiosk.sells());
      expect(await shop.house.orders()).toHaveLength(orders);
      // The console had it for a moment, and has left its cursor there.
      await until('the same picture again', async () =>
        (await shop.guest.screenshot()).equals(idle),
      );
      await shop.serve();
    },
    stepLimitMs,
  );

  test(
    'gone, and a printer there: the QR comes on paper',
    async () => {
      await takeAway();
      await shop.keypad.press('1', '2', '000', 'enter');
      await shop.house.pay(readPaper(await shop.sheet(1)) ?? '');
      const { saleId, outcome } = await shop.kiosk.phase('result', mark);
      expect(outcome).toBe('done');
      expect(pulsesOf(saleId)).toBe(1);
      await putBack();
    },
    stepLimitMs,
  );

  test(
    'gone while a customer pays: the same QR comes on paper, and the goods once',
    async () => {
      const sheets = shop.printer.sheets.length;
      await shop.keypad.press('1', '2', '000', 'enter');
      await shop.kiosk.phase('paying', mark);
      const qr = await shop.qrOnPanel();
      await takeAway();
      expect(readPaper(await shop.sheet(sheets + 1))).toBe(qr);
      await putBack();
      await shop.house.pay(qr);
      const { saleId, outcome } = await shop.kiosk.phase('result', mark);
      expect(outcome).toBe('done');
      expect(pulsesOf(saleId)).toBe(1);
    },
    stepLimitMs,
  );

  test(
    'gone between money and goods: they come once, whether anybody sees it or not',
    async () => {
      await shop.keypad.press('1', '2', '000', 'enter');
      await shop.kiosk.phase('paying', mark);
      await shop.house.pay(await shop.qrOnPanel());
      await shop.kiosk.phase('dispensing', mark);
      await takeAway();
      const { saleId, outcome } = await shop.kiosk.phase('result', mark);
      expect(outcome).toBe('done');
      await putBack();
      expect(pulsesOf(saleId)).toBe(1);
    },
    stepLimitMs,
  );

  test(
    'another panel in its place: the next QR is as large as that one is',
    async () => {
      await takeAway();
      await shop.guest.sh(
        `echo -n ${otherPanel.firmware} >/sys/module/drm/parameters/edid_firmware`,
      );
      await putBack();
      await until('a kiosk that sells', async () => shop.kiosk.sells());
      await shop.keypad.press('1', '2', '000', 'enter');
      await shop.kiosk.phase('paying', mark);
      const qr = await shop.qrOnPanel();
      const { width, height } = await sharp(await shop.guest.screenshot()).metadata();
      expect({ width, height }).toEqual({ width: otherPanel.width, height: otherPanel.height });
      expect({ width, height }).not.toEqual(screen);
      await shop.house.pay(qr);
      expect((await shop.kiosk.phase('result', mark))['outcome']).toBe('done');
      const { balanced, strange } = await shop.house.books();
      expect({ balanced, strange }).toEqual({ balanced: true, strange: [] });
    },
    stepLimitMs,
  );
});
