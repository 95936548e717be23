// What a hand means: one press a key, no ghosts of the matrix, no stuck key, and repeating only what erases.
import { describe, expect, test } from 'vitest';
import type { Key } from '../../drivers/device.ts';
import { createFingers, stuckMs } from '../../drivers/keypad/fingers.ts';
import { createKeyRepeat } from '../../drivers/keypad/key-repeat.ts';
import { VirtualClock } from '../lib/virtual-clock.ts';

const one = 0x59;
const two = 0x5a;
const three = 0x5b;
const four = 0x5c;
const zero = 0x62;
const numLock = 0x53;
const backspace = 0x2a;
const leftShift = 0xe1;
const leftAlt = 0xe2;

/** The keys of these states, one a millisecond. */
function typed(...states: number[][]): Key[] {
  const fingers = createFingers();
  return states.flatMap((down, index) => fingers.take(down, index));
}

describe('presses', () => {
  test('captured: a pad that presses NumLock around each digit types the digit once', () => {
    // input-remapper issue #486, ROTTAY number pad: usages 0x53 and 0x59 in this order.
    expect(typed([numLock], [one], [numLock], [])).toEqual(['1']);
    expect(typed([numLock], [numLock, one], [one], [one, numLock], [numLock], [])).toEqual(['1']);
  });

  test('a 00 key that sends 0 twice quickly is two zeros; one with a usage of its own is 00', () => {
    expect(typed([zero], [], [zero], [])).toEqual(['0', '0']);
    expect(typed([zero], [], [zero], [], [zero], [])).toEqual(['0', '0', '0']);
    expect(typed([0xb0], [], [0xb1], [])).toEqual(['00', '000']);
  });

  test('a quick hand overlaps two and three keys', () => {
    expect(typed([one], [one, two], [one, two, three], [two, three], [three], [])).toEqual([
      ...['1', '2', '3'],
    ]);
  });

  test('a fourth key at once is the ghost of a matrix, and nobody knows which of them it is', () => {
    expect(typed([one], [one, two], [one, two, three, four], [one, two, three], [])).toEqual([
      ...['1', '2'],
    ]);
  });
});

describe('a stuck key', () => {
  test('is counted from the time on that no finger rests, until it is free', () => {
    const fingers = createFingers();
    expect(fingers.take([one], 0)).toEqual(['1']);
    expect(fingers.stuck(stuckMs - 1)).toBe(0);
    expect(fingers.stuck(stuckMs)).toBe(1);
    expect(fingers.take([], stuckMs + 1)).toEqual([]);
    expect(fingers.stuck(2 * stuckMs)).toBe(0);
    expect(fingers.take([one], 2 * stuckMs)).toEqual(['1']);
  });

  test('takes no finger from the others', () => {
    const fingers = createFingers();
    fingers.take([four, zero], 0);
    expect(fingers.take([four, zero, one], stuckMs)).toEqual(['1']);
    expect(fingers.take([four, zero, one, two], stuckMs + 1)).toEqual(['2']);
    expect(fingers.take([four, zero, one, two, three], stuckMs + 2)).toEqual(['3']);
  });

  test('that is a modifier does not turn every other key into none', () => {
    const fingers = createFingers();
    expect(fingers.take([leftAlt], 0)).toEqual([]);
    expect(fingers.take([leftAlt, one], 1)).toEqual([]); // Alt is held, and Alt with a key is none.
    fingers.take([leftAlt], 2);
    expect(fingers.take([leftAlt, one], stuckMs)).toEqual(['1']);
    fingers.take([leftShift], 2 * stuckMs);
    expect(fingers.take([leftShift, 0x25], 2 * stuckMs + 1)).toEqual(['clear']);
    expect(fingers.take([leftShift], 2 * stuckMs + 2)).toEqual([]);
    expect(fingers.take([leftShift, 0x25], 3 * stuckMs)).toEqual(['8']);
  });
});

describe('repeating', () => {
  test('only backspace repeats, while it is the last key that went down', () => {
    const fingers = createFingers();
    fingers.take([one], 0);
    expect(fingers.repeats()).toBeUndefined();
    fingers.take([one, backspace], 1);
    expect(fingers.repeats()).toBe('backspace');
    fingers.take([backspace], 2);
    expect(fingers.repeats()).toBe('backspace');
    fingers.take([backspace, two], 3);
    expect(fingers.repeats()).toBeUndefined();
    fingers.take([], 4);
    fingers.take([backspace], 5);
    fingers.take([], 6);
    expect(fingers.repeats()).toBeUndefined();
  });

  test('after half a second ten times a second, until it is let go', async () => {
    const clock = new VirtualClock();
    const keys: Key[] = [];
    const repeat = createKeyRepeat(clock, (key) => keys.push(key));
    repeat.hold('backspace');
    await clock.advance(499);
    expect(keys).toEqual([]);
    await clock.advance(1);
    expect(keys).toHaveLength(1);
    await clock.advance(300);
    repeat.hold('backspace'); // Another report of the same hand.
    expect(keys).toHaveLength(4);
    await clock.advance(99);
    repeat.hold(undefined);
    await clock.advance(10_000);
    expect(keys).toHaveLength(4);
  });

  test('it ends by itself when no finger holds a key for so long', async () => {
    const clock = new VirtualClock();
    const keys: Key[] = [];
    createKeyRepeat(clock, (key) => keys.push(key)).hold('backspace');
    await clock.advance(stuckMs);
    const repeated = keys.length;
    expect(repeated).toBeGreaterThan(200);
    await clock.advance(stuckMs);
    expect(keys).toHaveLength(repeated);
  });
});
