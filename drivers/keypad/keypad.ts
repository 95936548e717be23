// Makes the keypad that an address names. It passes keys on and decides nothing.
import { DeviceError, type KeySink, type Keypad } from '../device.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { createFingers, stuckMs } from './fingers.ts';
import { connectHid } from './hid-line.ts';
import { createKeyRepeat } from './key-repeat.ts';
import { createKeyReports, hasKeys, type KeyReports } from './key-reports.ts';
import { createBoardDecoder, createTerminalDecoder } from './keys.ts';
import {
  connectCharacters,
  createInputDevice,
  parseInputAddress,
  type InputAddress,
} from './line.ts';
import { interruptSelf, openTerminal } from './terminal.ts';

export interface KeypadOptions {
  /** An address as `parseInputAddress` takes it. */
  at: string;
  onKey: KeySink;
  /** For keys that are held, and for those that are stuck. */
  clock: Clock;
}

/** One connection to a keypad, not yet open. @throws DeviceError when `at` is no address. */
export function createKeypad({ at, onKey, clock }: KeypadOptions): Keypad {
  const address = parseInputAddress(at);
  const name = `keypad ${at}`;
  switch (address.kind) {
    case 'hid':
    case 'reports':
      return reportKeypad(name, address, onKey, clock);
    case 'characters':
      return boardKeypad(name, address, onKey);
    case 'terminal':
      return terminalKeypad(name, onKey);
  }
}

function reportKeypad(
  name: string,
  address: Extract<InputAddress, { kind: 'hid' | 'reports' }>,
  onKey: KeySink,
  clock: Clock,
): Keypad {
  const fingers = createFingers();
  const repeat = createKeyRepeat(clock, onKey);
  let reports: KeyReports | undefined;
  const keypad = createInputDevice({
    name,
    connect: connectHid(address, (layout) => {
      if (!hasKeys(layout)) {
        throw new DeviceError(
          'protocol',
          `${name}: this device has no keys; it is another interface of a pad (its keys are often at …:1.0), ` +
            'or a barcode scanner, which belongs under scanner',
        );
      }
      reports = createKeyReports(layout);
    }),
    onBytes: (bytes) => {
      const down = reports?.report(bytes);
      if (down === undefined) return;
      const keys = fingers.take(down, clock.monotonicMs());
      repeat.hold(fingers.repeats());
      keys.forEach(onKey);
    },
    complaint: () => {
      const malformed = reports?.malformed ?? 0;
      if (malformed > 0) {
        return `${name} sends other reports than it has declared (${malformed}); unplug it and plug it in again`;
      }
      const stuck = fingers.stuck(clock.monotonicMs());
      return stuck === 0
        ? undefined
        : `${name}: ${stuck} key${stuck === 1 ? ' is' : 's are'} down for more than ${stuckMs / 1000} s and ignored; free or replace it`;
    },
  });
  // What is held when the pad is pulled out is held by nobody.
  void keypad.closed.then(() => {
    repeat.hold(undefined);
  });
  return keypad;
}

function boardKeypad(
  name: string,
  address: Extract<InputAddress, { kind: 'characters' }>,
  onKey: KeySink,
): Keypad {
  const board = createBoardDecoder();
  return createInputDevice({
    name,
    connect: connectCharacters(address),
    onBytes: (bytes) => {
      board.feed(bytes).forEach(onKey);
    },
    complaint: () =>
      board.strange === 0
        ? undefined
        : `${name} sends characters that are no keys (${board.strange}); is baudRate as the board has it?`,
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
