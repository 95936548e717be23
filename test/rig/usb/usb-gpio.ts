// A CP2112 USB bridge: eight lines that the guest's kernel (hid-cp2112) shows as a GPIO chip, the only one that Debian's
// kernel can be given from outside: it has neither gpio-sim nor gpio-mockup.
import { systemClock } from '../../../src/lib/clock.ts';
import type { UsbDevice } from './usb-device.ts';
import { UsbHid } from './usb-hid.ts';

/** Silicon Labs AN495, "CP2112 interface specification": the feature reports by their ids. */
const [gpioConfig, getGpio, setGpio, version, smbusConfig] = [0x02, 0x03, 0x04, 0x05, 0x06];
const reportBytes = 64;

/** A feature report of so many bytes behind its id. */
const feature = (id: number, bytes: number): number[] => [
  ...[0x85, id, 0x95, bytes, 0x75, 0x08, 0x26, 0xff, 0x00, 0x15, 0x00, 0x09, 0x01, 0xb1, 0x02],
];
const descriptor = Uint8Array.from([
  ...[0x06, 0x00, 0xff, 0x09, 0x01, 0xa1, 0x01], // The maker's own page.
  ...[...feature(gpioConfig, 4), ...feature(getGpio, 1), ...feature(setGpio, 2)],
  ...[...feature(version, 2), ...feature(smbusConfig, 13)],
  ...[0x85, 0x13, 0x95, 61, 0x75, 8, 0x09, 1, 0x81, 2], // An answer of SMBus, which is not used here.
  0xc0,
]);

export class UsbGpio {
  readonly device: UsbDevice;
  /** Levels that the guest has driven lines to, as they changed; times are of this machine's monotonic clock. */
  readonly edges: { line: number; level: number; atMs: number }[] = [];
  #directions = 0;
  #pushPull = 0;
  #outputs = 0;
  #inputs = 0;
  #smbus: Buffer = Buffer.from([smbusConfig, 0, 1, 0x86, 0xa0, 2, 0, 0, 0, 0, 0, 0, 0, 0]);

  constructor() {
    const hid = new UsbHid(
      {
        ...{ vendor: 0x10c4, product: 0xea90, name: 'CP2112 HID USB-to-SMBus Bridge' },
        ...{ isBootKeyboard: false, descriptor, reportBytes },
      },
      {
        onGet: (id) => this.#get(id),
        onSet: (id, bytes) => {
          this.#set(id, bytes);
        },
      },
    );
    this.device = hid.device;
  }

  /** Whether the guest drives this line, and does not listen to it. */
  isOutput(line: number): boolean {
    return (this.#directions & (1 << line)) !== 0;
  }

  /** The level at the pin of an output. */
  level(line: number): number {
    return (this.#outputs >> line) & 1;
  }

  /** Drives a line that is an input from outside. */
  drive(line: number, level: number): void {
    this.#inputs = level === 0 ? this.#inputs & ~(1 << line) : this.#inputs | (1 << line);
  }

  #get(id: number): Uint8Array | undefined {
    if (id === gpioConfig) return Uint8Array.of(id, this.#directions, this.#pushPull, 0, 0);
    if (id === getGpio) {
      const [out, into] = [this.#outputs & this.#directions, this.#inputs & ~this.#directions];
      return Uint8Array.of(id, (out | into) & 0xff);
    }
    if (id === version) return Uint8Array.of(id, 0x0c, 0x02);
    return id === smbusConfig ? this.#smbus : undefined;
  }

  #set(id: number, bytes: Buffer): void {
    const [, first = 0, second = 0] = bytes;
    if (id === gpioConfig) [this.#directions, this.#pushPull] = [first, second];
    if (id === smbusConfig) this.#smbus = Buffer.from(bytes);
    if (id !== setGpio) return;
    // The new levels, and which lines are meant.
    const before = this.#outputs;
    this.#outputs = (before & ~second) | (first & second);
    for (let line = 0; line < 8; line++) {
      if (((before ^ this.#outputs) >> line) % 2 === 0) continue;
      this.edges.push({ line, level: this.level(line), atMs: systemClock.monotonicMs() });
    }
  }
}
