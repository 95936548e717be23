// A text as the shortest string of bits that a QR can say it in: each stretch in the mode that packs it best (ISO/IEC 18004,
// 7.4). PURE: same bytes, same bits.

/** In the order of their places in the tables here. */
const modes = ['numeric', 'alphanumeric', 'byte'] as const;
export type Mode = (typeof modes)[number];

/** Bytes one after another that are said in one mode. */
export interface Segment {
  mode: Mode;
  bytes: Uint8Array;
}

/** Versions in which the length of a segment takes as many bits: 1 to 9, 10 to 26, 27 to 40. */
export type VersionGroup = 0 | 1 | 2;

/** The last version of each group. */
export const lastOfGroup = [9, 26, 40] as const;

/** Table 2. */
const indicatorLength = 4;
const indicators: Readonly<Record<Mode, number>> = { numeric: 1, alphanumeric: 2, byte: 4 };

/** Table 3: how many bits the length of a segment takes, by group. */
const lengthBits: Readonly<Record<Mode, readonly [number, number, number]>> = {
  numeric: [10, 12, 14],
  alphanumeric: [9, 11, 13],
  byte: [8, 16, 16],
};

/** Table 5: the value of a sign is its place. */
const signs = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:';
const valueOf = new Int8Array(256).fill(-1);
for (let value = 0; value < signs.length; value++) valueOf[signs.charCodeAt(value)] = value;

/** Whether the mode at this place can say a byte. */
function canSay(mode: number, byte: number): boolean {
  if (mode === 2) return true;
  const value = valueOf[byte] ?? -1;
  return value >= 0 && (mode === 1 || value < 10);
}

/** Costs are counted in sixths of a bit, because three digits take ten bits and two signs eleven. */
const sixths = 6;
const costs = [20, 33, 48] as const;
const never = 1e9;

/** The segments that take the fewest bits: the cheapest way to each byte, in each mode, from the first byte on. */
export function bestSegments(bytes: Uint8Array, group: VersionGroup): Segment[] {
  const places = modes.length;
  const heads = modes.map((mode) => (indicatorLength + lengthBits[mode][group]) * sixths);
  /** Up to this byte, which is said in the mode of the place. */
  const said = new Int32Array(places);
  /** And with the head of the segment that the next byte is in. */
  const ready = Int32Array.from(heads);
  /** For each byte and each mode of the next one: the mode of this one. */
  const before = new Uint8Array(bytes.length * places);
  for (let at = 0; at < bytes.length; at++) {
    for (let mode = 0; mode < places; mode++) {
      const can = canSay(mode, bytes[at] ?? 0);
      said[mode] = can ? (ready[mode] ?? 0) + (costs[mode] ?? 0) : never;
    }
    for (let next = 0; next < places; next++) {
      let [least, from] = [said[next] ?? never, next];
      for (let mode = 0; mode < places; mode++) {
        const cost = wholeBits(said[mode] ?? never) + (heads[next] ?? 0);
        if (mode !== next && cost < least) [least, from] = [cost, mode];
      }
      ready[next] = least;
      before[at * places + next] = from;
    }
  }
  const ends = Array.from(said, wholeBits);
  return cut(bytes, before, ends.indexOf(Math.min(...ends)));
}

/** A segment ends at a whole bit. */
function wholeBits(cost: number): number {
  return Math.ceil(cost / sixths) * sixths;
}

/** Goes back from the last byte, whose mode is at place `last`. */
function cut(bytes: Uint8Array, before: Uint8Array, last: number): Segment[] {
  const segments: Segment[] = [];
  let [place, until] = [last, bytes.length];
  for (let at = bytes.length - 1; at >= 0; at--) {
    const from = at === 0 ? -1 : (before[(at - 1) * modes.length + place] ?? -1);
    if (from === place) continue;
    segments.push({ mode: modes[place] ?? 'byte', bytes: bytes.subarray(at, until) });
    [place, until] = [from, at];
  }
  return segments.reverse();
}

/** Bits of all segments, their heads included. */
export function bitsOf(segments: readonly Segment[], group: VersionGroup): number {
  return segments.reduce((sum, { mode, bytes }) => {
    const cost = bytes.length * (costs[modes.indexOf(mode)] ?? 0);
    return sum + indicatorLength + lengthBits[mode][group] + wholeBits(cost) / sixths;
  }, 0);
}

/** Called with a value and in how many bits it is written. */
export type PutBits = (value: number, length: number) => void;

/** Writes the segments, one after another (7.4.2 to 7.4.5). */
export function putSegments(segments: readonly Segment[], group: VersionGroup, put: PutBits): void {
  for (const { mode, bytes } of segments) {
    put(indicators[mode], indicatorLength);
    put(bytes.length, lengthBits[mode][group]);
    if (mode === 'numeric') putDigits(bytes, put);
    else if (mode === 'alphanumeric') putSigns(bytes, put);
    else for (const byte of bytes) put(byte, 8);
  }
}

/** Three digits in ten bits, two in seven, one in four. */
function putDigits(bytes: Uint8Array, put: PutBits): void {
  for (let at = 0; at < bytes.length; at += 3) {
    const group = bytes.subarray(at, at + 3);
    const value = group.reduce((sum, digit) => sum * 10 + (valueOf[digit] ?? 0), 0);
    put(value, 1 + 3 * group.length);
  }
}

/** Two signs in eleven bits, one in six. */
function putSigns(bytes: Uint8Array, put: PutBits): void {
  for (let at = 0; at < bytes.length; at += 2) {
    const [first = 0, second] = bytes.subarray(at, at + 2);
    const value = valueOf[first] ?? 0;
    if (second === undefined) put(value, 6);
    else put(value * signs.length + (valueOf[second] ?? 0), 11);
  }
}
