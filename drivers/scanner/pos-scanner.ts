// A HID-POS scanner as makers build it: its descriptor and its reports, for the simulator and for tests. PURE.
import type { Scan } from '../device.ts';

/**
 * The report of the Access-IS LSR118 (its manual, appendix B; Honeywell's scanners have the same): id 2, length, three
 * bytes of AIM identifier, 56 of data, one more identifier, one reserved, and a byte that tells whether more follows.
 */
export const posDescriptor = Uint8Array.from([
  ...[0x05, 0x8c, 0x09, 0x02, 0xa1, 0x01, 0x09, 0x12, 0xa1, 0x02, 0x85, 0x02], // Scanned Data Report, id 2.
  ...[0x15, 0x00, 0x26, 0xff, 0x00, 0x75, 0x08], // Bytes.
  ...[0x95, 0x01, 0x05, 0x01, 0x09, 0x3b, 0x81, 0x02], // Byte Count.
  ...[0x95, 0x03, 0x05, 0x8c, 0x09, 0xfb, 0x09, 0xfc, 0x09, 0xfd, 0x81, 0x02], // Symbology Identifier 1 to 3.
  ...[0x95, 0x38, 0x09, 0xfe, 0x82, 0x02, 0x01], // Decoded Data.
  ...[0x06, 0x66, 0xff, 0x95, 0x02, 0x09, 0x04, 0x09, 0x00, 0x81, 0x02], // The maker's own.
  ...[0x05, 0x8c, 0x25, 0x01, 0x75, 0x01, 0x95, 0x08, 0x09, 0xff, 0x81, 0x02], // Decode Data Continued.
  ...[0xc0, 0xc0],
]);

const dataBytes = 56;
const reportBytes = 64;

/** The reports by which such a scanner hands over a reading. */
export function posReports({ text, aim }: Scan): Uint8Array[] {
  const bytes = Buffer.from(text, 'utf8');
  const parts = Math.max(1, Math.ceil(bytes.length / dataBytes));
  return Array.from({ length: parts }, (_, index) => {
    const data = bytes.subarray(index * dataBytes, (index + 1) * dataBytes);
    const report = new Uint8Array(reportBytes);
    report[0] = 2;
    report[1] = data.length;
    if (aim !== undefined) report.set(Buffer.from(`]${aim}`, 'latin1'), 2);
    report.set(data, 5);
    report[reportBytes - 1] = index < parts - 1 ? 1 : 0;
    return report;
  });
}
