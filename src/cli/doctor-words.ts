// Every code that the doctor tells, with what to do about it in Indonesian; the English words are the registry's own, where
// those fit a test. PURE.
import type { ErrorCode } from '../protocol/errors.ts';

const words = {
  'config-invalid': 'Berkas konfigurasi salah: perbaiki baris yang disebut.',
  'config-refused': 'Konfigurasi baru ditolak; yang lama tetap dipakai: hubungi operator.',
  'permission-denied': 'Perintah ini tidak boleh membacanya: jalankan dengan sudo.',
  'service-down': 'Layanan kios tidak berjalan: systemctl start kios.',
  'kiosk-running': 'Kios sedang berjalan: hentikan dulu, systemctl stop kios.',
  'not-enrolled': 'Mesin belum terdaftar: jalankan kios enrol.',
  'other-machine': 'Kartu ini milik mesin lain: daftarkan ulang dengan kios enrol --force.',
  'data-missing': 'Partisi data tidak ada: periksa kartu dan disk.',
  'disk-full': 'Disk hampir penuh: sediakan ruang.',
  'disk-read-only': 'Disk hanya bisa dibaca: periksa atau ganti kartunya.',
  'journal-failed': 'Jurnal tidak bisa dipakai: periksa kartunya.',
  'journal-damaged': 'Jurnal rusak atau diubah: simpan, jangan dihapus, hubungi operator.',
  'journal-locked': 'Program lain mengunci jurnal: hentikan program itu.',
  'clock-unknown': 'Jam belum disetel: sambungkan ke internet.',
  'clock-skew': 'Jam mesin salah: setel jamnya (timedatectl).',
  'relay-unreachable': 'Server tidak terjangkau: periksa jaringan, server, dan jam.',
  'bad-proof': 'Jawaban bukan dari server yang dipercaya: periksa jaringannya, hubungi operator.',
  unauthorised: 'Server tidak mengenal mesin ini: daftarkan ulang.',
  'kiosk-revoked': 'Mesin ini dicabut oleh operator: daftarkan ulang.',
  'kiosk-cloned': 'Kartu ini juga berjalan di mesin lain: daftarkan ulang salah satunya.',
  'ledger-differs': 'Buku besar server lain dari milik mesin ini: hubungi operator.',
  'rate-limited': 'Terlalu banyak permintaan: tunggu sebentar.',
  'broker-unreachable': 'Sambungan pesan terputus: periksa jaringan. Penjualan tetap jalan.',
  'keypad-lost': 'Keypad tidak menjawab: periksa colokannya.',
  'keypad-silent': 'Tombol yang ditekan tidak sampai: cabut, colok lagi, atau ganti keypad.',
  'scanner-lost': 'Pemindai tidak menjawab: periksa colokannya.',
  'scanner-silent': 'Hasil pindai tidak sampai: jalankan kios learn scanner.',
  'display-lost': 'Layar tidak menjawab: periksa kabelnya.',
  'display-no-qr':
    'Layar terlalu kecil untuk QR: QR dicetak di kertas; tanpa printer, ganti layar.',
  'display-unseen': 'Gambar tidak tampak di layar: periksa kabel, daya, dan konsolnya.',
  'printer-lost': 'Printer tidak menjawab: periksa daya dan colokannya.',
  'printer-paper-out': 'Kertas printer habis: isi kertas.',
  'printer-paper-low': 'Kertas printer hampir habis: siapkan gulungan baru.',
  'printer-cover-open': 'Tutup printer terbuka: tutup.',
  'printer-cutter': 'Pemotong kertas macet: buka tutupnya, bebaskan.',
  'printer-overheat': 'Kepala printer terlalu panas: tunggu sebentar.',
  'printer-error': 'Printer bermasalah: matikan lalu nyalakan lagi.',
  'printer-offline': 'Printer belum siap: tekan tombolnya, lihat lampunya.',
  'dispenser-lost': 'Pengeluar barang tidak menjawab: periksa daya dan colokannya.',
  'dispenser-failed': 'Pengeluar barang tidak mengeluarkan apa-apa: periksa macetnya.',
  'dispenser-unknown': 'Tidak pasti apakah barang keluar: lihat ke dalam mesin.',
  'device-complains': 'Alat terhubung tetapi mengeluh: baca keterangannya.',
  internal: 'Ada kesalahan dalam program: kirim keterangan ini ke operator.',
} as const satisfies Partial<Record<ErrorCode, string>>;

export type DoctorCode = keyof typeof words;
export const doctorWords: Readonly<Record<DoctorCode, string>> = words;

/** Where the registry's words are of a sale, and a test is none. */
export const englishWords: Readonly<Partial<Record<DoctorCode, string>>> = {
  'dispenser-unknown': 'Nobody can say whether the goods came out: look into the machine.',
};

export function isDoctorCode(code: string): code is DoctorCode {
  return Object.hasOwn(words, code);
}
