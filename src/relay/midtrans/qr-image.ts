// Reads the text out of Midtrans' QR picture, for charges that came without `qr_string`.
import decodeQR from 'qr/decode.js';
import sharp from 'sharp';

/** Larger pictures are no QR of Midtrans': decoding them would only cost memory. */
const maxPixels = 4096 * 4096;

/** The QRIS text in a PNG; undefined when there is none to be read. Never throws, whatever the bytes. */
export async function readQrImage(png: Uint8Array): Promise<string | undefined> {
  try {
    const { data, info } = await sharp(png, { limitInputPixels: maxPixels })
      .flatten({ background: '#ffffff' })
      .removeAlpha()
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    return decodeQR(
      { width: info.width, height: info.height, data: new Uint8Array(data) },
      { format: 'RGB', timeLimit: 1000 },
    );
  } catch {
    // sharp and the decoder say "no" by throwing plain errors; for us both mean: no text.
    return undefined;
  }
}
