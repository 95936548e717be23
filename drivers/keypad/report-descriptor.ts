// What a HID device says of its own reports: which bits mean what. PURE. Never throws on bytes, and bounds what it keeps.

/** One run of equal values in an input report. */
export interface InputField {
  /** The byte before the report; 0 where the device has none. */
  reportId: number;
  /** Counted after the report id. */
  firstBit: number;
  bitsEach: number;
  count: number;
  /** True: each value names what is on. False: each place has its own meaning, and the value tells how much. */
  isArray: boolean;
  logicalMin: number;
  logicalMax: number;
  usages: readonly UsageRange[];
}

/** Usages of one page, from HID Usage Tables; `to` belongs to it. */
export interface UsageRange {
  page: number;
  from: number;
  to: number;
}

export interface ReportLayout {
  /** Whether each report begins with an id. */
  numbered: boolean;
  /** Input fields in the order of the descriptor, without padding. */
  fields: readonly InputField[];
  /** Bytes of each input report after its id, by id. */
  lengths: ReadonlyMap<number, number>;
}

/** Linux: HID_MAX_DESCRIPTOR_SIZE. */
export const maxDescriptorBytes = 4096;
const maxReportBits = 4096 * 8;
const maxFields = 256;
const maxUsageRanges = 512;
const maxPushed = 4;

/** USB HID 1.11 §6.2.2: type and tag of an item are the upper six bits of its prefix. */
const item = {
  input: 0x80,
  usagePage: 0x04,
  logicalMin: 0x14,
  logicalMax: 0x24,
  reportSize: 0x74,
  reportId: 0x84,
  reportCount: 0x94,
  push: 0xa4,
  pop: 0xb4,
  usage: 0x08,
  usageMin: 0x18,
  usageMax: 0x28,
} as const;
const longItem = 0xfe;
const mainType = 0;

interface Globals {
  page: number;
  logicalMin: number;
  logicalMax: number;
  /** The same bits without a sign: for makers who write 255 in one byte. */
  logicalMaxUnsigned: number;
  bitsEach: number;
  count: number;
  reportId: number;
}

/** Undefined where it is no report descriptor: cut off, or larger than any. */
export function parseReportDescriptor(bytes: Uint8Array): ReportLayout | undefined {
  if (bytes.length === 0 || bytes.length > maxDescriptorBytes) return undefined;
  const parser = createParser();
  for (let at = 0; at < bytes.length;) {
    const prefix = bytes[at] ?? 0;
    // §6.2.2.3: a long item says its length in the byte after; no tag of it is defined.
    const size = prefix === longItem ? 2 + (bytes[at + 1] ?? 0) : [0, 1, 2, 4][prefix & 3];
    if (size === undefined || at + size >= bytes.length) return undefined;
    if (prefix !== longItem && !parser.take(prefix & 0xfc, bytes.subarray(at + 1, at + 1 + size))) {
      return undefined;
    }
    at += 1 + size;
  }
  return parser.layout();
}

const noGlobals: Globals = {
  ...{ page: 0, logicalMin: 0, logicalMax: 0, logicalMaxUnsigned: 0 },
  ...{ bitsEach: 0, count: 0, reportId: 0 },
};

interface Parser {
  /** False where it makes no sense, or is beyond a limit. */
  take(tag: number, operand: Uint8Array): boolean;
  layout(): ReportLayout;
}

