// HID input reports to the keys that are down, by the device's own descriptor: boot protocol, report ids, lists and bitmaps
// (NKRO). For keypads and for scanners that type. PURE. Never throws on bytes.
import {
  bootDescriptor,
  firstModifierUsage,
  lastModifierUsage,
  reportLength,
  type KeyPress,
} from './hid-boot-keyboard.ts';
import {
  parseReportDescriptor,
  usageAt,
  valuesOf,
  type InputField,
  type ReportLayout,
} from './report-descriptor.ts';

const keyboardPage = 0x07;
/** HID Usage Tables, page 0x07: 1 to 3 are error codes (1 = rollover, the phantom state), no keys. */
const firstKeyUsage = 0x04;

export interface KeyReports {
  /** The usages that are down after this report, in its order; undefined where it tells nothing of keys. */
  report(bytes: Uint8Array): readonly number[] | undefined;
  /** Reports of a form that the device has not declared, since the last good one. */
  readonly malformed: number;
}

/** Whether a device with this descriptor has keys: some pads have an interface of modifiers alone. */
export function hasKeys({ fields }: ReportLayout): boolean {
  return fields.some(
    (field) => isKeys(field) && !field.usages.every(({ from }) => isModifier(from)),
  );
}

/** One for each connection: a device with several reports tells of some keys in one, of others in the next. */
export function createKeyReports({ numbered, fields, lengths }: ReportLayout): KeyReports {
  const keyFields = fields.filter(isKeys);
  const downById = new Map<number, readonly number[]>();
  let malformed = 0;

  const take = (reportId: number, keys: readonly number[] | undefined): void => {
    malformed = 0;
    if (keys !== undefined) downById.set(reportId, keys);
  };
  const down = (): readonly number[] => [...new Set([...downById.values()].flat())];

  return {
    report(bytes) {
      const reportId = numbered ? (bytes[0] ?? 0) : 0;
      const report = numbered ? bytes.subarray(1) : bytes;
      const length = lengths.get(reportId);
      // Some pads pad their reports to the size of the packet.
      if (length !== undefined && report.length >= length) {
        const ofThis = keyFields.filter((field) => field.reportId === reportId);
        if (ofThis.length === 0) return undefined;
        take(reportId, keysDown(ofThis, report));
        return down();
      }
      if (isBootReport(bytes)) {
        take(0, keysDown(bootFields, bytes));
        return down();
      }
      malformed += 1;
      return undefined;
    },
    get malformed() {
      return malformed;
    },
  };
}

/** The keys that went down between two states, each with the modifiers that are held. */
export function pressesBetween(before: readonly number[], after: readonly number[]): KeyPress[] {
  const modifiers = modifiersIn(after);
  return after
    .filter((usage) => !isModifier(usage) && !before.includes(usage))
    .map((usage) => ({ usage, modifiers }));
}

export function isModifier(usage: number): boolean {
  return usage >= firstModifierUsage && usage <= lastModifierUsage;
}

/** The modifier byte of the keys that are down. */
export function modifiersIn(usages: readonly number[]): number {
  return usages
    .filter(isModifier)
    .reduce((bits, usage) => bits | (1 << (usage - firstModifierUsage)), 0);
}

function isKeys({ usages }: InputField): boolean {
  return usages.some(({ page, to }) => page === keyboardPage && to >= firstKeyUsage);
}

/**
 * A firmware that a BIOS has put into the boot protocol stays in it (USB HID 1.11 §7.2.6), whatever its descriptor says:
 * eight bytes, the second of them reserved.
 */
function isBootReport(bytes: Uint8Array): boolean {
  return bytes.length === reportLength && bytes[1] === 0;
}

/**
 * Undefined for a report that says nothing about any key. USB HID 1.11, Appendix C: a keyboard that cannot tell which keys
 * are down fills its list with an error code.
 */
function keysDown(fields: readonly InputField[], report: Uint8Array): number[] | undefined {
  const down: number[] = [];
  for (const field of fields) {
    for (const [place, value] of valuesOf(field, report).entries()) {
      const usage = field.isArray ? arrayUsage(field, value) : bitUsage(field, place, value);
      if (usage === undefined || usage === 0) continue;
      if (usage < firstKeyUsage) return undefined;
      down.push(usage);
    }
  }
  return down;
}

function arrayUsage(field: InputField, value: number): number | undefined {
  // §6.2.2.5: a value out of the logical range means that nothing is on.
  if (value < field.logicalMin || value > field.logicalMax) return undefined;
  return keyUsage(usageAt(field, value - field.logicalMin));
}

function bitUsage(field: InputField, place: number, value: number): number | undefined {
  return value === 0 ? undefined : keyUsage(usageAt(field, place));
}

function keyUsage(usage: { page: number; id: number } | undefined): number | undefined {
  return usage?.page === keyboardPage ? usage.id : undefined;
}

const bootLayout = parseReportDescriptor(bootDescriptor);
const bootFields = bootLayout?.fields ?? [];
