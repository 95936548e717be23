// Every codec that is fed a stream: noise mixed with what it knows, cut anywhere, gives what the whole gives; and what never
// ends is not kept. The printer's answers, the page's pixels and a terminal's keys have tests of their own.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeBoardLine, encodeHostLine } from '../../drivers/dispenser/line-protocol.ts';
import { LineCutter } from '../../drivers/dispenser/line-protocol.ts';
import { createBoardDecoder } from '../../drivers/keypad/keys.ts';
import { createMessageFrames, encodeMessage } from '../../drivers/keypad/report-frames.ts';
import { encodeDocument } from '../../drivers/printer/escpos.ts';
import { EscPosInterpreter } from '../../drivers/printer/interpreter.ts';
import { printerProfiles } from '../../drivers/printer/profiles.ts';
import { createScanDecoder, encodeScan, type ScanFraming } from '../../drivers/scanner/codec.ts';

interface StreamCodec {
  /** Whole messages, and pieces of which some are made. */
  words: readonly Uint8Array[];
  /** What the pieces say, all of it, in the order in which it came. */
  read: (pieces: readonly Uint8Array[]) => unknown;
}

const latin1 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));

function scanner(framing: ScanFraming): StreamCodec {
  const scan = { text: '8991002101630' };
  return {
    words: [
      Uint8Array.from(encodeScan(scan, framing)),
      latin1(framing.suffix ?? '\r\n'),
      latin1(framing.prefix ?? ''),
      latin1('x'.repeat(5000)),
    ],
    read: (pieces) => {
      const decoder = createScanDecoder(framing);
      return [pieces.flatMap((piece) => decoder.feed(piece, 0)), decoder.dropped];
    },
  };
}

const profile = printerProfiles['generic-58'];
const codecs: Readonly<Record<string, StreamCodec>> = {
  'vend line': {
    words: [
      encodeHostLine({ kind: 'V', id: 'kuta01-1', count: 3 }),
      encodeBoardLine({ kind: 'F', id: 'kuta01-1', moved: 2 }),
      latin1('\n'),
      latin1('x'.repeat(100)),
    ],
    read: (pieces) => {
      const cutter = new LineCutter();
      return pieces.flatMap((piece) => cutter.take(piece));
    },
  },
  'scanner, usual framing': scanner({}),
  'scanner, prefix and suffix': scanner({ prefix: '\x02', suffix: '\x03\x04' }),
  'HID reports over a port': {
    words: [
      encodeMessage(Uint8Array.of(1, 2, 3)),
      encodeMessage(new Uint8Array(300)),
      latin1('\0'),
    ],
    read: (pieces) => {
      const frames = createMessageFrames();
      return [pieces.flatMap((piece) => frames.feed(piece)), frames.broken];
    },
  },
  'keypad board': {
    words: [latin1('123'), latin1('\r'), latin1('\n'), latin1('*#')],
    read: (pieces) => {
      const decoder = createBoardDecoder();
      return [pieces.flatMap((piece) => decoder.feed(piece)), decoder.strange];
    },
  },
  'paper of the printer that stands in': {
    words: [
      encodeDocument({ blocks: [{ kind: 'text', text: 'kopi', bold: true }] }, profile),
      encodeDocument({ blocks: [{ kind: 'qr', text: 'RP1' }] }, profile),
      latin1('\x1d(k'),
      latin1('\x1dv0\0\x04\0\x08\0'),
    ],
    read: (pieces) => {
      const told: unknown[] = [];
      const emulator = new EscPosInterpreter(profile, {
        onSheet: ({ text, heightDots }) => told.push([text, heightDots]),
        onQuestion: (question) => told.push(question),
      });
      for (const piece of pieces) emulator.feed(piece);
      return [told, emulator.unknownCommands];
    },
  },
};

describe.each(Object.entries(codecs))('%s', (_name, { words, read }) => {
  const stream = fc
    .array(fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.constantFrom(...words)), { maxLength: 10 })
    .map((parts) => Uint8Array.from(Buffer.concat(parts)));

  test('noise and messages, cut anywhere, say what the whole says', () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(6000), { maxLength: 6 }), (bytes, places) => {
        const cuts = [0, ...places.map((at) => at % (bytes.length + 1)), bytes.length];
        cuts.sort((a, b) => a - b);
        const pieces = cuts.map((at, i) => bytes.subarray(at, cuts[i + 1] ?? bytes.length));
        expect(read(pieces)).toEqual(read([bytes]));
      }),
    );
  });

  test('a byte at a time too', () => {
    fc.assert(
      fc.property(stream, (bytes) => {
        expect(read(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(read([bytes]));
      }),
      { numRuns: 30 },
    );
  });
});

describe('what never ends', () => {
  const endless = new Uint8Array(1_000_000).fill(0x78);

  test('is no line of a vend board, and the line after it is one', () => {
    const cutter = new LineCutter();
    const next = encodeHostLine({ kind: 'Q', id: 'kuta01-1' });
    expect(cutter.take(endless)).toEqual([]);
    expect(cutter.take(Uint8Array.from([0x0a, ...next]))).toEqual([
      Buffer.from(next).toString('latin1').trimEnd(),
    ]);
  });

  test('is no reading, is counted once, and the code after it is one', () => {
    const decoder = createScanDecoder();
    expect(decoder.feed(endless, 0)).toEqual([]);
    expect(decoder.dropped).toBe(1);
    expect(decoder.feed(latin1('\r8991002101630\r'), 0)).toEqual([{ text: '8991002101630' }]);
  });

  test('is cut off by the printer that stands in at its longest sheet', () => {
    const heights: number[] = [];
    const emulator = new EscPosInterpreter(profile, {
      onSheet: ({ heightDots }) => heights.push(heightDots),
      onQuestion: () => undefined,
    });
    emulator.feed(endless.subarray(0, 100_000));
    expect(heights.length).toBeGreaterThan(1);
    expect(new Set(heights).size).toBe(1);
  });
});
