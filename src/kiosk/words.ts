// Every word that a customer or technician reads on screen or paper, in Indonesian and English, side by side. PURE.
import type { ErrorCode } from '../protocol/errors.ts';

export type Language = 'id' | 'en';

const table = {
  welcome: ['Selamat datang', 'Welcome'],
  enterAmount: ['Masukkan jumlah', 'Enter the amount'],
  enterOrScan: ['Masukkan jumlah atau pindai barang', 'Enter an amount or scan an item'],
  scanItem: ['Pindai barang', 'Scan an item'],
  basket: ['Belanja Anda', 'Your basket'],
  moreItems: ['dan {n} barang lain', 'and {n} more items'],
  preparing: ['Menyiapkan QR…', 'Preparing the QR…'],
  pleaseWait: ['Mohon tunggu sebentar.', 'Please wait a moment.'],
  scanToPay: ['Pindai untuk membayar', 'Scan to pay'],
  anyWallet: ['GoPay dan semua aplikasi QRIS', 'GoPay and every QRIS app'],
  takeSlip: ['Ambil slip dan pindai QR-nya', 'Take the slip and scan its QR'],
  timeLeft: ['Sisa waktu', 'Time left'],
  saleShort: ['No. {id}', 'No. {id}'],
  checking: ['Memeriksa pembayaran…', 'Checking the payment…'],
  stopping: ['Membatalkan…', 'Cancelling…'],
  doNotPay: ['Jangan bayar QR yang tadi.', 'Do not pay the earlier QR.'],
  ifPaid: [
    'Kalau sudah terbayar, barang tetap keluar.',
    'If it was paid, you still get your goods.',
  ],
  received: ['Pembayaran diterima', 'Payment received'],
  takeGoods: ['Silakan ambil barang Anda', 'Please take your goods'],
  dispensing: ['Barang sedang dikeluarkan…', 'Your goods are coming…'],
  thanks: ['Terima kasih', 'Thank you'],
  cancelled: ['Dibatalkan', 'Cancelled'],
  nothingCharged: ['Tidak ada uang yang diambil.', 'No money was taken.'],
  expired: ['Waktu habis', 'Time is up'],
  tryAgain: ['Silakan coba lagi.', 'Please try again.'],
  denied: ['Pembayaran tidak dapat dibuat', 'The payment could not be made'],
  unsent: ['Belum dapat menjual', 'Cannot sell just now'],
  abandoned: ['Penjualan dihentikan', 'The sale was stopped'],
  abandonedIfPaid: [
    'Kalau uang Anda terambil, simpan nomor ini dan hubungi petugas.',
    'If your money was taken, keep this number and call the attendant.',
  ],
  claim: ['Uang Anda aman', 'Your money is safe'],
  claimWhy: [
    'Uang diterima, tetapi barang tidak keluar.',
    'The money arrived, but the goods did not.',
  ],
  claimSlipWhy: [
    'Uang diterima, penjualan tidak selesai.',
    'The money arrived, the sale was not finished.',
  ],
  claimUnknown: [
    'Uang diterima, tetapi belum pasti barang keluar.',
    'The money arrived; nobody knows if the goods did.',
  ],
  claimKeep: ['Simpan kode ini dan hubungi petugas:', 'Keep this code and call the attendant:'],
  outOfService: ['Maaf, belum dapat menjual', 'Sorry, not selling just now'],
  notice: ['Perhatian', 'Please note'],
  testBanner: ['TEST – JANGAN DIBAYAR', 'TEST – JANGAN DIBAYAR'],
  keyPay: ['Bayar', 'Pay'],
  keyCancel: ['Batal', 'Cancel'],
  keyBack: ['Hapus', 'Erase'],
  keyLanguage: ['English', 'Bahasa Indonesia'],
  keyOk: ['Selesai', 'Done'],
  receipt: ['STRUK', 'RECEIPT'],
  total: ['TOTAL', 'TOTAL'],
  paidBy: ['Dibayar dengan QRIS', 'Paid with QRIS'],
  claimSlip: ['BUKTI KLAIM', 'CLAIM SLIP'],
  qrSlip: ['BAYAR DENGAN QRIS', 'PAY WITH QRIS'],
  payUntil: ['Berlaku sampai {time}', 'Valid until {time}'],
  once: ['Hanya untuk satu kali bayar', 'For one payment only'],
} as const satisfies Record<string, readonly [string, string]>;

export type Word = keyof typeof table;

/** The text in this language; `{name}` is replaced from `values`. */
export function say(
  language: Language,
  word: Word,
  values: Readonly<Record<string, string>> = {},
): string {
  const text: string = table[word][language === 'id' ? 0 : 1];
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
}

/** What a code means to the person in front of the screen. Codes without an entry are told as a fault of the machine. */
const codes: Partial<Record<ErrorCode, readonly [string, string]>> = {
  'amount-zero': ['Jumlah masih nol. Ketik jumlahnya dulu.', 'The amount is zero. Type it first.'],
  'amount-above-limit': ['Jumlah melebihi batas {max}.', 'The amount is above the limit of {max}.'],
  'amount-below-limit': ['Jumlah di bawah batas {min}.', 'The amount is below the limit of {min}.'],
  'amount-not-multiple': [
    'Jumlah harus kelipatan {step}.',
    'The amount must be a multiple of {step}.',
  ],
  'dispenser-failed': ['Mesin barang macet.', 'The dispenser is jammed.'],
  'dispenser-unknown': ['Mesin barang perlu diperiksa.', 'The dispenser needs a look.'],
  'barcode-unknown': ['Barang ini tidak ada di daftar.', 'This item is not in the list.'],
  'barcode-check-digit': [
    'Kode batang salah terbaca. Pindai lagi.',
    'The barcode was misread. Scan again.',
  ],
  'basket-full': ['Belanja sudah penuh.', 'The basket is full.'],
  'relay-unreachable': ['Tidak ada sambungan ke server.', 'No connection to the server.'],
  'broker-unreachable': ['Sambungan pesan terputus.', 'The message line is down.'],
  'display-lost': ['Layar tidak terhubung.', 'The display is not connected.'],
  'keypad-lost': ['Keypad tidak terhubung.', 'The keypad is not connected.'],
  'scanner-lost': ['Pemindai tidak terhubung.', 'The scanner is not connected.'],
  'printer-lost': ['Printer tidak terhubung.', 'The printer is not connected.'],
  'printer-paper-out': ['Kertas printer habis.', 'The printer has no paper.'],
  'printer-cover-open': ['Tutup printer terbuka.', "The printer's cover is open."],
  'dispenser-lost': ['Mesin barang tidak terhubung.', 'The dispenser is not connected.'],
  'journal-failed': ['Penyimpanan mesin rusak.', "The machine's storage has failed."],
  'charge-try-again': ['GoPay sedang sibuk.', 'GoPay is busy.'],
};

export function sayCode(
  language: Language,
  code: ErrorCode,
  values: Readonly<Record<string, string>> = {},
): string {
  const known = codes[code];
  if (known === undefined) {
    return language === 'id' ? `Gangguan mesin (${code}).` : `Machine fault (${code}).`;
  }
  const text: string = known[language === 'id' ? 0 : 1];
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
}
