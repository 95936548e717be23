// What a Pi's processor makes of our own code and of a release's native parts: run by the Node of each architecture, and
// printed as one line of JSON to compare. It opens no device.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import decodeQr from 'qr/decode.js';
import type sharp from 'sharp';
import { framePng } from '../../drivers/display/png.ts';
import { createRenderer } from '../../drivers/display/render.ts';
import { encodeDocument } from '../../drivers/printer/escpos.ts';
import { printerProfiles } from '../../drivers/printer/profiles.ts';
import { createScanDecoder, encodeScan } from '../../drivers/scanner/codec.ts';
import { budgetSlip, qrisText } from '../drivers/printer-slips.ts';

/** Where the native packages are loaded from. */
const release = createRequire(join(process.argv[2] ?? '.', 'package.json'));
const sum = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const geometry = { width: 800, height: 480 };
const frame = createRenderer({ geometry }).render({
  ...{ tone: 'neutral', merchant: 'KIOS', heading: 'Bayar', amount: 'Rp 15.000', lines: [] },
  ...{ qr: { text: qrisText, lines: [] }, hints: [] },
});
const picture = framePng(frame);

/** By the release's own sharp, as a phone would see it. */
async function qrOfPicture(): Promise<string> {
  const load = release('sharp') as typeof sharp;
  const raw = load(picture).ensureAlpha().raw();
  const { data, info } = await raw.toBuffer({ resolveWithObject: true });
  return decodeQr({ width: info.width, height: info.height, data });
}

function roundTripInDatabase(): string {
  const folder = mkdtempSync(join(tmpdir(), 'kios-smoke-'));
  try {
    const database = new DatabaseSync(join(folder, 'one.sqlite'));
    database.exec('PRAGMA journal_mode = WAL; CREATE TABLE one (text TEXT)');
    database.prepare('INSERT INTO one VALUES (?)').run(qrisText);
    const text = database.prepare('SELECT text FROM one').get()?.['text'];
    database.close();
    return String(text);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Loading runs each native part's own start; what they find on this machine is not asked. */
function nativeExports(): Record<string, string> {
  const kinds = ['node-hid', 'usb', '@serialport/bindings-cpp'].map((name) => {
    const loaded = release(name) as Record<string, unknown>;
    const main = { 'node-hid': 'HIDAsync', usb: 'usb' }[name] ?? 'LinuxBinding';
    return [name, typeof loaded[main]] as const;
  });
  return Object.fromEntries(kinds);
}

const scan = createScanDecoder({}).feed(encodeScan({ text: '8991002101234', aim: 'E0' }), 0);
process.stdout.write(
  `${JSON.stringify({
    arch: process.arch,
    same: {
      frame: sum(new Uint8Array(frame.pixels.buffer)),
      slip: sum(encodeDocument(budgetSlip, printerProfiles['basic-58'])),
      qr: await qrOfPicture(),
      stored: roundTripInDatabase(),
      scan,
      natives: nativeExports(),
    },
  })}\n`,
);
