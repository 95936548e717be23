// Whole sales by real kernel devices: keys through hidraw, codes through a tty, the QR off the panel, the receipt off the
// paper; and each of them pulled out, put back, or out of paper in the middle of it.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Key } from '../../drivers/device.ts';
import type { Sheet } from '../../drivers/printer/simulator.ts';
import type { LogLine } from './guest-kiosk.ts';
import { until } from './house.ts';
import { buildLimitMs, inGuests, stepLimitMs } from './releases.ts';
import { replug } from './replug.ts';
import { coffee, readPaper, Shop } from './shop.ts';
import { UsbHidScanner } from './usb/usb-hid-scanner.ts';

const fifteenThousand: readonly Key[] = ['1', '5', '000', 'enter'];
/** A status request is shorter, any slip is longer, and what ends an older command is nothing but zeros. */
const statusBytes = 16;
const isSlip = (bytes: Buffer): boolean =>
  bytes.length > statusBytes && bytes.some((byte) => byte !== 0);

/** More than the questions before a slip, and less than any slip. */
const halfASlip = 150;

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
      await replug(shop, 'printer');
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

  test(
    'paper that ends in the middle of the receipt: the sale stands, and the receipt is not begun again',
    async () => {
      const sheets = shop.printer.sheets.length;
      await shop.keypad.press(...fifteenThousand);
      const qr = await paying();
      shop.printer.set({ paperBytes: halfASlip });
      await shop.house.pay(qr);
      const { saleId, outcome } = await result();
      expect(outcome).toBe('done');
      await until('the end of the job', async () => (await shop.slipResults(saleId)).length > 0);
      expect(await shop.slipResults(saleId)).toEqual(['unknown']);
      shop.printer.set({ paper: 'ok' });
      await shop.toIdle();
      mark = await shop.kiosk.mark();
      await shop.keypad.press(...fifteenThousand);
      await shop.house.pay(await paying());
      const next = await result();
      // What the printer still held it prints itself.
      await shop.sheet(sheets + 2);
      const receipts = shop.printer.sheets.slice(sheets).map(({ text }) => text.join('\n'));
      expect(receipts.map((text) => /rig01-\w+/.exec(text)?.[0])).toEqual([saleId, next['saleId']]);
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
      'paper that ends in the middle of the QR: its charge is over, what the printer held of it is followed by VOID',
      async () => {
        const sheets = shop.printer.sheets.length;
        shop.printer.set({ paperBytes: halfASlip });
        await shop.keypad.press(...fifteenThousand);
        const id = await saleId();
        expect((await result())['outcome']).not.toBe('done');
        expect(await shop.statusAtMidtrans(id)).toBe('cancel');
        expect(await shop.slipResults(id)).not.toContain('printed');
        await shop.kiosk.waitFor('a void slip without paper', isFailedSlip, mark);
        shop.printer.set({ paper: 'ok' });
        // What lies in the printer's own memory no profile takes back but one that clears it; nobody can pay it.
        const [held, taken] = [await shop.sheet(sheets + 1), await shop.sheet(sheets + 2)];
        await expect(shop.house.pay(readSheet(held))).rejects.toThrow('cancelled');
        expect(taken.text.join('\n')).toContain(String(id));
        expect(readPaper(taken)).toBeUndefined();
        await shop.toIdle();
        await until('a kiosk that sells again', async () => shop.kiosk.sells());
        mark = await shop.kiosk.mark();
        await shop.keypad.press(...fifteenThousand);
        await shop.kiosk.phase('paying', mark);
        await shop.house.pay(readSheet(await shop.sheet(sheets + 3)));
        const next = await result();
        expect(next).toMatchObject({ outcome: 'done' });
        expect(next['saleId']).not.toBe(id);
        await shop.sheet(sheets + 4);
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

/** The QR on a sheet. @throws Error where there is none */
function readSheet(sheet: Sheet | undefined): string {
  const code = sheet === undefined ? undefined : readPaper(sheet);
  if (code === undefined) throw new Error('no QR on this sheet');
  return code;
}
