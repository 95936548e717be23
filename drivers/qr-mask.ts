// Which of the eight masks of a QR leaves the least that misleads a reader (ISO/IEC 18004, 7.8). PURE. The penalties are
// those of the package `qrcode`, counted 32 modules at a time: that was two thirds of making a symbol.

/** Lines of a symbol, modules as bits from the lowest, with a word of nothing behind each line. */
export interface Lines {
  /** Modules on a side. */
  size: number;
  /** Words a line, the one behind it included. */
  stride: number;
  words: Int32Array;
}

/** All of them, by the number that the format information gives. */
export const masks = [0, 1, 2, 3, 4, 5, 6, 7] as const;
export type Mask = (typeof masks)[number];

/** Every mask comes round again after so many modules, both ways. */
const period = 12;

export function blankLines(size: number): Lines {
  const stride = Math.ceil(size / 32) + 1;
  return { size, stride, words: new Int32Array(size * stride) };
}

export function putModule({ stride, words }: Lines, line: number, at: number, dark: boolean): void {
  const word = line * stride + (at >> 5);
  const bit = 1 << (at & 31);
  words[word] = dark ? (words[word] ?? 0) | bit : (words[word] ?? 0) & ~bit;
}

export function isDark({ stride, words }: Lines, line: number, at: number): boolean {
  return (((words[line * stride + (at >> 5)] ?? 0) >>> (at & 31)) & 1) === 1;
}

/** Whether a mask turns this module over: table 10 of the standard. */
export function turnsOver(mask: Mask, row: number, column: number): boolean {
  const product = row * column;
  switch (mask) {
    case 0:
      return (row + column) % 2 === 0;
    case 1:
      return row % 2 === 0;
    case 2:
      return column % 3 === 0;
    case 3:
      return (row + column) % 3 === 0;
    case 4:
      return (Math.floor(row / 2) + Math.floor(column / 3)) % 2 === 0;
    case 5:
      return (product % 2) + (product % 3) === 0;
    case 6:
      return ((product % 2) + (product % 3)) % 2 === 0;
    case 7:
      return ((product % 3) + ((row + column) % 2)) % 2 === 0;
  }
}

/** Words of the first lines of a mask: the others are the same again. Two periods of words are one of lines. */
type Pattern = readonly Int32Array[];
const patternWords = 3;
const patterns = new Map<string, Pattern>();

function patternOf(mask: Mask, isColumns: boolean): Pattern {
  const name = `${mask} ${isColumns ? 'columns' : 'rows'}`;
  const known = patterns.get(name);
  if (known !== undefined) return known;
  const made = Array.from({ length: period }, (_, line) => {
    const words = new Int32Array(patternWords);
    for (let at = 0; at < patternWords * 32; at++) {
      const turns = isColumns ? turnsOver(mask, at, line) : turnsOver(mask, line, at);
      if (turns) words[at >> 5] = (words[at >> 5] ?? 0) | (1 << (at & 31));
    }
    return words;
  });
  patterns.set(name, made);
  return made;
}

/** `target` becomes `lines` with every module turned over that the mask says and that is `free`. */
export function applyMask(
  mask: Mask,
  isColumns: boolean,
  lines: Lines,
  free: Lines,
  target: Lines,
): void {
  const pattern = patternOf(mask, isColumns);
  const { size, stride } = lines;
  for (let line = 0; line < size; line++) {
    const words = pattern[line % period];
    for (let word = 0; word < stride; word++) {
      const at = line * stride + word;
      const turned = (words?.[word % patternWords] ?? 0) & (free.words[at] ?? 0);
      target.words[at] = (lines.words[at] ?? 0) ^ turned;
    }
  }
}

/** What misleads a reader in one symbol, given by its rows and by its columns. */
export function penaltyOf(rows: Lines, columns: Lines): number {
  return linePenalty(rows) + linePenalty(columns) + blockPenalty(rows) + balancePenalty(rows);
}

/** Runs of five alike and more cost 3, and 1 for each above five; what looks like a finder costs 40. */
function linePenalty({ size, stride, words }: Lines): number {
  let [longer, runs, finders] = [0, 0, 0];
  for (let line = 0; line < size; line++) {
    for (let word = 0; word < stride - 1; word++) {
      const low = words[line * stride + word] ?? 0;
      const high = words[line * stride + word + 1] ?? 0;
      const first = word * 32;
      const s1 = (low >>> 1) | (high << 31);
      const s2 = (low >>> 2) | (high << 30);
      const s3 = (low >>> 3) | (high << 29);
      const s4 = (low >>> 4) | (high << 28);
      const s5 = (low >>> 5) | (high << 27);
      const [inner, any] = [s1 & s2 & s3 & s4, s1 | s2 | s3 | s4];
      // Five alike from here on, and from the next module on.
      const five = ((low & inner) | ~(low | any)) & below(size - 4 - first);
      const next = ((inner & s5) | ~(any | s5)) & below(size - 5 - first);
      if (five !== 0) {
        longer += ones(five);
        runs += ones(five & ~next);
      }
      // 1:1:3:1:1 with four light before it or behind it: 1011101 0000 and 0000 1011101.
      const s6 = (low >>> 6) | (high << 26);
      const s7 = (low >>> 7) | (high << 25);
      const s8 = (low >>> 8) | (high << 24);
      const s9 = (low >>> 9) | (high << 23);
      const s10 = (low >>> 10) | (high << 22);
      const before = s4 & ~s5 & s6 & s7 & s8 & ~s9 & s10 & ~(low | s1 | s2 | s3);
      const behind = low & ~s1 & s2 & s3 & s4 & ~s5 & s6 & ~(s7 | s8 | s9 | s10);
      const finder = (before | behind) & below(size - 10 - first);
      if (finder !== 0) finders += ones(finder);
    }
  }
  return longer + 2 * runs + 40 * finders;
}

/** Every block of two by two alike costs 3. */
function blockPenalty({ size, stride, words }: Lines): number {
  let blocks = 0;
  for (let line = 0; line < size - 1; line++) {
    for (let word = 0; word < stride - 1; word++) {
      const at = line * stride + word;
      const [a, b] = [words[at] ?? 0, words[at + stride] ?? 0];
      const aNext = (a >>> 1) | ((words[at + 1] ?? 0) << 31);
      const bNext = (b >>> 1) | ((words[at + stride + 1] ?? 0) << 31);
      const alike = (a & b & aNext & bNext) | ~(a | b | aNext | bNext);
      blocks += ones(alike & below(size - 1 - word * 32));
    }
  }
  return 3 * blocks;
}

/** Every twentieth away from half dark costs 10. */
function balancePenalty({ size, words }: Lines): number {
  let dark = 0;
  for (const word of words) dark += ones(word);
  return 10 * Math.abs(Math.ceil((dark * 100) / (size * size) / 5) - 10);
}

/** A word with its lowest `count` bits set; 32 and more: all of them, 0 and less: none. */
function below(count: number): number {
  if (count >= 32) return -1;
  return count <= 0 ? 0 : (1 << count) - 1;
}

/** How many bits of a word are set. */
function ones(word: number): number {
  let left = word - ((word >>> 1) & 0x55555555);
  left = (left & 0x33333333) + ((left >>> 2) & 0x33333333);
  return Math.imul((left + (left >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
