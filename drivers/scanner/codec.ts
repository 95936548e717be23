// Bytes of a scanner to readings: frames by prefix, suffix and pause. PURE. Never throws on bytes, keeps a bounded buffer.
import assert from 'node:assert/strict';
import type { Scan } from '../device.ts';
import { aimLength, maxScanLength, readScan } from './scan-text.ts';

const maxAffixLength = 8;
/** A scanner sends a code without a pause (the slowest typing mode has 80 ms between keys); what waits longer is a rest. */
const maxPauseMs = 1000;

export interface ScanFraming {
  /** What the scanner is set to send before the code: 0 to 8 characters of Latin-1. A frame without it is dropped. */
  prefix?: string | undefined;
  /** What ends a code: 1 to 8 characters of Latin-1. Without it, CR and LF each end one, and CR LF ends one. */
  suffix?: string | undefined;
  /** Whether AIM identifiers are switched on in the scanner; without it, what looks like one is one. */
  aim?: boolean | undefined;
}

export interface ScanDecoder {
  /** Bytes as they come, cut anywhere. Answers the readings that they complete. `nowMs` is monotonic. */
  feed(bytes: Uint8Array, nowMs: number): Scan[];
  /** Frames that were thrown away: too long, cut off, without the prefix, or with nothing in them. */
  readonly dropped: number;
}

/** A decoder with its memory of the frame that is being received. One for each connection. */
export function createScanDecoder({ prefix = '', suffix, aim }: ScanFraming = {}): ScanDecoder {
  assertAffixes(prefix, suffix);
  const head = Buffer.from(prefix, 'latin1');
  const tail = suffix === undefined ? undefined : Buffer.from(suffix, 'latin1');
  const frame = Buffer.alloc(head.length + aimLength + maxScanLength + (tail?.length ?? 1));
  let length = 0;
  let overflowed = false;
  let dropped = 0;
  let lastMs = -Infinity;

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
    const scan = tooLong ? undefined : readScan(body, { prefix: head, aim });
    if (scan === undefined && !tooLong) dropped += 1;
    return scan;
  };

  /** What came before a pause is the rest of a code whose end was lost, and no part of the next one. */
  const forgetRest = (): void => {
    if (length > 0 && !overflowed) dropped += 1;
    length = 0;
    overflowed = false;
  };

  return {
    feed(bytes, nowMs) {
      if (nowMs - lastMs > maxPauseMs) forgetRest();
      lastMs = nowMs;
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

function assertAffixes(prefix: string, suffix: string | undefined): void {
  assert(prefix.length <= maxAffixLength, 'a prefix has at most 8 characters');
  assert(suffix === undefined || suffix !== '', 'a suffix has at least 1 character');
  assert((suffix ?? '').length <= maxAffixLength, 'a suffix has at most 8 characters');
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
