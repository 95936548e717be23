// The page by which a person sees whether a profile fits the printer. PURE. What is wrong on it names its remedy.
import type { PrintDocument } from '../device.ts';
import type { PrinterProfile } from './profiles.ts';

/** A text of a QRIS's length, so that its QR is as large as one; no wallet takes it for money. */
const qrText = `KIOS TEST - BUKAN PEMBAYARAN ${'0123456789'.repeat(20)}`;

export function testPage(profile: PrinterProfile): PrintDocument {
  const { name, columns, status, proof } = profile;
  return {
    blocks: [
      { kind: 'text', text: 'KIOS TEST', align: 'centre', size: 'double', bold: true },
      { kind: 'text', text: name, align: 'centre' },
      { kind: 'text', text: `status ${status}, proof ${proof}`, align: 'centre' },
      { kind: 'rule' },
      { kind: 'text', text: '1234567890'.repeat(6).slice(0, columns) },
      { kind: 'text', text: 'Satu baris penuh? Kalau tidak: --profile lain (58/80 mm).' },
      { kind: 'text', text: 'One whole line? If not: another --profile (58/80 mm).' },
      { kind: 'pair', left: 'é ü ½ “…” –', right: 'Rp\u00a015.000' },
      { kind: 'rule' },
      { kind: 'qr', text: qrText },
      { kind: 'text', text: 'Tidak ada QR? --profile basic-58 / basic-80' },
      { kind: 'text', text: 'No QR above? --profile basic-58 / basic-80' },
    ],
  };
}
