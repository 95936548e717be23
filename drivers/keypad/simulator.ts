// A virtual keypad: sends the boot keyboard reports of a USB pad at a byte port, so that the real codec reads them.
import type { Key } from '../device.ts';
import { pressReports } from './hid-boot-keyboard.ts';
import { usageOfKey } from './keys.ts';
import { createVirtualPort } from '../virtual-port.ts';

/** Where it listens: a unix socket, or loopback TCP on a free port. */
export type KeypadPlace = { path: string } | { tcp: true };

export interface KeypadSimulator {
  /** The address for `createKeypad`. */
  readonly at: string;
  /** Presses and releases; false when nobody has the keypad open, and the key is lost as it would be in life. */
  press(key: Key): boolean;
  /** Sends bytes as they are: what a broken keypad would send. */
  send(bytes: Uint8Array): boolean;
  /** Resolves when somebody has the keypad open. */
  whenOpened(): Promise<void>;
  unplug(): Promise<void>;
  plug(): Promise<void>;
}

/** Starts plugged in; `unplug` also ends it. */
export async function createKeypadSimulator(place: KeypadPlace): Promise<KeypadSimulator> {
  const port = await createVirtualPort('path' in place ? place : { port: 0 });
  return {
    at: `reports:${port.at}`,
    press: (key) => port.send(pressReports({ usage: usageOfKey[key], modifiers: 0 })),
    send: port.send,
    whenOpened: port.whenOpened,
    unplug: port.unplug,
    plug: port.plug,
  };
}
