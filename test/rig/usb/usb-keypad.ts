// A USB numeric keypad: a HID boot keyboard that types what it is told, as fast as a practised hand.
import type { Key } from '../../../drivers/device.ts';
import { bootDescriptor, reportLength } from '../../../drivers/keypad/hid-boot-keyboard.ts';
import { usageOfKey } from '../../../drivers/keypad/keys.ts';
import { systemClock, wait } from '../../../src/lib/clock.ts';
import { UsbDevice, type Setup } from './usb-device.ts';

const reports = 0x81;
const [hidClass, bootSubclass, keyboardProtocol] = [3, 1, 1];
const [hidDescriptorType, reportDescriptorType, getDescriptor] = [0x21, 0x22, 6];
const edgeMs = 12;
/** USB HID 1.11 §6.2.1: version 1.11, one descriptor, of the report. */
const hidDescriptor = Uint8Array.from([
  ...[9, hidDescriptorType, 0x11, 0x01, 0, 1],
  ...[reportDescriptorType, bootDescriptor.length & 0xff, bootDescriptor.length >> 8],
]);

export class UsbKeypad {
  readonly device: UsbDevice;

  /** Without a serial, as cheap ones are. */
  constructor(name = 'Numeric Keypad') {
    this.device = new UsbDevice(
      {
        ...{ vendor: 0x1a2c, product: 0x0e24, name },
        interfaces: [
          {
            class: [hidClass, bootSubclass, keyboardProtocol],
            extra: hidDescriptor,
            endpoints: [
              { address: reports, kind: 'interrupt', maxPacketBytes: reportLength, interval: 4 },
            ],
          },
        ],
      },
      { onControl },
    );
  }

  async press(...keys: readonly Key[]): Promise<void> {
    for (const key of keys) await this.chord(0, usageOfKey[key]);
  }

  /** Any keys of a keyboard, down together with modifiers and up again. */
  async chord(modifiers: number, ...usages: readonly number[]): Promise<void> {
    const down = new Uint8Array(reportLength);
    down.set([modifiers, 0, ...usages]);
    for (const report of [down, new Uint8Array(reportLength)]) {
      this.device.interrupt(reports, report);
      await wait(systemClock, edgeMs);
    }
  }
}

function onControl({ type, request, value }: Setup): Uint8Array | undefined {
  if (type === 0x81 && request === getDescriptor) {
    return value >> 8 === reportDescriptorType ? bootDescriptor : hidDescriptor;
  }
  // SET_REPORT, SET_IDLE, SET_PROTOCOL are taken and change nothing; GET_REPORT finds no key down.
  if (type === 0x21) return new Uint8Array();
  return type === 0xa1 && request === 1 ? new Uint8Array(reportLength) : undefined;
}
