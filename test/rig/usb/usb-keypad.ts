// A USB numeric keypad: a HID boot keyboard that types what it is told, as fast as a practised hand, and notes when the guest
// switches its LEDs.
import type { Key } from '../../../drivers/device.ts';
import { bootDescriptor, reportLength } from '../../../drivers/keypad/hid-boot-keyboard.ts';
import { usageOfKey } from '../../../drivers/keypad/keys.ts';
import { systemClock, wait } from '../../../src/lib/clock.ts';
import type { UsbDevice } from './usb-device.ts';
import { UsbHid } from './usb-hid.ts';

const edgeMs = 12;
/** USB HID 1.11, Appendix E.6: five LEDs and three bits to fill the byte, which the driver's own descriptor leaves out. */
const leds = [
  ...[0x95, 0x05, 0x75, 0x01, 0x05, 0x08, 0x19, 0x01, 0x29, 0x05, 0x91, 0x02],
  ...[0x95, 0x01, 0x75, 0x03, 0x91, 0x01],
];
const descriptor = Uint8Array.from([...bootDescriptor.slice(0, -1), ...leds, 0xc0]);
/** HID Usage Tables, page 0x08: LED 3. */
const scrollLockBit = 0x04;

export class UsbKeypad {
  readonly device: UsbDevice;
  readonly #hid: UsbHid;
  /** Times at which its scroll-lock LED went on or off, in milliseconds of this machine's monotonic clock. */
  readonly scrollLock: { isOn: boolean; atMs: number }[] = [];

  constructor(name = 'Numeric Keypad') {
    this.#hid = new UsbHid(
      {
        ...{ vendor: 0x1a2c, product: 0x0e24, name, isBootKeyboard: true },
        ...{ descriptor, reportBytes: reportLength },
      },
      {
        onGet: () => new Uint8Array(reportLength), // No key is down.
        onSet: (_id, bytes) => {
          this.#light(((bytes[0] ?? 0) & scrollLockBit) !== 0);
        },
      },
    );
    this.device = this.#hid.device;
  }

  async press(...keys: readonly Key[]): Promise<void> {
    for (const key of keys) await this.chord(0, usageOfKey[key]);
  }

  /** Any keys of a keyboard, down together with modifiers and up again. */
  async chord(modifiers: number, ...usages: readonly number[]): Promise<void> {
    const down = new Uint8Array(reportLength);
    down.set([modifiers, 0, ...usages]);
    for (const report of [down, new Uint8Array(reportLength)]) {
      this.#hid.send(report);
      await wait(systemClock, edgeMs);
    }
  }

  /** How often the scroll-lock LED went on. */
  get pulses(): number {
    return this.scrollLock.filter(({ isOn }) => isOn).length;
  }

  #light(isOn: boolean): void {
    if (isOn === (this.scrollLock.at(-1)?.isOn ?? false)) return;
    this.scrollLock.push({ isOn, atMs: systemClock.monotonicMs() });
  }
}
