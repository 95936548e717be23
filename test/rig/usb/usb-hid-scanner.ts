// A USB barcode scanner as HID device, in the two modes that makers sell: one that types like a keyboard, and HID-POS.
import { bootDescriptor, reportLength } from '../../../drivers/keypad/hid-boot-keyboard.ts';
import { posDescriptor, posReports } from '../../../drivers/scanner/pos-scanner.ts';
import { wedgeReports } from '../../../drivers/scanner/wedge.ts';
import { systemClock, wait } from '../../../src/lib/clock.ts';
import type { UsbDevice } from './usb-device.ts';
import { UsbHid } from './usb-hid.ts';

/** Between two reports of one that types: faster than any hand. */
const edgeMs = 4;
const posReportBytes = 64;

const modes = {
  types: {
    name: 'Barcode Scanner (keyboard)',
    isBootKeyboard: true,
    descriptor: bootDescriptor,
    reportBytes: reportLength,
    reportsOf: (text: string) => wedgeReports(`${text}\r`),
  },
  pos: {
    name: 'Barcode Scanner (HID-POS)',
    isBootKeyboard: false,
    descriptor: posDescriptor,
    reportBytes: posReportBytes,
    reportsOf: (text: string) => posReports({ text }),
  },
} as const;

export class UsbHidScanner {
  readonly device: UsbDevice;
  readonly #hid: UsbHid;
  readonly #reportsOf: (text: string) => Uint8Array[];

  constructor(mode: keyof typeof modes) {
    const { reportsOf, ...shape } = modes[mode];
    this.#hid = new UsbHid({ vendor: 0x0c2e, product: 0x0200, ...shape });
    this.device = this.#hid.device;
    this.#reportsOf = reportsOf;
  }

  async scan(code: string): Promise<void> {
    for (const report of this.#reportsOf(code)) {
      this.#hid.send(report);
      await wait(systemClock, edgeMs);
    }
  }
}
