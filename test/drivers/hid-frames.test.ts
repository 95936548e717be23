// HID messages over a byte stream: every cut gives the same messages, and a length beyond the limit ends it.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  createMessageFrames,
  encodeMessage,
  maxMessageBytes,
} from '../../drivers/keypad/report-frames.ts';

const messages = [Uint8Array.of(1, 2, 3), new Uint8Array(), new Uint8Array(300).fill(7)];
const stream = Buffer.concat(messages.map(encodeMessage));

test('cut at every byte it is the same messages', () => {
  for (let at = 0; at <= stream.length; at++) {
    const frames = createMessageFrames();
    const got = [stream.subarray(0, at), stream.subarray(at)].flatMap((part) => frames.feed(part));
    expect(got.map((message) => [...message])).toEqual(messages.map((message) => [...message]));
  }
});

test('the longest message passes, and a length beyond it is the end', () => {
  const frames = createMessageFrames();
  expect(frames.feed(encodeMessage(new Uint8Array(maxMessageBytes)))).toHaveLength(1);
  expect(frames.feed(Uint8Array.of(0x01, 0x10, 1, 2, 3))).toEqual([]);
  expect(frames.broken).toBe(true);
  expect(frames.feed(stream)).toEqual([]);
});

test('random bytes never throw', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 5000 })), (pieces) => {
      const frames = createMessageFrames();
      for (const piece of pieces) {
        for (const message of frames.feed(piece)) {
          expect(message.length).toBeLessThanOrEqual(maxMessageBytes);
        }
      }
    }),
  );
});
