// Which key is meant: by the usage of a USB pad, by the character of a matrix board, by what is typed at a terminal.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Key } from '../../drivers/device.ts';
import {
  createBoardDecoder,
  createTerminalDecoder,
  keyOfPress,
} from '../../drivers/keypad/keys.ts';
import { hex } from './hid-captures.ts';

describe('which key is meant', () => {
  const keys = (usages: string, modifiers = 0): (Key | undefined)[] =>
    Array.from(hex(usages), (usage) => keyOfPress({ usage, modifiers }));

  test('digits are digits with NumLock on (keypad usages) and off (navigation usages)', () => {
    expect(keys('62 59 5a 5b 5c 5d 5e 5f 60 61').join('')).toBe('0123456789');
    expect(keys('49 4d 51 4e 50 5d 4f 4a 52 4b').join('')).toBe('0123456789');
    expect(keys('63 4c')).toEqual(['clear', 'clear']);
  });

  test('a pad of 17 keys reaches everything but backspace', () => {
    expect(keys('54 55 56 58')).toEqual(['language', 'clear', 'cancel', 'enter']);
    expect(keys('57 53')).toEqual([undefined, undefined]); // `+` and NumLock
  });

  test('double and triple zero by their own usages', () => {
    expect(keys('b0 b1')).toEqual(['00', '000']);
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
    const decoder = createBoardDecoder();
    return pieces.flatMap((piece) => decoder.feed(Buffer.from(piece, 'latin1')));
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
        const decoder = createBoardDecoder();
        pieces.forEach((piece) => decoder.feed(piece));
      }),
    );
  });

  test('what is no key is counted until a key comes: a wrong baud rate sends such', () => {
    const decoder = createBoardDecoder();
    decoder.feed(Buffer.from('7x\xff\x00', 'latin1'));
    expect(decoder.strange).toBe(3);
    decoder.feed(Buffer.from('7'));
    expect(decoder.strange).toBe(0);
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
