// Makes the keypad that an address names. It passes keys on and decides nothing.
import type { KeySink, Keypad } from '../device.ts';
import { createBootKeyboard } from './hid-boot-keyboard.ts';
import { createBoardDecoder, createTerminalDecoder, keyOfPress } from './keys.ts';
import { connectTo, createInputDevice, parseInputAddress } from './line.ts';
import { interruptSelf, openTerminal } from './terminal.ts';

export interface KeypadOptions {
  /** An address as `parseInputAddress` takes it. */
  at: string;
  onKey: KeySink;
}

/** One connection to a keypad, not yet open. @throws DeviceError when `at` is no address. */
export function createKeypad({ at, onKey }: KeypadOptions): Keypad {
  const address = parseInputAddress(at);
  const name = `keypad ${at}`;
  switch (address.kind) {
    case 'hid':
    case 'reports':
      return reportKeypad(name, address, onKey);
    case 'characters': {
      const decode = createBoardDecoder();
      return createInputDevice({
        name,
        connect: connectTo(address),
        onBytes: (bytes) => {
          decode(bytes).forEach(onKey);
        },
      });
    }
    case 'terminal':
      return terminalKeypad(name, onKey);
  }
}

function reportKeypad(
  name: string,
  address: Parameters<typeof connectTo>[0],
  onKey: KeySink,
): Keypad {
  const keyboard = createBootKeyboard();
  // hidraw gives one report a read; a byte port gives any piece of the stream.
  const decode = address.kind === 'hid' ? keyboard.report : keyboard.feed;
  return createInputDevice({
    name,
    connect: connectTo(address),
    onBytes: (bytes) => {
      for (const press of decode(bytes)) {
        const key = keyOfPress(press);
        if (key !== undefined) onKey(key);
      }
    },
    complaint: () =>
      keyboard.malformed === 0
        ? undefined
        : `${name} does not send boot keyboard reports (${keyboard.malformed} of another length)`,
  });
}

function terminalKeypad(name: string, onKey: KeySink): Keypad {
  const decode = createTerminalDecoder();
  return createInputDevice({
    name,
    connect: async (onBytes) => Promise.resolve(openTerminal(onBytes)),
    onBytes: (bytes) => {
      for (const typed of decode(bytes)) {
        if (typed === 'interrupt') interruptSelf();
        else onKey(typed);
      }
    },
  });
}
