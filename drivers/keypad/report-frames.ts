// HID over a byte stream, for virtual devices: each message behind its length, first the report descriptor, then reports
// as hidraw gives them. PURE. Never throws on bytes, keeps one message at most.
import assert from 'node:assert/strict';

/** Linux: HID_MAX_DESCRIPTOR_SIZE; no report is longer. */
export const maxMessageBytes = 4096;
const lengthBytes = 2;

export interface MessageFrames {
  /** Bytes cut anywhere. Answers the messages that they complete. After a length beyond the limit nothing more comes. */
  feed(bytes: Uint8Array): Uint8Array[];
  /** What came has no borders that we know. */
  readonly broken: boolean;
}

/** One for each connection. */
export function createMessageFrames(): MessageFrames {
  const frame = new Uint8Array(lengthBytes + maxMessageBytes);
  let filled = 0;
  let broken = false;
  return {
    feed(bytes) {
      const messages: Uint8Array[] = [];
      for (const byte of bytes) {
        if (broken) break;
        frame[filled] = byte;
        filled += 1;
        if (filled < lengthBytes) continue;
        const length = (frame[0] ?? 0) + (frame[1] ?? 0) * 256;
        broken = length > maxMessageBytes;
        if (broken || filled < lengthBytes + length) continue;
        messages.push(frame.slice(lengthBytes, filled));
        filled = 0;
      }
      return messages;
    },
    get broken() {
      return broken;
    },
  };
}

/** One message for the wire. */
export function encodeMessage(message: Uint8Array): Uint8Array {
  assert(message.length <= maxMessageBytes, 'a message is longer than any');
  return Uint8Array.from([message.length & 0xff, message.length >> 8, ...message]);
}
