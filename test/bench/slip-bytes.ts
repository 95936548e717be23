// How many bytes a slip is, natively and as a picture: exact, no clock in it.
import { encodeDocument } from '../../drivers/printer/escpos.ts';
import { printerProfiles } from '../../drivers/printer/profiles.ts';
import { budgetSlip, qrisText } from '../drivers/printer-slips.ts';
import { against, type Report } from './figures.ts';

/** 1.05 times the 424 bytes that the shortest hand-written slip has. */
const nativeBound = 445;
/** What the best library sends for the same slip as a picture. */
const bestPictureBytes = 14_870;
const pictureShare = 0.25;

export async function slipBytes(): Promise<Report> {
  const rows = Object.values(printerProfiles).map((profile) => {
    const bytes = encodeDocument(budgetSlip, profile).length;
    const share = bytes / bestPictureBytes;
    return profile.nativeQr
      ? [
          profile.name,
          'native',
          String(bytes),
          '',
          against(`≤ ${nativeBound}`, bytes <= nativeBound),
        ]
      : [
          profile.name,
          'picture',
          String(bytes),
          `${share.toFixed(3)}x`,
          against(`≤ ${pictureShare}x`, share <= pictureShare),
        ];
  });
  return Promise.resolve({
    title: 'Bytes of a slip',
    how: `three lines, amount, QRIS of ${qrisText.length} characters, two lines, cut; exact`,
    head: ['profile', 'QR', 'bytes', `of ${bestPictureBytes}`, 'bound'],
    rows,
  });
}
