// Reports of a HID-POS scanner (HID Usage Tables, page 0x8C) to readings, by the device's own descriptor. PURE. Never throws
// on bytes, keeps one reading at most.
import type { Scan } from '../device.ts';
import { usageAt, valuesOf, type ReportLayout } from '../keypad/report-descriptor.ts';
import { aimLength, decodeScanText, maxScanLength } from './scan-text.ts';

const scannerPage = 0x8c;
/** HID Point of Sale Usage Tables 1.02, page 0x8C. */
const symbologyIdentifier = { first: 0xfb, last: 0xfd } as const;
const decodedData = 0xfe;
const continued = 0xff;
/** HID Usage Tables, page 0x01: how many bytes of the report are meant. Without it the padding is zeros. */
const genericPage = 0x01;
const byteCount = 0x3b;

/** Four bytes are the longest character of UTF-8. */
const maxBytes = maxScanLength * 4;
/** The parts of one reading come at once; what waits longer is the rest of one whose end was lost. */
const maxPauseMs = 1000;

export interface PosReports {
  /** The reading that this report completes. `nowMs` is monotonic. */
  report(bytes: Uint8Array, nowMs: number): Scan | undefined;
  /** Readings that were thrown away: too long, cut off, or with nothing in them. */
  readonly dropped: number;
}

/** Whether a device with this descriptor hands over readings by itself. */
export function isPosScanner(layout: ReportLayout): boolean {
  return layout.fields.some(({ usages }) =>
    usages.some(
      ({ page, from, to }) => page === scannerPage && from <= decodedData && to >= decodedData,
    ),
  );
}

interface Part {
  data: readonly number[];
  aim: string;
  more: boolean;
}

/** One for each connection. */
export function createPosReports(layout: ReportLayout): PosReports {
  let bytes: readonly number[] = [];
  let lastMs = -Infinity;
  let dropped = 0;
  let tooLong = false;

  const finish = (aim: string): Scan | undefined => {
    const text = decodeScanText(Uint8Array.from(bytes));
    const fits = !tooLong && text !== '' && text.length <= maxScanLength;
    bytes = [];
    tooLong = false;
    if (!fits) {
      dropped += 1;
      return undefined;
    }
    return /^\][A-Za-z][0-9A-Za-z]$/.test(aim) ? { text, aim: aim.slice(1) } : { text };
  };

  return {
    report(report, nowMs) {
      const part = readPart(layout, report);
      if (part === undefined) return undefined;
      if (nowMs - lastMs > maxPauseMs && (bytes.length > 0 || tooLong)) {
        bytes = [];
        tooLong = false;
        dropped += 1;
      }
      lastMs = nowMs;
      tooLong ||= bytes.length + part.data.length > maxBytes;
      bytes = tooLong ? [] : [...bytes, ...part.data];
      return part.more ? undefined : finish(part.aim);
    },
    get dropped() {
      return dropped;
    },
  };
}

/** Undefined for a report that carries no reading: a trigger, a status, or one that is cut off. */
function readPart(layout: ReportLayout, bytes: Uint8Array): Part | undefined {
  const reportId = layout.numbered ? (bytes[0] ?? 0) : 0;
  const report = layout.numbered ? bytes.subarray(1) : bytes;
  if (report.length < (layout.lengths.get(reportId) ?? Infinity)) return undefined;
  const data: number[] = [];
  let hasPlace = false;
  let count: number | undefined;
  let aim = '';
  let more = false;
  for (const field of layout.fields) {
    if (field.reportId !== reportId || field.isArray) continue;
    for (const [place, value] of valuesOf(field, report).entries()) {
      const usage = usageAt(field, place);
      if (usage?.page === genericPage && usage.id === byteCount) count = value;
      if (usage?.page !== scannerPage) continue;
      const { id } = usage;
      if (id >= symbologyIdentifier.first && id <= symbologyIdentifier.last && value > 0) {
        aim += String.fromCharCode(value & 0x7f);
      }
      if (id === decodedData) {
        hasPlace = true;
        data.push(value & 0xff);
      }
      // Makers name a whole byte so and set its lowest bit.
      if (id === continued && value !== 0) more = true;
    }
  }
  if (!hasPlace) return undefined;
  return { data: cut(data, count), aim: aim.slice(0, aimLength), more };
}

function cut(data: readonly number[], count: number | undefined): readonly number[] {
  if (count !== undefined) return data.slice(0, count);
  return data.slice(0, data.findLastIndex((byte) => byte !== 0) + 1);
}
