// Reports and characters to keys: golden captures, every split, every corruption, NumLock, rollover, held keys.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Key } from '../../drivers/device.ts';
import {
  createBootKeyboard,
  pressReports,
  reportLength,
} from '../../drivers/keypad/hid-boot-keyboard.ts';
import {
  createBoardDecoder,
  createTerminalDecoder,
  keyOfPress,
  usageOfKey,
} from '../../drivers/keypad/keys.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/[^0-9a-f]/g, ''), 'hex');
const up = '00 00 00 00 00 00 00 00';

function keysOf(...pieces: Uint8Array[]): (Key | undefined)[] {
  const keyboard = createBootKeyboard();
  return pieces.flatMap((piece) => keyboard.feed(piece)).map(keyOfPress);
}

/** Captured from an RFID reader that types, in node-hid issue #78; the digits are those of the top row. */
const captured = hex(
  [0x27, 0x27, 0x27, 0x21, 0x26, 0x25, 0x1e, 0x21, 0x1f, 0x1f, 0x28]
    .map((usage) => `00 00 ${usage.toString(16)} 00 00 00 00 00 ${up}`)
    .join(' '),
);
const capturedKeys = [...Array.from('0004981422'), 'enter'];

/** `7 8 9 4 5 6 1 2 3 0 . Enter` of a number pad, written from HID Usage Tables, page 0x07. */
const numberPad = hex(
  '5f 60 61 5c 5d 5e 59 5a 5b 62 63 58'
    .split(' ')
    .map((usage) => `00 00 ${usage} 00 00 00 00 00 ${up}`)
    .join(' '),
);
const numberPadKeys = [...Array.from('7894561230'), 'clear', 'enter'];

describe('boot keyboard reports', () => {
  test.each([
    ['a captured reader', captured, capturedKeys],
    ['a number pad', numberPad, numberPadKeys],
  ])('%s, whole and split at every byte', (_name, bytes, keys) => {
    expect(keysOf(bytes)).toEqual(keys);
    for (let at = 0; at <= bytes.length; at++) {
      expect(keysOf(bytes.subarray(0, at), bytes.subarray(at))).toEqual(keys);
    }
    expect(keysOf(...Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(keys);
  });

  test('with any one byte changed it never throws and loses at most two keys', () => {
    fc.assert(
      fc.property(fc.nat(numberPad.length - 1), fc.nat(255), (at, byte) => {
        const bytes = Buffer.from(numberPad);
        bytes[at] = byte;
        const right = keysOf(bytes).filter((key) => key !== undefined);
        expect(right.length).toBeGreaterThanOrEqual(numberPadKeys.length - 2);
        expect(right.length).toBeLessThanOrEqual(numberPadKeys.length + 2);
      }),
    );
  });

  test('random bytes in random pieces never throw', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (pieces) => {
        expect(keysOf(...pieces).length).toBeLessThanOrEqual(pieces.flatMap((p) => [...p]).length);
      }),
    );
  });

  test('a key that is held, or repeated by the device, comes once', () => {
    const five = hex('00 00 5d 00 00 00 00 00');
    expect(keysOf(five, five, five, hex(up), five)).toEqual(['5', '5']);
  });

  test('a second key while the first is still down is one more key, in whatever slot', () => {
    expect(
      keysOf(
        hex('00 00 59 00 00 00 00 00'),
        hex('00 00 5a 59 00 00 00 00'),
        hex('00 00 5a 00 00 00 00 00'),
        hex('00 00 5b 00 00 00 00 00'),
      ),
    ).toEqual(['1', '2', '3']);
  });

  test('rollover (0x01 in every slot) presses nothing and releases nothing', () => {
    const one = hex('00 00 59 00 00 00 00 00');
    expect(keysOf(one, hex('00 00 01 01 01 01 01 01'), one, hex(up))).toEqual(['1']);
  });

  test('one report at a time, and another length is counted until a good one comes', () => {
    const keyboard = createBootKeyboard();
    expect(keyboard.report(hex('00 00 59 00 00 00 00 00')).map(keyOfPress)).toEqual(['1']);
    expect(keyboard.report(hex('01 00 00'))).toEqual([]);
    expect(keyboard.report(hex(''))).toEqual([]);
    expect(keyboard.report(hex('00 00 00 59 00 00 00 00 00'))).toEqual([]); // 0 is no report id.
    expect(keyboard.malformed).toBe(3);
    expect(keyboard.report(hex('00 00 59 5a 00 00 00 00')).map(keyOfPress)).toEqual(['2']);
    expect(keyboard.malformed).toBe(0);
  });

  test('a report id before the eight bytes is taken off', () => {
    const keyboard = createBootKeyboard();
    // node-hid issue #228: a reader with report ids sends nine bytes.
    expect(keyboard.report(hex('02 00 00 27 00 00 00 00 00')).map(keyOfPress)).toEqual(['0']);
    expect(keyboard.malformed).toBe(0);
  });

  test('what the simulator sends is read back as the same key', () => {
    for (const [key, usage] of Object.entries(usageOfKey)) {
      const reports = pressReports({ usage, modifiers: 0 });
      expect(reports).toHaveLength(2 * reportLength);
      expect(keysOf(reports)).toEqual([key]);
    }
  });
});