function createParser(): Parser {
  let globals = noGlobals;
  const pushed: Globals[] = [];
  const fields: InputField[] = [];
  const bits = new Map<number, number>();
  let usages: UsageRange[] = [];
  let usageMin: { page: number; id: number } | undefined;
  let numbered = false;

  const addInput = (flags: number): boolean => {
    const { reportId, bitsEach, count, logicalMin } = globals;
    const firstBit = bits.get(reportId) ?? 0;
    const end = firstBit + bitsEach * count;
    if (end > maxReportBits || fields.length >= maxFields) return false;
    bits.set(reportId, end);
    const isConstant = (flags & 1) !== 0;
    if (isConstant || count === 0 || bitsEach === 0 || bitsEach > 32) return true;
    const logicalMax = logicalMin < 0 ? globals.logicalMax : globals.logicalMaxUnsigned;
    const isArray = (flags & 2) === 0;
    const place = { reportId, firstBit, bitsEach, count };
    fields.push({ ...place, isArray, logicalMin, logicalMax, usages });
    return true;
  };

  const takeLocal = (tag: number, operand: Uint8Array): boolean => {
    if (usages.length >= maxUsageRanges) return false;
    const { page, id } = usageOf(operand, globals.page);
    if (tag === item.usage) usages.push({ page, from: id, to: id });
    if (tag === item.usageMin) usageMin = { page, id };
    if (tag === item.usageMax && usageMin !== undefined) {
      usages.push({ page: usageMin.page, from: usageMin.id, to: Math.max(id, usageMin.id) });
      usageMin = undefined;
    }
    return true;
  };

  const takeGlobal = (tag: number, operand: Uint8Array): boolean => {
    if (tag === item.push) pushed.push(globals);
    const next = tag === item.pop ? pushed.pop() : withGlobal(globals, tag, operand);
    if (next === undefined || pushed.length > maxPushed) return false;
    if (tag === item.reportId) numbered = true;
    globals = next;
    return true;
  };

  return {
    take: (tag, operand) => {
      const type = (tag >> 2) & 3;
      if (type !== mainType) return type === 1 ? takeGlobal(tag, operand) : takeLocal(tag, operand);
      const taken = tag === item.input ? addInput(unsigned(operand)) : true;
      usages = []; // §6.2.2.8: local items end with the main item that they describe.
      usageMin = undefined;
      return taken;
    },
    layout: () => ({
      numbered,
      fields,
      lengths: new Map([...bits].map(([id, length]) => [id, Math.ceil(length / 8)])),
    }),
  };
}

/** One global item; undefined for a report id that cannot be. */
function withGlobal(globals: Globals, tag: number, operand: Uint8Array): Globals | undefined {
  const value = unsigned(operand);
  switch (tag) {
    case item.usagePage:
      return { ...globals, page: value };
    case item.logicalMin:
      return { ...globals, logicalMin: signed(operand) };
    case item.logicalMax:
      return { ...globals, logicalMax: signed(operand), logicalMaxUnsigned: value };
    case item.reportSize:
      return { ...globals, bitsEach: value };
    case item.reportCount:
      return { ...globals, count: value };
    case item.reportId:
      return value === 0 || value > 255 ? undefined : { ...globals, reportId: value };
    default:
      return globals;
  }
}

/** §6.2.2.8: a usage of four bytes brings its page along. */
function usageOf(operand: Uint8Array, page: number): { page: number; id: number } {
  const value = unsigned(operand);
  return operand.length === 4 ? { page: value >>> 16, id: value & 0xffff } : { page, id: value };
}

function unsigned(operand: Uint8Array): number {
  return operand.reduceRight((value, byte) => value * 256 + byte, 0);
}

function signed(operand: Uint8Array): number {
  const value = unsigned(operand);
  const range = 256 ** operand.length;
  return operand.length > 0 && value >= range / 2 ? value - range : value;
}

/**
 * The usage of one place of a field that has a meaning for each, or the one that a value of an array names (counted from
 * the field's `logicalMin`). §6.2.2.8: where there are fewer usages than places, the last one is meant by all of the rest.
 */
export function usageAt(
  { usages, isArray }: InputField,
  place: number,
): { page: number; id: number } | undefined {
  let left = place;
  for (const { page, from, to } of usages) {
    if (left <= to - from) return { page, id: from + left };
    left -= to - from + 1;
  }
  const last = usages.at(-1);
  return last === undefined || isArray ? undefined : { page: last.page, id: last.to };
}

/** The values of a field in a report without its id; bits that are not there are 0. */
export function valuesOf(
  { firstBit, bitsEach, count, logicalMin }: InputField,
  report: Uint8Array,
): number[] {
  return Array.from({ length: count }, (_, place) => {
    const value = bitsAt(report, firstBit + place * bitsEach, bitsEach);
    return logicalMin < 0 && value >= 2 ** (bitsEach - 1) ? value - 2 ** bitsEach : value;
  });
}

/** Least significant bit first, over the borders of bytes. */
function bitsAt(report: Uint8Array, first: number, length: number): number {
  if (first % 8 === 0 && length === 8) return report[first / 8] ?? 0;
  let value = 0;
  for (let bit = 0; bit < length; bit++) {
    const at = first + bit;
    value += (((report[at >> 3] ?? 0) >> (at & 7)) & 1) * 2 ** bit;
  }
  return value;
}
