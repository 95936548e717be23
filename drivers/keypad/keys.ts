// Which key of a payment keypad is meant: tables from HID usages, from characters and from a terminal. PURE.
import type { Key } from '../device.ts';
import { modifier, type KeyPress } from './hid-boot-keyboard.ts';

/**
 * HID Usage Tables, page 0x07, by name in the comments. Choices, so that a pad of 17 keys reaches everything: `.` and
 * `*` clear, `-` cancels, `/` changes the language. NumLock (0x53) means nothing: cheap pads send it around each digit.
 */
const byUsage: ReadonlyMap<number, Key> = new Map<number, Key>([
  ...digits(0x1e, '1234567890'), // top row 1 to 0
  ...digits(0x59, '1234567890'), // keypad 1 to 0
  // The same keys of a pad that has NumLock off and translates by itself: Insert End Down PgDn Left Right Home Up PgUp.
  ...pairs([0x49, 0x4d, 0x51, 0x4e, 0x50, 0x4f, 0x4a, 0x52, 0x4b], '012346789'),
  [0xb0, '00'], // keypad 00. Pads without this usage send two quick zeros, which are two zeros here as well.
  [0xb1, '000'], // keypad 000
  [0x28, 'enter'], // Return
  [0x58, 'enter'], // keypad Enter
  [0x9e, 'enter'], // Return (the second one of the page)
  [0x2a, 'backspace'], // Delete (Backspace)
  [0xbb, 'backspace'], // keypad Backspace
  [0x4c, 'clear'], // Delete forward: keypad `.` with NumLock off
  [0x63, 'clear'], // keypad `.`
  [0x85, 'clear'], // keypad `,`
  [0x55, 'clear'], // keypad `*`
  [0x2b, 'clear'], // Tab
  [0x9c, 'clear'], // Clear
  [0xd8, 'clear'], // keypad Clear
  [0xd9, 'clear'], // keypad Clear Entry
  [0x29, 'cancel'], // Escape
  [0x56, 'cancel'], // keypad `-`
  [0x9b, 'cancel'], // Cancel
  [0x54, 'language'], // keypad `/`
]);

/** Telephone-style pads send `*` and `#` as Shift+8 and Shift+3. */
const byShiftedTopRow: ReadonlyMap<number, Key> = new Map<number, Key>([
  [0x25, 'clear'],
  [0x20, 'enter'],
]);

/** The key of one press; undefined for all that a payment keypad has not. Keys with Ctrl, Alt or a logo key are none. */
export function keyOfPress({ usage, modifiers }: KeyPress): Key | undefined {
  if ((modifiers & (modifier.control | modifier.alt | modifier.gui)) !== 0) return undefined;
  const topRow = usage >= 0x1e && usage <= 0x27;
  // Shift beside a keypad key only undoes NumLock, so it changes nothing.
  if ((modifiers & modifier.shift) !== 0 && topRow) return byShiftedTopRow.get(usage);
  return byUsage.get(usage);
}

/** The usage that a virtual keypad sends for a key. */
export const usageOfKey: Readonly<Record<Key, number>> = {
  '0': 0x62,
  '1': 0x59,
  '2': 0x5a,
  '3': 0x5b,
  '4': 0x5c,
  '5': 0x5d,
  '6': 0x5e,
  '7': 0x5f,
  '8': 0x60,
  '9': 0x61,
  '00': 0xb0,
  '000': 0xb1,
  enter: 0x58,
  backspace: 0x2a,
  clear: 0x63,
  cancel: 0x29,
  language: 0x54,
};

type CharacterTable = ReadonlyMap<string, Key>;

const common: readonly [string, Key][] = [
  ...Array.from('0123456789', (digit): [string, Key] => [digit, digit as Key]),
  ['\r', 'enter'],
  ['\n', 'enter'],
  ['\b', 'backspace'],
  ['\x7f', 'backspace'],
];

/** Matrix boards that send characters: 4 × 4 pads have A to D in the right column. */
const boardTable: CharacterTable = new Map<string, Key>([
  ...common,
  ['*', 'clear'],
  ['#', 'enter'],
  ['A', '00'],
  ['B', '000'],
  ['C', 'cancel'],
  ['D', 'language'],
  ['\x1b', 'cancel'],
]);

/** A person at a terminal. Escape is not in it, because arrow keys begin with it too. */
const terminalTable: CharacterTable = new Map<string, Key>([
  ...common,
  ['c', 'clear'],
  ['*', 'clear'],
  ['.', 'clear'],
  ['l', 'language'],
  ['/', 'language'],
]);

/** Bytes to keys, with the memory that the next byte needs. One for each connection. */
export interface BoardDecoder {
  feed(bytes: Uint8Array): Key[];
  /** Bytes that are no key of a board since the last one that was. */
  readonly strange: number;
}

/** For matrix boards. CR LF is one Enter. */
export function createBoardDecoder(): BoardDecoder {
  let previous = 0;
  let strange = 0;
  return {
    feed(bytes) {
      const keys: Key[] = [];
      for (const byte of bytes) {
        const key = boardTable.get(String.fromCharCode(byte));
        strange = key === undefined ? strange + 1 : 0;
        if (key !== undefined && !(byte === 0x0a && previous === 0x0d)) keys.push(key);
        previous = byte;
      }
      return keys;
    },
    get strange() {
      return strange;
    },
  };
}

/** What was typed: a key, or the wish to end the program, which raw mode takes from the kernel's hands. */
export type Typed = Key | 'interrupt';

const escape = 0x1b;
const controlC = 0x03;

/**
 * For a terminal in raw mode. A lone Escape at the end of what arrived together is `cancel`; what follows an Escape is a
 * control sequence (ECMA-48: `[` or `O`, parameters, one final byte) and presses nothing, even when it comes later.
 */
export function createTerminalDecoder(): (bytes: Uint8Array) => Typed[] {
  let inside: 'text' | 'escape' | 'sequence' = 'text';
  return (bytes) => {
    const typed: Typed[] = [];
    for (const [index, byte] of bytes.entries()) {
      if (inside === 'escape' && (byte === 0x5b || byte === 0x4f)) {
        inside = 'sequence';
      } else if (inside === 'sequence') {
        if (byte >= 0x40 && byte <= 0x7e) inside = 'text';
        else if (byte === controlC) typed.push('interrupt');
      } else if (byte === escape) {
        inside = 'escape';
        if (index === bytes.length - 1) typed.push('cancel');
      } else {
        inside = 'text';
        const key = terminalTable.get(String.fromCharCode(byte));
        if (byte === controlC) typed.push('interrupt');
        else if (key !== undefined) typed.push(key);
      }
    }
    return typed;
  };
}

function digits(firstUsage: number, row: string): [number, Key][] {
  return Array.from(row, (digit, index) => [firstUsage + index, digit as Key]);
}

function pairs(usages: readonly number[], row: string): [number, Key][] {
  return usages.map((usage, index) => [usage, row.charAt(index) as Key]);
}
