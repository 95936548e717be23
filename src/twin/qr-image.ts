// The pictures behind Midtrans' two QR actions. Pixel sizes are the twin's own: Midtrans documents none.
import QRCode from 'qrcode';
import sharp from 'sharp';

const scale = 8;

/** The bare QR, square, four modules of white around it. */
export function barePng(text: string): Promise<Buffer> {
  return QRCode.toBuffer(text, { type: 'png', errorCorrectionLevel: 'M', margin: 4, scale });
}

/** The QR on a portrait sheet, as the framed image is: whoever takes it for a square one is found out. */
export async function framedPng(text: string): Promise<Buffer> {
  const white = { background: '#ffffff' };
  return sharp(await barePng(text))
    .extend({ top: 160, bottom: 120, left: 24, right: 24, ...white })
    .png()
    .toBuffer();
}
