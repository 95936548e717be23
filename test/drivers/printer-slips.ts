// Slips that several printer tests print, and what reads a QR back from paper.
import decodeQr from 'qr/decode.js';
import type { PrintDocument } from '../../drivers/device.ts';
import type { Sheet } from '../../drivers/printer/paper.ts';

/** 232 characters, as long as a dynamic QRIS gets: merchant account, amount, additional fields, CRC. */
export const qrisText =
  '00020101021226650013ID.CO.QRIS.WWW011893600914300000000102150000001410000000303UMI' +
  '51440014ID.CO.QRIS.WWW0215ID10200000000010303UMI5204581453033605405150005802ID5913KIOS NUSANTARA' +
  '6007JAKARTA61051011062230519kios1-01J0000000006304ABCD';

/** Header of three lines, amount, QR, two lines of footer, cut: the slip of the byte budget (445). */
export const budgetSlip: PrintDocument = {
  blocks: [
    { kind: 'text', text: 'KIOS KOPI NUSANTARA', align: 'centre', bold: true },
    { kind: 'text', text: 'Jl. Sudirman 1, Jakarta', align: 'centre' },
    { kind: 'text', text: '22-11-2026 12:40  #000001', align: 'centre' },
    { kind: 'text', text: 'Rp\u00a015.000', align: 'centre', size: 'double' },
    { kind: 'qr', text: qrisText },
    { kind: 'text', text: 'Scan dengan GoPay / QRIS', align: 'centre' },
    { kind: 'text', text: 'Berlaku 15 menit (12:55)', align: 'centre' },
  ],
};

export const receipt: PrintDocument = {
  blocks: [
    { kind: 'text', text: 'KIOS KOPI NUSANTARA', align: 'centre', size: 'double', bold: true },
    { kind: 'text', text: 'Jl. Sudirman 1, Jakarta', align: 'centre' },
    { kind: 'rule' },
    { kind: 'pair', left: '1 Kopi susu gula aren “besar”', right: 'Rp 18.000' },
    { kind: 'pair', left: '2 Roti bakar cokelat keju spesial', right: 'Rp 24.000' },
    { kind: 'rule' },
    { kind: 'pair', left: 'TOTAL', right: 'Rp 42.000', bold: true },
    { kind: 'feed', lines: 1 },
    { kind: 'text', text: 'Lunas – terima kasih!', align: 'centre' },
  ],
};

/** What a phone would read from the paper, its blank edges included. Undefined when it reads nothing. */
export function readQr(sheet: Sheet): string | undefined {
  const edge = 40;
  const width = sheet.widthDots + 2 * edge;
  const height = sheet.heightDots + 2 * edge;
  const rgba = new Uint8Array(width * height * 4).fill(255);
  sheet.bitmap.forEach((dot, i) => {
    if (dot === 0) return;
    const x = (i % sheet.widthDots) + edge;
    const y = Math.floor(i / sheet.widthDots) + edge;
    rgba.fill(0, (y * width + x) * 4, (y * width + x) * 4 + 3);
  });
  try {
    return decodeQr({ width, height, data: rgba }, { timeLimit: 2000 });
  } catch {
    return undefined; // The decoder throws when it finds nothing.
  }
}
