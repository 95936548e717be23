// Screens as a kiosk shows them, for the display's tests: the usual ones, and the longest texts that may come.
import { type Scene } from '../../drivers/display/scene.ts';
import { formatTlv, withCrc, type Tlv } from '../../src/protocol/qris.ts';

/** A dynamic QRIS text as acquirers make them, `length` characters long (225 to 310 can be had). */
export function qrisText(amountIdr: number, length = 232): string {
  const shortest = qrisWith(amountIdr, 'A');
  return qrisWith(amountIdr, 'A1b2C3d4E5f6G7h8'.repeat(8).slice(0, 1 + length - shortest.length));
}

function qrisWith(amountIdr: number, reference: string): string {
  const acquirer: Tlv[] = [
    ['00', 'COM.GO-JEK.WWW'],
    ['01', '936009140123456789'],
    ['02', 'G012345678'],
  ];
  const national: Tlv[] = [
    ['00', 'ID.CO.QRIS.WWW'],
    ['02', 'ID1020021234567'],
  ];
  return withCrc(
    formatTlv([
      ['00', '01'],
      ['01', '12'],
      ['26', formatTlv(acquirer)],
      ['51', formatTlv(national)],
      ['52', '5812'],
      ['53', '360'],
      ['54', amountIdr.toString()],
      ['58', 'ID'],
      ['59', 'WARUNG KOPI BU SRI REJEKI'],
      ['60', 'JAKARTA SELATAN'],
      ['61', '12190'],
      [
        '62',
        formatTlv([
          ['05', reference],
          ['07', 'A01'],
        ]),
      ],
    ]),
  );
}

const merchant = 'Warung Kopi Bu Sri Rejeki';

export const scenes = {
  'enter-amount': {
    tone: 'neutral',
    merchant,
    heading: 'Masukkan jumlah',
    amount: 'Rp 15.000',
    lines: [],
    hints: [
      { key: 'Enter', text: 'Bayar' },
      { key: '←', text: 'Hapus' },
      { key: 'C', text: 'Ulang' },
      { key: '*', text: 'English' },
    ],
  },
  'scan-to-pay': {
    tone: 'neutral',
    merchant,
    heading: 'Pindai untuk membayar',
    amount: 'Rp 15.000',
    lines: [],
    qr: { text: qrisText(15_000), lines: ['NMID ID1020021234567', 'Kode K7QX'] },
    timeLeft: { share: 0.7, words: 'Sisa waktu 2:41' },
    hints: [{ key: 'C', text: 'Batal' }],
    mark: 2,
  },
  'scan-to-pay-test': {
    tone: 'neutral',
    merchant,
    heading: 'Pindai untuk membayar',
    amount: 'Rp 10.000.000',
    lines: ['Buka aplikasi GoPay atau bank Anda'],
    qr: { text: qrisText(10_000_000, 260), lines: ['NMID ID1020021234567', 'Kode K7QX'] },
    timeLeft: { share: 0.1, words: 'Sisa waktu 0:18' },
    hints: [
      { key: 'C', text: 'Batal' },
      { key: '*', text: 'English' },
    ],
    banner: 'TEST – JANGAN DIBAYAR',
    mark: 7,
  },
  paid: {
    tone: 'good',
    merchant,
    heading: 'Pembayaran diterima',
    amount: 'Rp 15.000',
    lines: ['Silakan ambil barang Anda. Terima kasih!'],
    hints: [],
  },
  waiting: {
    tone: 'warn',
    merchant,
    heading: 'Kertas struk habis',
    lines: ['Anda tetap dapat membayar, tetapi tanpa struk.', 'Lanjutkan?'],
    hints: [
      { key: 'Enter', text: 'Lanjut' },
      { key: 'C', text: 'Batal' },
    ],
  },
  'out-of-service': {
    tone: 'bad',
    merchant,
    heading: 'Maaf, mesin sedang tidak dapat menjual',
    lines: ['Jaringan terputus. Petugas sudah diberi tahu.'],
    hints: [],
  },
  longest: {
    tone: 'warn',
    merchant: 'WWWWWWWWWWWWWWWWWWWWWWWWW',
    heading: 'Pembayaran Anda sudah diterima tetapi barang tidak dapat dikeluarkan',
    amount: 'Rp 10.000.000',
    lines: [
      'Simpan kode di bawah ini dan tunjukkan kepada petugas untuk mengambil barang atau uang Anda.',
      'Kode klaim 1234 5678 90-1',
      'Hubungi 0800-1234-5678 setiap hari pukul 08.00–20.00 WIB, atau tulis ke bantuan@warungkopibusrirejeki.example',
      'Mesin ini tidak menjual lagi sampai petugas datang.',
      'Mohon maaf atas ketidaknyamanan ini.',
      'Pertanggungjawaban ketidakberuntungan',
      'Terima kasih atas kesabaran Anda.',
      'Waktu: 31 Desember 2026 23.59.59 WIB',
    ],
    hints: [
      { key: 'Enter', text: 'Cetak ulang struk dengan kode klaim' },
      { key: 'Backspace', text: 'Kembali ke awal' },
      { key: '000', text: 'Panggil petugas' },
      { key: '*', text: 'Bahasa Inggris (English)' },
    ],
    banner: 'TEST – JANGAN DIBAYAR',
  },
  'longest-scan': {
    tone: 'warn',
    merchant: 'WWWWWWWWWWWWWWWWWWWWWWWWW',
    heading: 'Pindai kode ini dengan aplikasi pembayaran Anda',
    amount: 'Rp 10.000.000',
    lines: [
      'Jaringan lambat: konfirmasi dapat memakan waktu beberapa saat setelah Anda membayar.',
      '3 × Kopi susu gula aren ukuran besar, 1 × Roti bakar cokelat keju',
    ],
    qr: {
      text: qrisText(10_000_000, 280),
      lines: ['NMID ID1020021234567', 'Kode penjualan K7QX', 'Terminal A01'],
    },
    timeLeft: { share: 1, words: 'Sisa waktu 14:59' },
    hints: [
      { key: 'C', text: 'Batalkan pembelian' },
      { key: '*', text: 'Bahasa Inggris (English)' },
    ],
    banner: 'TEST – JANGAN DIBAYAR',
    mark: 3,
  },
} as const satisfies Record<string, Scene>;

export type SceneName = keyof typeof scenes;
