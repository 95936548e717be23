// Relay boards that are only there for bytes: one that answers nothing (LCUS), one that times its pulses (Modbus), and one
// with HID feature reports. They keep what the relay did, and can be unplugged.
import type { Clock } from '../../src/lib/clock.ts';
import { DeviceError } from '../device.ts';
import type { HidrawLine } from '../keypad/hidraw.ts';
import { createVirtualPort, type VirtualPlace, type VirtualPort } from '../virtual-port.ts';
import { encodeCoilOff, encodeFlash, encodeLcus, flashStepMs, holdsFrame } from './relay-codec.ts';

/** One relay: on, off, and how often it went on. */
export class VirtualRelay {
  readonly #clock: Clock;
  readonly #onEdge: (on: boolean) => void;
  #cancelFlash: () => void = () => undefined;
  on = false;
  pulses = 0;

  constructor(clock: Clock, onEdge: (on: boolean) => void = () => undefined) {
    this.#clock = clock;
    this.#onEdge = onEdge;
  }

  set(on: boolean): void {
    this.#cancelFlash();
    if (on === this.on) return;
    this.on = on;
    if (on) this.pulses += 1;
    this.#onEdge(on);
  }

  flash(pulseMs: number): void {
    this.set(true);
    this.#cancelFlash = this.#clock.after(pulseMs, () => {
      this.set(false);
    });
  }
}

/** The longest frame has 8 bytes. */
const maxKept = 64;

/** Listens for the frames of relay 1; with `unit` it is a Modbus board that answers. */
export async function createRelaySimulator(
  listen: VirtualPlace,
  relay: VirtualRelay,
  { unit, mute = () => false }: { unit?: number; mute?: () => boolean } = {},
): Promise<VirtualPort> {
  const frames: { bytes: Uint8Array; does: () => void }[] =
    unit === undefined
      ? [true, false].map((on) => ({
          bytes: encodeLcus(1, on),
          does: () => {
            relay.set(on);
          },
        }))
      : [
          {
            bytes: encodeCoilOff(unit, 1),
            does: () => {
              relay.set(false);
            },
          },
          ...Array.from({ length: 10 }, (_, at) => ({
            bytes: encodeFlash(unit, 1, (at + 1) * flashStepMs),
            does: () => {
              relay.flash((at + 1) * flashStepMs);
            },
          })),
        ];
  return createVirtualPort(listen, (socket) => {
    let kept = Buffer.alloc(0);
    socket.on('data', (bytes: Buffer) => {
      for (const byte of bytes) {
        kept = Buffer.concat([kept, Buffer.of(byte)]).subarray(-maxKept);
        const frame = frames.find((one) => holdsFrame(kept, one.bytes));
        if (frame === undefined) continue;
        kept = Buffer.alloc(0);
        frame.does();
        if (unit !== undefined && !mute()) socket.write(frame.bytes);
      }
    });
  });
}

export interface HidRelaySimulator {
  /** Opens it, as hidraw does. */
  open: () => Promise<HidrawLine>;
  unplug: () => void;
  /** The relay's contact is stuck: the board says that it did not switch. */
  stick: () => void;
}

/** A board of one relay with the serial `BITFT`. */
export function createHidRelaySimulator(relay: VirtualRelay): HidRelaySimulator {
  let closed = Promise.withResolvers<DeviceError | undefined>();
  let plugged = true;
  let stuck = false;
  const gone = (): DeviceError => new DeviceError('disconnected', 'the relay board is gone');
  const check = async (): Promise<void> => {
    await Promise.resolve();
    if (!plugged) throw gone();
  };
  return {
    open: async () => {
      if (!plugged) throw new DeviceError('not-found', 'no relay board is there');
      closed = Promise.withResolvers();
      const line = closed;
      return Promise.resolve({
        closed: line.promise,
        close: async () => {
          line.resolve(undefined);
          return Promise.resolve();
        },
        sendFeature: async ([, command, channel]) => {
          await check();
          if (channel === 1 && !stuck) relay.set(command === 0xff);
        },
        getFeature: async () => {
          await check();
          return Uint8Array.from([...Buffer.from('BITFT'), 0, 0, relay.on ? 1 : 0]);
        },
      });
    },
    unplug: () => {
      plugged = false;
      closed.resolve(gone());
    },
    stick: () => {
      stuck = true;
    },
  };
}
