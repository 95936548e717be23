// A virtual keypad: describes itself and sends reports as a USB pad does, at a byte port, so that the real codec reads them.
import type { Key } from '../device.ts';
import { createVirtualPort } from '../virtual-port.ts';
import { bootDescriptor, pressReports } from './hid-boot-keyboard.ts';
import { usageOfKey } from './keys.ts';
import { encodeMessage } from './report-frames.ts';

/** Where it listens: a unix socket, or loopback TCP on a free port. */
export type KeypadPlace = ({ path: string } | { tcp: true }) & {
  /** A report descriptor; a boot keyboard's without it. */
  descriptor?: Uint8Array;
  /** The reports by which this pad presses and releases a usage; a boot keyboard's without it. */
  reportsOf?: (usage: number) => readonly Uint8Array[];
};

export interface KeypadSimulator {
  /** The address for `createKeypad`. */
  readonly at: string;
  /** Presses and releases; false when nobody has the keypad open, and the key is lost as it would be in life. */
  press(key: Key): boolean;
  /** Sends one report as it is: a key that is held, or what a broken keypad would send. */
  report(bytes: Uint8Array): boolean;
  /** Sends bytes without borders: no USB device can do that. */
  send(bytes: Uint8Array): boolean;
  /** Resolves when somebody has the keypad open. */
  whenOpened(): Promise<void>;
  unplug(): Promise<void>;
  plug(): Promise<void>;
}

/** Starts plugged in; `unplug` also ends it. */
export async function createKeypadSimulator(place: KeypadPlace): Promise<KeypadSimulator> {
  const {
    descriptor = bootDescriptor,
    reportsOf = (usage: number): readonly Uint8Array[] => pressReports({ usage, modifiers: 0 }),
  } = place;
  const port = await createVirtualPort(
    'path' in place ? { path: place.path } : { port: 0 },
    (socket) => {
      socket.resume();
      socket.write(encodeMessage(descriptor));
    },
  );
  const report = (bytes: Uint8Array): boolean => port.send(encodeMessage(bytes));
  return {
    at: `reports:${port.at}`,
    press: (key) =>
      reportsOf(usageOfKey[key])
        .map(report)
        .every((taken) => taken),
    report,
    send: port.send,
    whenOpened: port.whenOpened,
    unplug: port.unplug,
    plug: port.plug,
  };
}
