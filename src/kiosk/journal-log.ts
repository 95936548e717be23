// The journal's log, looked over before SQLite opens it. SQLite takes the first frame whose checksum is wrong for the end of
// the log: right for a write that a power cut has torn, and wrong for a block of the card that went bad, behind which good
// entries lie. They would be forgotten, and overwritten. PURE. It must never call a torn end damage; so a bad block in the
// last commit is taken for one, as nothing can tell them apart.
// Format and checksum: sqlite.org/fileformat2.html#the_write_ahead_log.

const headBytes = 32;
const frameHeadBytes = 24;
/** Its last bit says whether the checksum reads its words big-endian. */
const magic = 0x377f0682;
const usualPageBytes = 4096;

/**
 * Says what is wrong with a log, undefined for nothing. Each commit is on the disk before the next one is begun
 * (journal-sync.ts); so only the last one can be torn, and a frame of a later commit shows that the bad one was whole once.
 * @param log the file as it lies there; empty where there is none
 */
export function logFault(log: Buffer): string | undefined {
  if (log.length < headBytes) return undefined;
  const frames = new Frames(log);
  let index = frames.firstBad();
  for (let isBehindCommit = false; index < frames.count; index++) {
    if (isBehindCommit && frames.isWhole(index)) {
      return `its log has a bad block, and whole entries behind it (frame ${index + 1} of ${frames.count})`;
    }
    isBehindCommit ||= frames.isOfLog(index) && frames.isCommit(index);
  }
  return undefined;
}

class Frames {
  readonly #log: Buffer;
  readonly #isBigEndian: boolean;
  readonly #frameBytes: number;
  readonly #isHeadWhole: boolean;
  /** What each frame of this log carries; those of an older one, not yet overwritten, carry another. */
  readonly #salts: Buffer;

  constructor(log: Buffer) {
    this.#log = log;
    this.#isBigEndian = log.readUInt32BE(0) === magic + 1;
    const pageBytes = log.readUInt32BE(8);
    const isUsual = pageBytes >= 512 && pageBytes <= 65_536 && (pageBytes & (pageBytes - 1)) === 0;
    this.#frameBytes = frameHeadBytes + (isUsual ? pageBytes : usualPageBytes);
    const isMagic = (log.readUInt32BE(0) & ~1) === magic;
    const sum = this.#sum([0, 0], 0, 24);
    this.#isHeadWhole =
      isMagic && sum[0] === log.readUInt32BE(24) && sum[1] === log.readUInt32BE(28);
    // Without a head to trust, the frames themselves say of which log they are.
    const saltsAt = this.#isHeadWhole || this.count === 0 ? 16 : headBytes + 8;
    this.#salts = log.subarray(saltsAt, saltsAt + 8);
  }

  get count(): number {
    return Math.floor((this.#log.length - headBytes) / this.#frameBytes);
  }

  /** Where SQLite stops reading. */
  firstBad(): number {
    if (!this.#isHeadWhole) return 0;
    let index = 0;
    while (index < this.count && this.isWhole(index)) index++;
    return index;
  }

  isOfLog(index: number): boolean {
    const at = this.#at(index) + 8;
    return this.#log.subarray(at, at + 8).equals(this.#salts);
  }

  /** The last of its transaction: it carries the size of the database. */
  isCommit(index: number): boolean {
    return this.#log.readUInt32BE(this.#at(index) + 4) !== 0;
  }

  /** Of this log, and as it was written behind the frame before it. */
  isWhole(index: number): boolean {
    if (!this.isOfLog(index)) return false;
    const at = this.#at(index);
    const before = index === 0 ? 24 : this.#at(index - 1) + 16;
    const seed: Sum = [this.#log.readUInt32BE(before), this.#log.readUInt32BE(before + 4)];
    const sum = this.#sum(this.#sum(seed, at, 8), at + frameHeadBytes, this.#frameBytes - 24);
    return sum[0] === this.#log.readUInt32BE(at + 16) && sum[1] === this.#log.readUInt32BE(at + 20);
  }

  #at(index: number): number {
    return headBytes + index * this.#frameBytes;
  }

  #sum([s0, s1]: Sum, at: number, bytes: number): Sum {
    const view = new DataView(this.#log.buffer, this.#log.byteOffset + at, bytes);
    const isLittle = !this.#isBigEndian;
    let [a, b] = [s0, s1];
    for (let i = 0; i < bytes; i += 8) {
      a = (a + view.getUint32(i, isLittle) + b) >>> 0;
      b = (b + view.getUint32(i + 4, isLittle) + a) >>> 0;
    }
    return [a, b];
  }
}

type Sum = readonly [number, number];
