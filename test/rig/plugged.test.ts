// What is plugged into a guest, as a technician's commands name it and as the drivers open it: equal devices told apart by
// their ports, HID scanners by what they say of themselves, a printer without the kernel's driver. No kiosk runs here.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { qrisText, readQr } from '../drivers/printer-slips.ts';
import { until } from './house.ts';
import { buildLimitMs, inGuests, isFull, stepLimitMs } from './releases.ts';
import { UsbHidScanner } from './usb/usb-hid-scanner.ts';
import { UsbKeypad } from './usb/usb-keypad.ts';
import { UsbPrinter } from './usb/usb-printer.ts';
import { UsbScanner } from './usb/usb-scanner.ts';
import { devicesSaid, doctorSaid } from './technician.ts';
import { Workbench, type BenchProgram } from './workbench.ts';

const stateDir = '/var/lib/kios';
const configFile = '/etc/kios/kiosk.yaml';
/** A status request is shorter. */
const statusBytes = 16;
const isSlip = (bytes: Buffer): boolean => bytes.length > statusBytes;
/** What a build machine has no time for is told as skipped: KIOS_RIG_FULL=1 runs it. */
const longTest = test.skipIf(!isFull);

inGuests('a guest with several devices', (image) => {
  let bench: Workbench;
  let printer: UsbPrinter;
  const undo = new AsyncDisposableStack();
  const pads = [new UsbKeypad(), new UsbKeypad()] as const;
  const scanners = [new UsbScanner(), new UsbScanner()] as const;
  const posScanner = new UsbHidScanner('pos');
  /** By /dev/kios, in the order of their ports. */
  let links: Record<'pads' | 'scanners', string[]> &
    Record<'hidScanner' | 'printer' | 'usbPrinter', string>;
  let program: BenchProgram;

  beforeAll(async () => {
    bench = undo.adopt(await Workbench.open(await image()), (one) => one.close());
    const folder = undo.adopt(await mkdtemp(join(tmpdir(), 'kios-paper-')), (one) =>
      rm(one, { recursive: true }),
    );
    printer = undo.adopt(await UsbPrinter.create(join(folder, 'head')), (one) => one.end());
    const socket = (port: number): string => bench.guest.usbSocket(port);
    await pads[0].device.plug(socket(1));
    await pads[1].device.plug(socket(2));
    await scanners[0].device.plug(socket(3));
    await scanners[1].device.plug(socket(4));
    await printer.plug(socket(5));
    await posScanner.device.plug(socket(6));
    const [printerLink = ''] = await bench.links('printer-', 1);
    const [usbPrinter = ''] = await bench.links('usb-printer-', 1);
    const [first = '', second = '', hidScanner = ''] = await bench.links('hid-', 3);
    const serial = await bench.links('serial-', 2);
    links = {
      ...{ pads: [first, second], scanners: serial, hidScanner },
      ...{ printer: printerLink, usbPrinter },
    };
    const config = {
      ...{ stateDir, serial: 'rig', display: { at: 'fb:/dev/fb0', panelWidthMm: 155 } },
      keypad: { at: `hid:${links.pads[0] ?? ''}` },
      scanner: { at: `serial:${links.scanners[0] ?? ''}?baudRate=9600` },
      printer: { at: `lp:${links.printer}` },
    };
    await bench.guest.put(configFile, stringify(config));
    program = await bench.start();
  }, buildLimitMs);
  afterAll(async () => {
    await undo.disposeAsync();
  });

  describe('by the commands of a technician', () => {
    test(
      '`kios devices` names each with its port, what fits it, and what the configuration has',
      async () => {
        const { code, devices: found, elsewhere } = await devicesSaid(bench, configFile);
        const typing = 'keypad, or a scanner that types';
        const line = 'serial line';
        expect(found.map(({ is, link, configured }) => [is, link, ...configured])).toEqual([
          [typing, links.pads[0], 'keypad'],
          [typing, links.pads[1]],
          ['HID-POS scanner', links.hidScanner],
          [line, links.scanners[0], 'scanner'],
          [line, links.scanners[1]],
          [line, undefined], // The guest's own console.
          ['printer', links.printer, 'printer'],
          [expect.stringMatching(/^screen 800×480/), undefined, 'display'],
        ]);
        expect(found.flatMap(({ faults }) => faults)).toEqual([]);
        expect({ code, elsewhere }).toEqual({ code: 0, elsewhere: [] });
      },
      stepLimitMs,
    );

    test(
      'a node with other rights is told, with what mends it, until it is plugged in again',
      async () => {
        await bench.guest.sh(`chown root: $(readlink -f ${links.pads[0] ?? ''})`);
        const { code, devices: found } = await devicesSaid(bench, configFile);
        expect(code).toBe(1);
        expect(found.flatMap(({ link, faults }) => faults.map((fault) => [link, fault]))).toEqual([
          [links.pads[0], expect.stringMatching(/kios may not open it: install .*99-kios.rules/)],
        ]);
        await pads[0].device.unplug();
        await until('no keypad there', async () => (await bench.links('hid-', 0)).length === 2);
        await pads[0].device.plug(bench.guest.usbSocket(1));
        expect(await bench.links('hid-', 3)).toContain(links.pads[0]);
      },
      stepLimitMs,
    );

    longTest(
      '`kios doctor` opens each as the user of the kiosk, and tells one that is refused',
      async () => {
        const well = { keypad: 'well', scanner: 'well', display: 'well', printer: 'well' };
        expect(await doctorSaid(bench, configFile)).toMatchObject(well);
        const node = `$(readlink -f ${links.scanners[0] ?? ''})`;
        await bench.guest.sh(`chown root: ${node}; chmod 600 ${node}`);
        expect(await doctorSaid(bench, configFile)).toMatchObject({ ...well, scanner: 'fault' });
        await bench.guest.sh(`chown :kios ${node}; chmod 660 ${node}`);
      },
      stepLimitMs,
    );
  });

  describe('equal ones', () => {
    test(
      'two pads are told apart by their ports, and one that is pulled out leaves the other alone',
      async () => {
        const [first = '', second = ''] = links.pads.map((link) => `hid:${link}`);
        for (const at of [first, second]) await program.open('keypad', at);
        await pads[0].press('1', '2');
        await pads[1].press('7', '8');
        await program.heard('the second pad', ({ key }) => key === '8');
        const mark = (await program.words()).length;
        await pads[0].device.unplug();
        await program.heard('its loss', ({ at, state }) => at === first && state === 'down', mark);
        await pads[1].press('9');
        await pads[0].device.plug(bench.guest.usbSocket(1));
        await program.heard('it again', ({ at, state }) => at === first && state === 'up', mark);
        await pads[0].press('3');
        await program.heard('its key', ({ key }) => key === '3', mark);
        const typed = (await program.words()).filter(({ key }) => key !== undefined);
        const by = (pad: string): unknown[] =>
          typed.filter(({ at }) => at === pad).map(({ key }) => key);
        expect([by(first), by(second)]).toEqual([
          ['1', '2', '3'],
          ['7', '8', '9'],
        ]);
        expect(
          (await program.words()).filter(({ at, state }) => at === second && state === 'down'),
        ).toEqual([]);
      },
      stepLimitMs,
    );

    test(
      'two serial adapters are told apart by their ports',
      async () => {
        const places = links.scanners.map((link) => `serial:${link}?baudRate=9600`);
        for (const at of places) await program.open('scanner', at);
        scanners[0].scan('8991002101234');
        scanners[1].scan('96385074');
        await program.heard(
          'the first',
          ({ at, scan }) => at === places[0] && scan === '8991002101234',
        );
        await program.heard(
          'the second',
          ({ at, scan }) => at === places[1] && scan === '96385074',
        );
        const scans = (await program.words()).filter(({ scan }) => scan !== undefined);
        expect(scans).toHaveLength(2);
      },
      stepLimitMs,
    );
  });

  test(
    'a HID-POS scanner, and in its port one that types, read beside the pads, and are no pads',
    async () => {
      const at = `hid:${links.hidScanner}`;
      await program.open('scanner', at);
      const mark = (await program.words()).length;
      await posScanner.scan('8991002101234');
      await program.heard('the HID-POS scanner', (word) => word.scan === '8991002101234', mark);
      await posScanner.device.unplug();
      await program.heard('its loss', (word) => word.at === at && word.state === 'down', mark);
      const typing = new UsbHidScanner('types');
      await typing.device.plug(bench.guest.usbSocket(6));
      await program.heard('another one', (word) => word.at === at && word.state === 'up', mark);
      await pads[0].press('5');
      await typing.scan('kios-Voucher/0001');
      await program.heard('the one that types', (word) => word.scan === 'kios-Voucher/0001', mark);
      const words = (await program.words()).slice(mark);
      expect(words.filter(({ key }) => key !== undefined)).toMatchObject([{ key: '5' }]);
      expect(words.filter(({ scan }) => scan !== undefined)).toHaveLength(2);
      await typing.device.unplug();
    },
    stepLimitMs,
  );

  describe('the printer without the kernel’s driver', () => {
    const at = (): string => `usb:${links.usbPrinter}`;
    const printed = async (since: number): Promise<string | undefined> =>
      (await program.heard('the end of a slip', (word) => 'printed' in word, since)).printed;

    test(
      'prints a slip whose QR is read, and the kernel gets it back',
      async () => {
        const [mark, sheets] = [(await program.words()).length, printer.sheets.length];
        await program.open('printer', at());
        expect((await bench.guest.run('ls /dev/usb/lp0')).code).not.toBe(0);
        await program.say({ print: true, at: at() });
        expect(await printed(mark)).toBe('printed');
        expect(printer.sheets.slice(sheets).map(readQr)).toEqual([qrisText]);
        await program.say({ close: true, at: at() });
        await program.heard('its end', ({ state }) => state === 'closed', mark);
        expect(await bench.links('printer-', 1)).toEqual([links.printer]);
      },
      stepLimitMs,
    );

    test(
      'pulled out in the middle of a slip: that is unknown, it is back, and nothing of it is repeated',
      async () => {
        const sheets = printer.sheets.length;
        const mark = (await program.words()).length;
        await program.open('printer', at());
        printer.device.nak(isSlip);
        await program.say({ print: true, at: at() });
        await until('the slip in the cable', async () =>
          Promise.resolve(printer.device.heldWrites > 0),
        );
        await printer.unplug();
        expect(await printed(mark)).toBe('unknown');
        await program.heard('its loss', ({ state }) => state === 'down', mark);
        const away = (await program.words()).length;
        printer.device.takeAll();
        await printer.plug(bench.guest.usbSocket(5));
        await program.heard('the printer', ({ state }) => state === 'up', away);
        expect(printer.sheets).toHaveLength(sheets);
        await program.say({ print: true, at: at() });
        expect(await printed(away)).toBe('printed');
        expect(printer.sheets.slice(sheets).map(readQr)).toEqual([qrisText]);
      },
      stepLimitMs,
    );

    longTest(
      'that answers NAK to a slip: unknown when its time is over, and nothing of it comes out later',
      async () => {
        const [mark, sheets] = [(await program.words()).length, printer.sheets.length];
        printer.device.nak(isSlip);
        await program.say({ print: true, at: at() });
        expect(await printed(mark)).toBe('unknown');
        await program.heard('its end', ({ state }) => state === 'down', mark);
        printer.device.takeAll();
        await program.heard('the printer', ({ state }) => state === 'up', mark);
        const up = (await program.words()).length;
        await program.say({ print: true, at: at() });
        expect(await printed(up)).toBe('printed');
        expect(printer.sheets.slice(sheets).map(readQr)).toEqual([qrisText]);
      },
      stepLimitMs,
    );
  });
});
