// What a native part asks of the machine that loads it: PURE, reads the bytes of an ELF file and never runs them.
// Clauses: System V ABI, "Object Files" and "Program Loading"; symbol versions: LSB Core, "Symbol Versioning".

export interface ElfFacts {
  machine: 'x64' | 'arm64' | 'other';
  /** The smallest alignment of the segments that are loaded, in bytes: pages may not be larger. */
  loadAlignment: number;
  /** The newest `GLIBC_x.y` that is asked for; undefined: none is. */
  glibc: GlibcVersion | undefined;
}

export interface GlibcVersion {
  major: number;
  minor: number;
}

/** A file that begins as ELF and is none that can be read: cut off, 32 bits, or damaged. */
export class ElfError extends Error {
  constructor(why: string, cause?: unknown) {
    super(why, { cause });
    this.name = 'ElfError';
  }
}

// e_machine, p_type and d_tag: the ABI's numbers.
const machines: Readonly<Record<number, ElfFacts['machine']>> = { 62: 'x64', 183: 'arm64' };
const segment = { load: 1, dynamic: 2 } as const;
const tag = { end: 0, strings: 5, needs: 0x6ffffffe, needCount: 0x6fffffff } as const;
/** More entries of one kind than any real file has. */
const maxEntries = 4096;
const maxNameBytes = 256;

interface Segment {
  type: number;
  offset: number;
  address: number;
  fileBytes: number;
  alignment: number;
}

export function isElf(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/**
 * Reads a 64-bit little-endian ELF file by what the loader itself uses (segments, not sections, which may be stripped).
 * @throws ElfError when it cannot be read.
 */
export function readElf(bytes: Uint8Array): ElfFacts {
  if (!isElf(bytes)) throw new ElfError('it does not begin as ELF');
  if (bytes[4] !== 2 || bytes[5] !== 1) throw new ElfError('it is not 64-bit little-endian');
  try {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const segments = segmentsOf(view);
    const alignments = segments.filter(({ type }) => type === segment.load);
    if (alignments.length === 0) throw new ElfError('it has nothing to load');
    return {
      machine: machines[view.getUint16(18, true)] ?? 'other',
      loadAlignment: Math.min(...alignments.map(({ alignment }) => alignment)),
      glibc: newestGlibc(view, segments),
    };
  } catch (error) {
    if (error instanceof RangeError) throw new ElfError('it is cut off or damaged', error);
    throw error;
  }
}

function segmentsOf(view: DataView): Segment[] {
  const start = wide(view, 32);
  const bytes = view.getUint16(54, true);
  return Array.from({ length: view.getUint16(56, true) }, (_, index) => {
    const at = start + index * bytes;
    return {
      type: view.getUint32(at, true),
      offset: wide(view, at + 8),
      address: wide(view, at + 16),
      fileBytes: wide(view, at + 32),
      alignment: wide(view, at + 48),
    };
  });
}

function newestGlibc(view: DataView, segments: readonly Segment[]): GlibcVersion | undefined {
  const dynamic = segments.find(({ type }) => type === segment.dynamic);
  if (dynamic === undefined) return undefined;
  const tags = tagsOf(view, dynamic);
  const needs = tags.get(tag.needs);
  const strings = tags.get(tag.strings);
  if (needs === undefined || strings === undefined) return undefined;
  const names = neededVersions(view, {
    needs: inFile(segments, needs),
    count: tags.get(tag.needCount) ?? 0,
    strings: inFile(segments, strings),
  });
  return names
    .flatMap((name) => glibcVersion(name) ?? [])
    .reduce<GlibcVersion | undefined>((best, one) => (isNewer(one, best) ? one : best), undefined);
}

function tagsOf(view: DataView, dynamic: Segment): ReadonlyMap<number, number> {
  const tags = new Map<number, number>();
  const entries = Math.min(dynamic.fileBytes / 16, maxEntries);
  for (let index = 0; index < entries; index += 1) {
    const at = dynamic.offset + index * 16;
    const kind = wide(view, at);
    if (kind === tag.end) break;
    tags.set(kind, wide(view, at + 8));
  }
  return tags;
}

/** The names in the table of needed versions: one list of libraries, each with a list of its versions. */
function neededVersions(
  view: DataView,
  table: { needs: number; count: number; strings: number },
): string[] {
  const names: string[] = [];
  let library = table.needs;
  for (let n = 0; n < Math.min(table.count, maxEntries); n += 1) {
    let version = library + view.getUint32(library + 8, true);
    for (let m = 0; m < view.getUint16(library + 2, true) && names.length < maxEntries; m += 1) {
      names.push(textAt(view, table.strings + view.getUint32(version + 8, true)));
      version += view.getUint32(version + 12, true);
    }
    library += view.getUint32(library + 12, true);
  }
  return names;
}

function textAt(view: DataView, offset: number): string {
  let text = '';
  for (let at = offset; at < offset + maxNameBytes; at += 1) {
    const byte = view.getUint8(at);
    if (byte === 0) return text;
    text += String.fromCharCode(byte);
  }
  throw new ElfError('a name in it does not end');
}

/** The dynamic table names addresses of the loaded program; the file has the same bytes elsewhere. */
function inFile(segments: readonly Segment[], address: number): number {
  const home = segments.find(
    (one) =>
      one.type === segment.load && address >= one.address && address < one.address + one.fileBytes,
  );
  if (home === undefined) throw new ElfError('a table of it lies outside of what is loaded');
  return address - home.address + home.offset;
}

function wide(view: DataView, at: number): number {
  const value = Number(view.getBigUint64(at, true));
  // Alignments and offsets are small; a damaged one must not become a wrong small one.
  return Number.isSafeInteger(value) ? value : Number.MAX_SAFE_INTEGER;
}

function glibcVersion(name: string): GlibcVersion | undefined {
  const [, major, minor] = /^GLIBC_(\d+)\.(\d+)/.exec(name) ?? [];
  return major === undefined ? undefined : { major: Number(major), minor: Number(minor) };
}

/** True when `one` is newer than `other`, or there is no other. */
export function isNewer(one: GlibcVersion, other: GlibcVersion | undefined): boolean {
  if (other === undefined) return true;
  return one.major === other.major ? one.minor > other.minor : one.major > other.major;
}