describe('which key is meant', () => {
  const keys = (usages: string, modifiers = 0): (Key | undefined)[] =>
    Array.from(hex(usages), (usage) => keyOfPress({ usage, modifiers }));

  test('digits are digits with NumLock on (keypad usages) and off (navigation usages)', () => {
    expect(keys('62 59 5a 5b 5c 5d 5e 5f 60 61').join('')).toBe('0123456789');
    expect(keys('49 4d 51 4e 50 5d 4f 4a 52 4b').join('')).toBe('0123456789');
    expect(keys('63 4c')).toEqual(['clear', 'clear']);
  });

  test('NumLock itself, sent by cheap pads around each digit, means nothing', () => {
    const lock = `00 00 53 00 00 00 00 00 ${up}`;
    const seven = `00 00 5f 00 00 00 00 00 ${up}`;
    expect(keysOf(hex(lock + seven + lock)).filter((key) => key !== undefined)).toEqual(['7']);
  });

  test('a pad of 17 keys reaches everything but backspace', () => {
    expect(keys('54 55 56 58')).toEqual(['language', 'clear', 'cancel', 'enter']);
    expect(keys('57')).toEqual([undefined]); // `+`
  });

  test('double and triple zero, by their own usages and as two quick zeros', () => {
    expect(keys('b0 b1')).toEqual(['00', '000']);
    const zero = pressReports({ usage: 0x62, modifiers: 0 });
    expect(keysOf(zero, zero)).toEqual(['0', '0']);
  });

  test('Shift+3 and Shift+8 of telephone pads are # and *; Shift on the keypad changes nothing', () => {
    expect(keys('20 25 1e', 0x02)).toEqual(['enter', 'clear', undefined]);
    expect(keys('5f', 0x20)).toEqual(['7']);
  });

  test('nothing is a key with Ctrl, Alt or a logo key', () => {
    for (const modifiers of [0x01, 0x04, 0x08, 0x10, 0x40, 0x80]) {
      expect(keys('1e 59 4c', modifiers)).toEqual([undefined, undefined, undefined]);
    }
  });
});

describe('matrix boards', () => {
  const board = (...pieces: string[]): Key[] => {
    const decode = createBoardDecoder();
    return pieces.flatMap((piece) => decode(Buffer.from(piece, 'latin1')));
  };

  test('every character of the table', () => {
    expect(board('0123456789').join('')).toBe('0123456789');
    expect(board('ABCD')).toEqual(['00', '000', 'cancel', 'language']);
    expect(board('*#\b\x7f\x1b')).toEqual(['clear', 'enter', 'backspace', 'backspace', 'cancel']);
  });

  test('CR, LF and CR LF are one Enter each, also when split', () => {
    expect(board('1\r2\n3\r\n')).toEqual(['1', 'enter', '2', 'enter', '3', 'enter']);
    expect(board('1\r', '\n')).toEqual(['1', 'enter']);
    expect(board('\n\n')).toEqual(['enter', 'enter']);
  });

  test('anything else is silence, and nothing throws', () => {
    expect(board('xyz +-,\x00\x7e\xff')).toEqual([]);
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), (pieces) => {
        const decode = createBoardDecoder();
        pieces.forEach((piece) => decode(piece));
      }),
    );
  });
});

describe('a terminal', () => {
  const typed = (...pieces: string[]): string[] => {
    const decode = createTerminalDecoder();
    return pieces.flatMap((piece) => decode(Buffer.from(piece, 'latin1')));
  };

  test('digits, Enter, Backspace, Escape, c, l and Ctrl-C', () => {
    expect(typed('15', '\r', '\x7f', '\x1b', 'c', 'l', '\x03')).toEqual([
      ...['1', '5', 'enter', 'backspace', 'cancel', 'clear', 'language', 'interrupt'],
    ]);
  });

  test('arrow, function and Delete keys press nothing, whole or split', () => {
    expect(typed('\x1b[A', '\x1bOP', '\x1b[3~', '\x1b[1;5C', '7')).toEqual(['7']);
    // Split after the Escape, it can only be taken for the key; its rest still presses no digit.
    expect(typed('\x1b', '[3~', '7')).toEqual(['cancel', '7']);
    expect(typed('\x1b[', '3', '~', '7')).toEqual(['7']);
  });

  test('Ctrl-C is heard wherever it comes', () => {
    expect(typed('\x1b[\x03')).toEqual(['interrupt']);
    expect(typed('\x1b', '\x03')).toEqual(['cancel', 'interrupt']);
  });

  test('random bytes never throw', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), (pieces) => {
        const decode = createTerminalDecoder();
        pieces.forEach((piece) => decode(piece));
      }),
    );
  });
});
