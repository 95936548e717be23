// Whole sales by real kernel devices: keys through hidraw, codes through a tty, the QR off the panel, the receipt off the
// paper; and each of them pulled out, put back, or out of paper in the middle of it.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Key } from '../../drivers/device.ts';
import type { LogLine } from './guest-kiosk.ts';
import { until } from './house.ts';
import { kvmUsable } from './machine/qemu-line.ts';
import { buildLimitMs, inGuests, stepLimitMs } from './releases.ts';
import { coffee, readPaper, Shop, type UsbPart } from './shop.ts';
import { UsbHidScanner } from './usb/usb-hid-scanner.ts';

/** Back within two seconds; an emulated machine is ten times slower than a Pi, and shares its cores. */
const backLimitMs = kvmUsable() ? 2_000 : 10_000;
const fifteenThousand: readonly Key[] = ['1', '5', '000', 'enter'];
/** A status request is shorter, any slip is longer, and what ends an older command is nothing but zeros. */
const statusBytes = 16;
const isSlip = (bytes: Buffer): boolean =>
  bytes.length > statusBytes && bytes.some((byte) => byte !== 0);

/** The watch's question (DLE EOT, three bytes each) may be on its way at that moment; no slip is so short. */
const questionBytes = 12;

inGuests('a kiosk with USB keypad, scanner, printer and panel', (image) => {
  let shop: Shop;
  let mark = 0;

  beforeAll(async () => {
    shop = await Shop.open(await image());
    await shop.serve();
  }, buildLimitMs);
  afterAll(async () => {
    // Undefined where it never opened.
    await (shop as Shop | undefined)?.close();
  });
  beforeEach(async () => {
    await shop.toIdle();
    mark = await shop.kiosk.mark();
  }, stepLimitMs);

  const result = (): Promise<LogLine> => shop.kiosk.phase('result', mark);
  const paying = async (): Promise<string> => {
    await shop.kiosk.phase('paying', mark);
    return shop.qrOnPanel();
  };

  test(
    '15.000 typed, the QR read off the panel, paid, and a receipt on the paper',
    async () => {
      const sheets = shop.printer.sheets.length;
      await shop.keypad.press(...fifteenThousand);
      const qr = await paying();
      expect(qr).toContain('540815000.00');
      await shop.house.pay(qr);
      const { saleId } = await result();
      const receipt = await shop.sheet(sheets + 1);
      expect(receipt.text.join('\n')).toContain('Rp 15.000');
      expect(receipt.text.join('\n')).toContain(String(saleId));
      expect(await shop.statusAtMidtrans(saleId)).toBe('settlement');
    },
    stepLimitMs,
  );

  test(
    'two codes scanned are one sale of both',
    async () => {
      const sheets = shop.printer.sheets.length;
      shop.scanner.scan(coffee.barcode);
      await shop.kiosk.phase('basket', mark);
      // The same code again at once would be the same look at it.
      await shop.keypad.press('enter');
      const qr = await paying();
      expect(qr).toContain('540812000.00');
      await shop.house.pay(qr);
      expect(await result()).toMatchObject({ outcome: 'done' });
      // Paper comes last; the next test counts its own.
      await shop.sheet(sheets + 1);
    },
    stepLimitMs,
  );

  describe('pulled out and put back', () => {
    /** Answers how long after its node's return the daemon had it again, in milliseconds. */
    const replug = async (part: UsbPart): Promise<number> => {
      const before = await shop.kiosk.mark();
      const ofPart = (msg: string) => (line: LogLine) =>
        line.msg === msg && line['device'] === part;
      await shop.unplug(part);
      const down = await shop.kiosk.waitFor(`${part} down`, ofPart('device.down'), before);
      expect(down).toMatchObject({
        fault: expect.stringMatching(/disconnected|not-found/) as string,
      });
      await shop.plug(part);
      const up = await shop.kiosk.waitFor(`${part} up`, ofPart('device.up'), before);
      const node = await shop.guest.sh(`stat --format=%.Z ${shop.node(part)}`);
      return Date.parse(String(up['time'])) - Number(node) * 1000;
    };

    test.each<UsbPart>(['keypad', 'scanner', 'printer'])(
      'the %s in each phase of a sale: it is back at once, and nothing is done twice',
      async (part) => {
        const sheets = shop.printer.sheets.length;
        const orders = (await shop.house.orders()).length;
        const tookMs = [await replug(part)];
        await shop.kiosk.selling();
        await shop.keypad.press('1', '5', '000');
        await shop.kiosk.phase('entering', mark);
        tookMs.push(await replug(part));
        await shop.keypad.press('enter');
        const qr = await paying();
        tookMs.push(await replug(part));
        expect(await shop.qrOnPanel()).toBe(qr);
        await shop.house.pay(qr);
        expect(await result()).toMatchObject({ outcome: 'done' });
        await shop.sheet(sheets + 1);
        await shop.toIdle();
        expect(shop.printer.sheets).toHaveLength(sheets + 1);
        expect(await shop.house.orders()).toHaveLength(orders + 1);
        expect(Math.max(...tookMs)).toBeLessThan(backLimitMs);
      },
      stepLimitMs,
    );

    test(
      'the printer with the receipt in its cable: the sale stands, the receipt is not begun again',
      async () => {
        const sheets = shop.printer.sheets.length;
        await shop.keypad.press(...fifteenThousand);
        const qr = await paying();
        shop.printer.device.nak(isSlip);
        await shop.house.pay(qr);
        await until('the receipt in the cable', async () =>
          Promise.resolve(shop.printer.device.heldWrites > 0),
        );
        await replug('printer');
        shop.printer.device.takeAll();
        const { saleId, outcome } = await result();
        expect(outcome).toBe('done');
        await shop.toIdle();
        await until('the end of the job', async () => (await shop.slipResults(saleId)).length > 0);
        expect(await shop.slipResults(saleId)).toEqual(['unknown']);
        expect(shop.printer.sheets).toHaveLength(sheets);
      },
      stepLimitMs,
    );
  });

  test(
    'without paper the sale stands and no receipt is said to be printed; with paper the next one is',
    async () => {
      const sheets = shop.printer.sheets.length;
      shop.printer.set({ paper: 'out' });
      await shop.keypad.press(...fifteenThousand);
      await shop.house.pay(await paying());
      const failed = await shop.kiosk.waitFor('a failed slip', isFailedSlip, mark);
      expect(failed).toMatchObject({ code: 'printer-paper-out' });
      expect(await result()).toMatchObject({ outcome: 'done' });
      shop.printer.set({ paper: 'ok' });
      await shop.toIdle();
      expect(shop.printer.sheets).toHaveLength(sheets);
      mark = await shop.kiosk.mark();
      await shop.keypad.press(...fifteenThousand);
      await shop.house.pay(await paying());
      expect((await shop.sheet(sheets + 1)).text.join('\n')).toContain(
        String((await result())['saleId']),
      );
    },
    stepLimitMs,
  );

  describe('with the QR on paper, and a HID scanner beside the keypad', () => {
    const hidPort = 4;
    const typing = new UsbHidScanner('types');

    beforeAll(async () => {
      await shop.toIdle();
      await typing.device.plug(shop.guest.usbSocket(hidPort));
      // The link of another port: udev names both alike.
      const at = `hid:${shop.node('keypad').replace(/-usb-0:1:/, `-usb-0:${hidPort}:`)}`;
      await shop.serve({ qrOn: 'paper', display: undefined, scanner: { at } });
    }, stepLimitMs);

    const saleId = async (): Promise<unknown> =>
      (await shop.kiosk.waitFor('a sale', (line) => line['saleId'] !== undefined, mark))['saleId'];

    test(
      'the slip is scanned and paid',
      async () => {
        const sheets = shop.printer.sheets.length;
        await shop.keypad.press(...fifteenThousand);
        const qr = readPaper(await shop.sheet(sheets + 1));
        expect(qr).toContain('540815000.00');
        await shop.house.pay(qr ?? '');
        expect(await result()).toMatchObject({ outcome: 'done' });
        await shop.sheet(sheets + 2);
      },
      stepLimitMs,
    );

    test(
      'an article is in the basket by a scanner that types, and sold by a HID-POS one in its port',
      async () => {
        const sheets = shop.printer.sheets.length;
        await typing.scan(coffee.barcode);
        await shop.kiosk.phase('basket', mark);
        await shop.keypad.press('cancel');
        await shop.kiosk.phase('idle', mark);
        mark = await shop.kiosk.mark();
        const ofScanner =
          (msg: string) =>
          (line: LogLine): boolean =>
            line.msg === msg && line['device'] === 'scanner';
        await typing.device.unplug();
        await shop.kiosk.waitFor('no scanner', ofScanner('device.down'), mark);
        const pos = new UsbHidScanner('pos');
        await pos.device.plug(shop.guest.usbSocket(hidPort));
        await shop.kiosk.waitFor('the other scanner', ofScanner('device.up'), mark);
        await pos.scan(coffee.barcode);
        await shop.kiosk.phase('basket', mark);
        await shop.keypad.press('enter');
        const qr = readPaper(await shop.sheet(sheets + 1));
        expect(qr).toContain('540812000.00');
        await shop.house.pay(qr ?? '');
        expect(await result()).toMatchObject({ outcome: 'done' });
        await shop.sheet(sheets + 2);
      },
      stepLimitMs,
    );

    test(
      'a printer that refuses the slip has printed nothing: the charge is stopped, no QR comes out later',
      async () => {
        const sheets = shop.printer.sheets.length;
        shop.printer.device.nak(isSlip);
        await shop.keypad.press(...fifteenThousand);
        const id = await saleId();
        await until('a slip that is refused', async () =>
          Promise.resolve(shop.printer.device.heldWrites > 0),
        );
        expect((await result())['outcome']).not.toBe('done');
        expect(await shop.statusAtMidtrans(id)).toBe('cancel');
        expect(await shop.slipResults(id)).not.toContain('printed');
        shop.printer.device.takeAll();
        await shop.toIdle();
        expect(shop.printer.sheets.slice(sheets).map(readPaper)).toEqual(
          shop.printer.sheets.slice(sheets).map(() => undefined),
        );
      },
      stepLimitMs,
    );

    test(
      'a printer that answers nothing gets no byte of the slip, and nothing is charged',
      async () => {
        shop.printer.device.nak();
        const received = shop.printer.bytesReceived();
        const orders = (await shop.house.orders()).length;
        await shop.keypad.press(...fifteenThousand);
        await shop.kiosk.waitFor(
          'an end',
          (line) => line.msg === 'sale.phase' && ['result', 'blocked'].includes(String(line['to'])),
          mark,
        );
        expect(shop.printer.bytesReceived() - received).toBeLessThanOrEqual(questionBytes);
        const payable = (await shop.house.orders())
          .slice(orders)
          .filter(({ status }) => status === 'pending');
        expect(payable).toEqual([]);
        shop.printer.device.takeAll();
        await until('a kiosk that sells again', async () => shop.kiosk.sells());
      },
      stepLimitMs,
    );
  });

  test(
    'at the end the books of everybody balance',
    async () => {
      await until(
        'nothing in hand',
        async () => (await shop.house.books()).balance.inHand.count === 0,
      );
      const { balanced, strange, balance } = await shop.house.books();
      expect({ balanced, strange }).toEqual({ balanced: true, strange: [] });
      expect(balance.openClaim.count).toBe(0);
    },
    stepLimitMs,
  );
});

const isFailedSlip = ({ msg }: LogLine): boolean => msg === 'printer.failed';
