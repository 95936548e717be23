// The languages of relay boards, byte for byte as their makers' manuals have them.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  encodeCoilOff,
  encodeFlash,
  encodeHidRelay,
  encodeLcus,
  holdsFrame,
  isHidRelayOn,
  parseHidRelayState,
} from '../../drivers/dispenser/relay-codec.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytes = (text: string): Uint8Array => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('golden bytes', () => {
  test('LCUS, from the seller’s manual: relay 1 on and off', () => {
    expect(hex(encodeLcus(1, true))).toBe('a00101a2');
    expect(hex(encodeLcus(1, false))).toBe('a00100a1');
    expect(hex(encodeLcus(2, true))).toBe('a00201a3');
  });

  test('HID 16c0:05df: FF switches on, FD off, eight bytes behind report id 0', () => {
    expect(hex(encodeHidRelay(1, true))).toBe('00ff01000000000000');
    expect(hex(encodeHidRelay(2, false))).toBe('00fd02000000000000');
  });

  test('Waveshare’s Modbus relay: flash on for 700 and 800 ms, and off', () => {
    expect(hex(encodeFlash(1, 1, 700))).toBe('0105020000078db0');
    expect(hex(encodeFlash(1, 2, 800))).toBe('0105020100089c74');
    expect(hex(encodeCoilOff(1, 1))).toBe('010500000000cdca');
  });

  test.each([
    [() => encodeLcus(0, true)],
    [() => encodeLcus(9, true)],
    [() => encodeHidRelay(1.5, true)],
    [() => encodeFlash(0, 1, 100)],
    [() => encodeFlash(1, 1, 150)],
    [() => encodeFlash(1, 1, 0)],
  ])('what no board has is never sent: %s', (encode) => {
    expect(encode).toThrow();
  });
});

describe('the HID board’s state', () => {
  const state = bytes('42 49 54 46 54 00 00 02');

  test('is read with and without the report’s id', () => {
    for (const report of [state, bytes(`00${hex(state)}`), bytes(`01${hex(state)}`)]) {
      const read = parseHidRelayState(report) ?? NaN;
      expect([isHidRelayOn(read, 1), isHidRelayOn(read, 2)]).toEqual([false, true]);
    }
  });

  test('cut anywhere, or without a serial, it is none', () => {
    for (let length = 0; length < state.length; length++) {
      expect(parseHidRelayState(state.subarray(0, length))).toBeUndefined();
    }
    for (let at = 0; at < 5; at++) {
      const spoilt = Uint8Array.from(state);
      spoilt[at] = 0x80;
      expect(parseHidRelayState(spoilt)).toBeUndefined();
    }
  });

  test('random reports never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), (report) => {
        parseHidRelayState(report);
      }),
    );
  });
});

test('an answer is found behind noise, and not when a bit of it is wrong', () => {
  const frame = encodeFlash(1, 1, 100);
  expect(holdsFrame(Buffer.concat([bytes('00ff'), frame]), frame)).toBe(true);
  for (let at = 0; at < frame.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const spoilt = Uint8Array.from(frame);
      spoilt[at] = (spoilt[at] ?? 0) ^ (1 << bit);
      expect(holdsFrame(spoilt, frame)).toBe(false);
    }
    expect(holdsFrame(frame.subarray(0, at), frame)).toBe(false);
  }
});
