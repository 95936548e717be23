// A serial line over USB by the standard's own class: CDC-ACM, /dev/ttyACM*. What is said on it is its owner's.
import { UsbDevice, type Setup } from './usb-device.ts';

const [notices, into, out] = [0x83, 0x01, 0x82];
const [setLineCoding, getLineCoding] = [0x20, 0x21];
/** USB CDC PSTN 1.2 §6.3.11: 9600 baud, 1 stop bit, no parity, 8 bits. */
const lineCoding9600 = Uint8Array.from([0x80, 0x25, 0, 0, 0, 0, 8]);
/** USB CDC 1.2 §5.2.3: header, call management, abstract control, union of the interfaces 0 and 1. */
const functions = Uint8Array.from([
  ...[5, 0x24, 0, 0x10, 1],
  ...[5, 0x24, 1, 0, 1],
  ...[4, 0x24, 2, 2],
  ...[5, 0x24, 6, 0, 1],
]);

export interface UsbSerialEvents {
  /** Bytes that the guest has sent. */
  onBytes?(bytes: Buffer): void;
  onUnplugged?(): void;
}

export class UsbSerial {
  readonly device: UsbDevice;
  #lineCoding: Uint8Array = lineCoding9600;

  constructor(
    identity: { vendor: number; product: number; name: string },
    events: UsbSerialEvents = {},
  ) {
    this.device = new UsbDevice(
      {
        ...identity,
        deviceClass: [2, 0, 0],
        interfaces: [
          {
            class: [2, 2, 1],
            extra: functions,
            endpoints: [{ address: notices, kind: 'interrupt', maxPacketBytes: 16, interval: 16 }],
          },
          {
            class: [10, 0, 0],
            endpoints: [
              { address: into, kind: 'bulk', maxPacketBytes: 64, interval: 0 },
              { address: out, kind: 'bulk', maxPacketBytes: 64, interval: 0 },
            ],
          },
        ],
      },
      {
        onControl: (setup, bytes) => this.#control(setup, bytes),
        onOut: (bytes) => events.onBytes?.(bytes),
        onUnplugged: () => events.onUnplugged?.(),
      },
    );
  }

  /** Says something to the guest. */
  send(bytes: Uint8Array): void {
    this.device.bulk(out, bytes);
  }

  #control({ type, request }: Setup, bytes: Buffer): Uint8Array | undefined {
    if (type === 0xa1 && request === getLineCoding) return this.#lineCoding;
    if (type !== 0x21) return undefined;
    if (request === setLineCoding) this.#lineCoding = Uint8Array.from(bytes);
    return new Uint8Array();
  }
}
