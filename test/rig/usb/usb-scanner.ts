// A USB barcode scanner in its COM mode.
import type { UsbDevice } from './usb-device.ts';
import { UsbSerial } from './usb-serial.ts';

export class UsbScanner {
  readonly #line = new UsbSerial({ vendor: 0x0c2e, product: 0x0caa, name: 'Barcode Scanner' });

  get device(): UsbDevice {
    return this.#line.device;
  }

  scan(code: string): void {
    this.#line.send(Buffer.from(`${code}\r\n`));
  }
}
