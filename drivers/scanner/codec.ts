// Bytes of a scanner to readings: frames, prefix, AIM identifier. PURE. Never throws on bytes, keeps a bounded buffer.
import assert from 'node:assert/strict';
import type { Scan } from '../device.ts';

/** Longest text of one reading; what is longer is dropped whole. */
export const maxScanLength = 512;
const maxAffixLength = 8;
/** ISO/IEC 15424: `]`, a code character, a modifier. */
const aimLength = 3;

export interface ScanFraming {
  /** What the scanner is set to send before the code: 0 to 8 characters of Latin-1. A frame without it is dropped. */
  prefix?: string;
  /** What ends a code: 1 to 8 characters of Latin-1. Without it, CR and LF each end one, and CR LF ends one. */
  suffix?: string;
}

export interface ScanDecoder {
  /** Bytes as they come, cut anywhere. Answers the readings that they complete. */
  feed(bytes: Uint8Array): Scan[];
  /** Frames that were thrown away: too long, without the prefix, or with nothing in them. */
  readonly dropped: number;
}

/** A decoder with its memory of the frame that is being received. One for each connection. */
export function createScanDecoder({ prefix = '', suffix }: ScanFraming = {}): ScanDecoder {
  assert(prefix.length <= maxAffixLength, 'a prefix has at most 8 characters');
  assert(suffix === undefined || suffix !== '', 'a suffix has at least 1 character');
  assert((suffix ?? '').length <= maxAffixLength, 'a suffix has at most 8 characters');
  const head = Buffer.from(prefix, 'latin1');
  const tail = suffix === undefined ? undefined : Buffer.from(suffix, 'latin1');
  const frame = Buffer.alloc(head.length + aimLength + maxScanLength + (tail?.length ?? 1));
  let length = 0;
  let overflowed = false;
  let dropped = 0;

  /** True when the byte just stored ends the frame. */
  const ended = (byte: number): boolean =>
    tail === undefined
      ? byte === 0x0d || byte === 0x0a
      : length >= tail.length && tail.equals(frame.subarray(length - tail.length, length));

  const finish = (): Scan | undefined => {
    const body = frame.subarray(0, length - (tail?.length ?? 1));
    const tooLong = overflowed;
    length = 0;
    overflowed = false;
    if (body.length === 0 && !tooLong) return undefined; // The LF of CR LF, or an empty line.
    const scan = tooLong ? undefined : readFrame(body, head);
    if (scan === undefined && !tooLong) dropped += 1;
    return scan;
  };

  return {
    feed(bytes) {
      const scans: Scan[] = [];
      for (const byte of bytes) {
        if (length === frame.length) {
          // Too long: only the newest bytes are kept, in which the suffix will be seen.
          // Counted here, because the end of a frame may never come.
          if (!overflowed) dropped += 1;
          overflowed = true;
          frame.copyWithin(0, length - maxAffixLength, length);
          length = maxAffixLength;
        }
        frame[length] = byte;
        length += 1;
        if (!ended(byte)) continue;
        const scan = finish();
        if (scan !== undefined) scans.push(scan);
      }
      return scans;
    },
    get dropped() {
      return dropped;
    },
  };
}

/** The bytes that a scanner sends for a reading: the other direction, for simulators. */
export function encodeScan(scan: Scan, { prefix = '', suffix = '\r' }: ScanFraming = {}): Buffer {
  const aim = scan.aim === undefined ? '' : `]${scan.aim}`;
  return Buffer.concat([
    Buffer.from(prefix, 'latin1'),
    Buffer.from(`${aim}${scan.text}`, 'utf8'),
    Buffer.from(suffix, 'latin1'),
  ]);
}

function readFrame(frame: Buffer, prefix: Buffer): Scan | undefined {
  const start = afterPrefix(frame, prefix);
  if (start === undefined) return undefined;
  const whole = decodeText(frame.subarray(start));
  const aim = /^\][A-Za-z][0-9A-Za-z]/.exec(whole)?.[0].slice(1);
  const text = aim === undefined ? whole : whole.slice(aimLength);
  if (text === '' || text.length > maxScanLength) return undefined;
  return aim === undefined ? { text } : { text, aim };
}

/** Noise before the prefix (a line sends some when it is plugged in) is skipped; anything else there is refused. */
function afterPrefix(frame: Buffer, prefix: Buffer): number | undefined {
  for (let start = 0; start <= frame.length - prefix.length; start++) {
    if (prefix.equals(frame.subarray(start, start + prefix.length))) return start + prefix.length;
    if (!isNoise(frame[start] ?? 0)) return undefined;
  }
  return undefined;
}

/** UTF-8 where it is, else Latin-1: a scanner does not say which. Control characters that no code uses are left out. */
function decodeText(bytes: Buffer): string {
  const clean = bytes.filter((byte) => !isNoise(byte));
  const text = Buffer.from(clean).toString('utf8');
  return text.includes('\ufffd') ? Buffer.from(clean).toString('latin1') : text;
}

/** GS1 General Specifications §7.8 and ISO/IEC 15434 use FS, GS, RS and EOT inside of a code; Tab occurs in QR text. */
const meaningful: readonly number[] = [0x04, 0x09, 0x1c, 0x1d, 0x1e];

function isNoise(byte: number): boolean {
  return (byte < 0x20 && !meaningful.includes(byte)) || byte === 0x7f;
}
