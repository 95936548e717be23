// The codewords of a QR: the bits of its text, padded, split into blocks, each with the checks that mend it (ISO/IEC 18004,
// 7.4.9 to 7.6). PURE.
import { logarithmOf, timesPower } from './qr-field.ts';
import { blockLengths, type Blocks } from './qr-versions.ts';
import { putSegments, type Segment, type VersionGroup } from './qr-segments.ts';

/** 7.4.10: what fills up the data. */
const pads = [0xec, 0x11] as const;
/** 7.4.9: what ends the text. */
const terminatorLength = 4;

/** Data of all blocks, then the checks of all blocks, a codeword of each block in turn. The segments must fit. */
export function codewordsOf(
  segments: readonly Segment[],
  group: VersionGroup,
  blocks: Blocks,
): Uint8Array {
  const data = dataOf(segments, group, blocks.data);
  const words = new Uint8Array(blocks.total);
  const lengths = blockLengths(blocks);
  const [short = 0] = lengths;
  const firstLong = lengths.indexOf(short + 1);
  let from = 0;
  lengths.forEach((length, block) => {
    const part = data.subarray(from, from + length);
    from += length;
    for (let at = 0; at < short; at++) words[at * blocks.count + block] = part[at] ?? 0;
    // The last one of the longer blocks, which come behind the shorter ones.
    if (length > short) words[short * blocks.count + block - firstLong] = part[short] ?? 0;
    checksOf(part, blocks.checks).forEach((check, at) => {
      words[blocks.data + at * blocks.count + block] = check;
    });
  });
  return words;
}

function dataOf(segments: readonly Segment[], group: VersionGroup, length: number): Uint8Array {
  const data = new Uint8Array(length);
  let at = 0;
  const put = (value: number, bits: number): void => {
    for (let bit = bits - 1; bit >= 0; bit--, at++) {
      if (((value >> bit) & 1) === 1) data[at >> 3] = (data[at >> 3] ?? 0) | (0x80 >> (at & 7));
    }
  };
  putSegments(segments, group, put);
  at = Math.min(at + terminatorLength, length * 8);
  for (let word = Math.ceil(at / 8), pad = 0; word < length; word++, pad ^= 1) {
    data[word] = pads[pad] ?? 0;
  }
  return data;
}

const generators = new Map<number, Uint8Array>();

/** Annex A: the product of (x - 2^0) to (x - 2^(degree-1)), without its first coefficient, which is 1. */
function generatorOf(degree: number): Uint8Array {
  const known = generators.get(degree);
  if (known !== undefined) return known;
  const made = new Uint8Array(degree);
  made[degree - 1] = 1;
  for (let root = 0; root < degree; root++) {
    for (let at = 0; at < degree; at++) {
      made[at] = timesPower(made[at] ?? 0, root) ^ (made[at + 1] ?? 0);
    }
  }
  generators.set(degree, made);
  return made;
}

/** What is left of the data, as a polynomial, divided by the generator. */
function checksOf(data: Uint8Array, degree: number): Uint8Array {
  const generator = generatorOf(degree);
  const rest = new Uint8Array(degree);
  for (const word of data) {
    const factor = word ^ (rest[0] ?? 0);
    rest.copyWithin(0, 1);
    rest[degree - 1] = 0;
    if (factor === 0) continue;
    const power = logarithmOf(factor);
    for (let at = 0; at < degree; at++) {
      rest[at] = (rest[at] ?? 0) ^ timesPower(generator[at] ?? 0, power);
    }
  }
  return rest;
}
