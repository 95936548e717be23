// Every word that a customer or technician reads on screen or paper, in Indonesian and English, side by side. PURE.
import type { ErrorCode } from '../protocol/errors.ts';

export type Language = 'id' | 'en';

const table = {
  welcome: ['Selamat datang', 'Welcome'],
  enterAmount: ['Masukkan nominal', 'Enter the amount'],
  enterOrScan: ['Masukkan nominal atau pindai barang', 'Enter an amount or scan an item'],
  scanItem: ['Pindai barang', 'Scan an item'],
  basket: ['Belanjaan Anda', 'Your basket'],
  moreItems: ['dan {n} barang lain', 'and {n} more items'],
  preparing: ['Menyiapkan QR…', 'Preparing the QR…'],
  pleaseWait: ['Mohon tunggu sebentar.', 'Please wait a moment.'],
  scanToPay: ['Pindai untuk membayar', 'Scan to pay'],
  anyWallet: ['GoPay dan semua aplikasi QRIS', 'GoPay and every QRIS app'],
  takeSlip: ['Ambil kertasnya dan pindai QR-nya', 'Take the slip and scan its QR'],
  timeLeft: ['Sisa waktu', 'Time left'],
  saleShort: ['No. {id}', 'No. {id}'],
  checking: ['Memeriksa pembayaran…', 'Checking the payment…'],
  stopping: ['Membatalkan…', 'Cancelling…'],
  doNotPay: ['Jangan bayar QR yang tadi.', 'Do not pay the earlier QR.'],
  ifPaid: [
    'Jika sudah terbayar, barang tetap keluar.',
    'If it was paid, you still get your goods.',
  ],
  received: ['Pembayaran diterima', 'Payment received'],
  takeGoods: ['Silakan ambil barang Anda', 'Please take your goods'],
  dispensing: ['Barang sedang dikeluarkan…', 'Your goods are coming…'],
  noReceipt: ['Struk tidak tercetak.', 'The receipt was not printed.'],
  thanks: ['Terima kasih', 'Thank you'],
  cancelled: ['Dibatalkan', 'Cancelled'],
  nothingCharged: ['Tidak ada uang yang diambil.', 'No money was taken.'],
  refunded: ['Uang Anda dikembalikan', 'Your money was sent back'],
  refundedWhy: [
    'Pembayaran ini sudah dikembalikan ke aplikasi Anda.',
    'This payment was returned to your app.',
  ],
  expired: ['Waktu habis', 'Time is up'],
  tryAgain: ['Silakan coba lagi.', 'Please try again.'],
  denied: ['Pembayaran tidak dapat diproses', 'The payment could not be made'],
  unsent: ['Maaf, sedang tidak dapat melayani', 'Sorry, not selling just now'],
  abandoned: ['Transaksi dihentikan', 'The sale was stopped'],
  abandonedIfPaid: [
    'Jika uang Anda terambil, simpan nomor ini dan hubungi petugas.',
    'If your money was taken, keep this number and call the attendant.',
  ],
  claim: ['Uang Anda aman', 'Your money is safe'],
  claimWhy: [
    'Uang diterima, tetapi barang tidak keluar.',
    'The money arrived, but the goods did not.',
  ],
  claimSlipWhy: [
    'Uang diterima, transaksi tidak selesai.',
    'The money arrived, the sale was not finished.',
  ],
  claimUnknown: [
    'Uang diterima, tetapi belum pasti apakah barang sudah keluar.',
    'The money arrived, but we cannot be sure that your goods did.',
  ],
  claimKeep: ['Simpan kode ini dan hubungi petugas.', 'Keep this code and call the attendant.'],
  claimWrite: [
    'Bukti tidak tercetak: catat atau foto kode ini dan hubungi petugas.',
    'No slip came out: note or photograph this code and call the attendant.',
  ],
  claimRedeem: [
    'Jika mesin sudah baik, di mesin ini: tekan C, 00, ketik kode, lalu Enter.',
    'Once the machine is mended, here: press C, 00, type the code, then Enter.',
  ],
  claimNoCode: [
    'Kodenya hanya ada di bukti pertama. Dengan nomor di bawah, operator dapat mengembalikan uangnya.',
    'Its code is on the first slip alone. By the number below the operator can pay the money back.',
  ],
  claimRedeemScan: ['Atau pindai QR ini di mesin.', 'Or scan this QR at the machine.'],
  claimNotForPaying: ['Bukan QR pembayaran.', 'Not for paying.'],
  claimEntry: ['Ketik kode klaim', 'Type the claim code'],
  claimEntryHow: ['Sebelas angka di bukti klaim Anda.', 'The eleven digits on your claim slip.'],
  claimChecking: ['Memeriksa kode klaim…', 'Checking the claim code…'],
  claimGoods: ['Klaim Anda diterima', 'Your claim is accepted'],
  keyClaim: ['Kode klaim', 'Claim code'],
  outOfService: ['Maaf, sedang tidak dapat melayani', 'Sorry, not selling just now'],
  notice: ['Perhatian', 'Please note'],
  testBanner: ['TEST – JANGAN DIBAYAR', 'TEST – JANGAN DIBAYAR'],
  justPaid: ['{amount} baru saja dibayar.', '{amount} was just paid.'],
  onceMore: ['Bayar sekali lagi?', 'Pay once more?'],
  technician: ['Teknisi', 'Technician'],
  partsWell: ['Baik: {parts}', 'Well: {parts}'],
  partsAllWell: ['Semua bagian baik.', 'Every part is well.'],
  owedWork: [
    'Laporan tertunda: {reports}. Klaim terbuka: {claims}.',
    'Reports waiting: {reports}. Claims open: {claims}.',
  ],
  configRuns: ['Konfigurasi {version}', 'Configuration {version}'],
  configTrial: ['Konfigurasi {version}, masa uji coba', 'Configuration {version}, on trial'],
  pastSlips: ['Cetak salinan struk', 'Print a copy of a slip'],
  noPastSlips: ['Belum ada struk.', 'There are no slips yet.'],
  pastSlip: ['{n}: {what} {amount}, no. {id}', '{n}: {what} {amount}, no. {id}'],
  printing: ['Sedang mencetak…', 'Printing…'],
  sheetTaken: ['QR penyiapan diterima.', 'The set-up QR was taken.'],
  setUp: ['Pindai QR penyiapan', 'Scan the set-up QR'],
  settingUp: ['Penyiapan mesin', 'Machine set-up'],
  setUpHow: [
    'Mesin ini belum terdaftar. Pegang QR dari operator di depan pemindai.',
    "This machine is not enrolled. Hold the operator's QR before the scanner.",
  ],
  setUpNoScanner: [
    'Mesin ini belum terdaftar: jalankan kios enrol.',
    'This machine is not enrolled: run kios enrol.',
  ],
  setUpAsking: ['Mendaftar di {host}…', 'Enrolling at {host}…'],
  setUpAgain: [
    'Dicoba lagi dengan sendirinya; atau pindai QR lain.',
    'It is tried again by itself; or scan another QR.',
  ],
  setUpDone: [
    'Terdaftar sebagai {kiosk} untuk {merchant}. Mesin dimulai ulang.',
    'Enrolled as {kiosk} for {merchant}. The machine starts again.',
  ],
  printedWell: ['Sudah tercetak.', 'It was printed.'],
  printedPerhaps: [
    'Printer tidak menjawab apakah sudah tercetak.',
    'The printer cannot say whether it was printed.',
  ],
  part_keypad: ['keypad', 'keypad'],
  part_scanner: ['pemindai', 'scanner'],
  part_display: ['layar', 'display'],
  part_printer: ['printer', 'printer'],
  part_dispenser: ['pengeluar barang', 'dispenser'],
  part_relay: ['server', 'server'],
  part_broker: ['jalur pesan', 'message line'],
  part_journal: ['penyimpanan', 'storage'],
  part_operator: ['operator', 'operator'],
  keyPay: ['Bayar', 'Pay'],
  keyPayAgain: ['Ya, bayar lagi', 'Yes, pay again'],
  keyCopy: ['Salinan struk', 'Copy of a slip'],
  keyDaySheet: ['Lembar harian', 'Day sheet'],
  keyService: ['Layani lagi', 'Back to service'],
  keySupport: ['QR bantuan', 'Support QR'],
  support: ['QR bantuan', 'Support QR'],
  supportHow: [
    'Foto QR ini dan kirim isinya ke operator.',
    'Scan this QR and send what it says to the operator.',
  ],
  keyLeave: ['Keluar', 'Leave'],
  keyReturn: ['Kembali', 'Back'],
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
  void: ['BATAL', 'VOID'],
  voidWhy: [
    'QR No. {id} tidak berlaku lagi. Jangan dibayar.',
    'The QR No. {id} is no longer valid. Do not pay it.',
  ],
  copy: ['SALINAN', 'COPY'],
  copiedAt: ['Dicetak {time}', 'Printed {time}'],
  clockUnset: ['(jam belum disetel)', '(clock not set)'],
  daySheet: ['LAPORAN HARIAN', 'DAY SHEET'],
  daySold: ['Terjual', 'Sold'],
  dayHonoured: ['Klaim dilayani', 'Claims honoured'],
  dayOpen: ['Klaim terbuka', 'Claims open'],
  dayInHand: ['Sedang berjalan', 'In hand'],
  dayRefunded: ['Dikembalikan', 'Refunded'],
  dayUnpaid: ['Tidak dibayar', 'Not paid'],
  dayReceived: ['Uang diterima', 'Money received'],
  dayFirst: ['Penjualan pertama', 'First sale'],
  dayLast: ['Penjualan terakhir', 'Last sale'],
  dayHead: ['Jurnal sampai catatan {n}:', 'Journal up to entry {n}:'],
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
  'amount-zero': [
    'Nominal masih nol. Ketik nominalnya dulu.',
    'The amount is zero. Type it first.',
  ],
  'amount-above-limit': ['Maksimal {max}.', 'At most {max}.'],
  'amount-below-limit': ['Minimal {min}.', 'At least {min}.'],
  'amount-not-multiple': [
    'Nominal harus kelipatan {step}.',
    'The amount must be a multiple of {step}.',
  ],
  'dispenser-failed': ['Mesin pengeluar barang macet.', 'The dispenser is jammed.'],
  'dispenser-unknown': ['Mesin pengeluar barang perlu diperiksa.', 'The dispenser needs a look.'],
  'barcode-unknown': ['Barang ini tidak ada di daftar.', 'This item is not in the list.'],
  'barcode-check-digit': [
    'Kode batang salah terbaca. Pindai lagi.',
    'The barcode was misread. Scan again.',
  ],
  'basket-full': ['Keranjang sudah penuh.', 'The basket is full.'],
  'relay-unreachable': ['Tidak ada sambungan ke server.', 'No connection to the server.'],
  'rate-limited': [
    'Server sedang sibuk dengan mesin ini. Tunggu sebentar.',
    'The server is busy with this machine. It goes on by itself.',
  ],
  'relay-refused': ['Server menolak penjualan ini.', 'The server refused this sale.'],
  'broker-unreachable': ['Sambungan pesan terputus.', 'The message line is down.'],
  'display-lost': ['Layar tidak terhubung.', 'The display is not connected.'],
  'display-no-qr': ['Layar terlalu kecil untuk QR.', 'The display is too small for a QR.'],
  'keypad-lost': ['Keypad tidak terhubung.', 'The keypad is not connected.'],
  'scanner-lost': ['Pemindai tidak terhubung.', 'The scanner is not connected.'],
  'printer-lost': ['Printer tidak terhubung.', 'The printer is not connected.'],
  'printer-paper-out': ['Kertas printer habis.', 'The printer has no paper.'],
  'printer-cover-open': ['Tutup printer terbuka.', "The printer's cover is open."],
  'printer-cutter': ['Pemotong kertas printer macet.', "The printer's cutter is jammed."],
  'printer-overheat': [
    'Printer terlalu panas. Tunggu sebentar.',
    'The printer is too hot. It goes on by itself.',
  ],
  'printer-error': [
    'Printer bermasalah. Matikan lalu nyalakan lagi.',
    'The printer reports an error. Switch it off and on.',
  ],
  'printer-offline': ['Printer belum siap (offline).', 'The printer is offline.'],
  'dispenser-lost': ['Mesin pengeluar barang tidak terhubung.', 'The dispenser is not connected.'],
  'kiosk-cloned': [
    'Kartu mesin ini berjalan juga di mesin lain. Daftarkan ulang.',
    "This machine's card also runs elsewhere. Enrol it again.",
  ],
  'kiosk-revoked': [
    'Mesin ini dicabut oleh operator. Daftarkan ulang.',
    'The operator has revoked this machine. Enrol it again.',
  ],
  unauthorised: [
    'Server tidak mengenal mesin ini. Daftarkan ulang.',
    'The server does not know this machine. Enrol it again.',
  ],
  'bad-proof': [
    'Jawaban server tidak ditandatangani dengan benar.',
    "The server's answer was not signed as it must be.",
  ],
  'disk-full': ['Penyimpanan mesin penuh.', "The machine's storage is full."],
  'journal-failed': ['Penyimpanan mesin rusak.', "The machine's storage has failed."],
  'disk-read-only': ['Penyimpanan mesin terkunci.', "The machine's storage is write-protected."],
  'data-missing': ['Penyimpanan data tidak ditemukan.', 'The data storage is not there.'],
  'other-machine': [
    'Kartu ini milik mesin lain. Daftarkan ulang.',
    'This card belongs to another machine. Enrol it again.',
  ],
  'journal-damaged': ['Catatan mesin rusak.', "The machine's records are damaged."],
  'journal-locked': [
    'Catatan mesin sedang dipakai program lain.',
    "Another program holds the machine's records.",
  ],
  'out-of-service': [
    'Mesin ini sedang ditutup oleh operator.',
    'The operator has closed this machine for now.',
  ],
  'clock-unknown': ['Jam mesin belum disetel.', "The machine's clock is not set."],
  'clock-skew': ['Jam mesin salah.', "The machine's clock is wrong."],
  'power-low': ['Daya listrik mesin kurang.', "The machine's power supply is too weak."],
  'machine-hot': ['Mesin terlalu panas.', 'The machine is too hot.'],
  'card-worn': ['Kartu memori hampir aus.', 'The memory card is nearly worn out.'],
  'card-errors': ['Kartu memori mulai rusak.', 'The memory card has errors.'],
  'config-refused': [
    'Konfigurasi baru dari server ditolak; yang lama tetap dipakai.',
    'A new configuration from the server was refused; the one before stays.',
  ],
  'charge-try-again': ['GoPay sedang sibuk.', 'GoPay is busy.'],
  'enrolment-refused': [
    'Kode QR ini salah, sudah dipakai, atau kedaluwarsa. Minta yang baru.',
    'The code of this QR is wrong, used or expired. Ask for a new one.',
  ],
  'sheet-unread': [
    'Ini bukan QR penyiapan dari operator mesin ini.',
    "This is no set-up QR of this machine's operator.",
  ],
  'no-operator-key': [
    'Kartu ini belum memuat kunci operator.',
    "This card lacks the operator's key.",
  ],
  'sheet-expired': [
    'QR penyiapan ini kedaluwarsa. Minta yang baru.',
    'This set-up QR has expired. Ask for a new one.',
  ],
  'sheet-used': [
    'QR penyiapan ini sudah dipakai, atau ada yang lebih baru.',
    'This set-up QR was used before, or a newer one was.',
  ],
  'sheet-other-kiosk': [
    'QR penyiapan ini untuk mesin lain.',
    'This set-up QR is for another machine.',
  ],
  'sheet-not-now': ['QR penyiapan hanya untuk teknisi.', 'A set-up QR is for the technician only.'],
  'already-enrolled': ['Mesin ini sudah terdaftar.', 'This machine is enrolled already.'],
  'enrolled-before': [
    'Mesin ini sudah pernah terdaftar. Teknisi perlu menjalankan: kios enrol',
    'This machine was enrolled before. A technician must run: kios enrol',
  ],
  'sheet-failed': ['Wi-Fi tidak tersambung.', 'The Wi-Fi is not connected.'],
  'sheet-not-kept': ['QR penyiapan tidak dapat disimpan.', 'The set-up QR could not be kept.'],
  'clock-wrong': [
    'Jam mesin salah. Sambungkan internet dan tunggu.',
    "The machine's clock is wrong. Connect it to the internet and wait.",
  ],
  recovering: [
    'Server sedang memulihkan catatan. Coba lagi sebentar lagi.',
    'The server is restoring its records. Try again soon.',
  ],
  'claim-code-short': ['Kodenya sebelas angka.', 'The code has eleven digits.'],
  'claim-code-wrong': [
    'Kode ini bukan dari mesin ini. Periksa angkanya.',
    'This code is not from this machine. Check its digits.',
  ],
  'claim-entry-locked': [
    'Terlalu banyak kode salah. Coba lagi 10 menit lagi.',
    'Too many wrong codes. Try again in 10 minutes.',
  ],
  'claim-honoured': [
    'Barang untuk klaim ini sudah keluar.',
    'The goods of this claim have already come out.',
  ],
  'claim-not-now': [
    'Klaim belum bisa dilayani. Kode tetap berlaku: coba lagi nanti.',
    'The claim cannot be served now. Its code stays valid: try again later.',
  ],
  'claim-locked': [
    'Klaim ini sedang diproses atau sudah selesai. Hubungi petugas.',
    'This claim is in progress or already settled. Call the attendant.',
  ],
  'claim-unknown': [
    'Server belum mengenal klaim ini. Hubungi petugas.',
    'The server does not know this claim. Call the attendant.',
  ],
  'gateway-down': ['Pembayaran QRIS sedang terganggu.', 'QRIS payments are down just now.'],
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
  const said = text.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
  return customerCodes.has(code) ? said : `${said} (${code})`;
}

/** What a customer can mend; every other code stands beside its words for the technician. */
const customerCodes: ReadonlySet<ErrorCode> = new Set([
  'amount-zero',
  'amount-above-limit',
  'amount-below-limit',
  'amount-not-multiple',
  'barcode-unknown',
  'barcode-check-digit',
  'basket-full',
  'charge-try-again',
  'claim-code-short',
  'claim-code-wrong',
  'claim-entry-locked',
  'claim-honoured',
  'claim-not-now',
]);
