// What a screen says, before anybody decides how it is drawn. `kiosk/screens.ts` makes scenes, `render.ts` draws them.

/** The colour of the whole screen: `good` money arrived, `warn` something to mend or wait for, `bad` out of service. */
export type Tone = 'neutral' | 'good' | 'warn' | 'bad';

export interface Scene {
  tone: Tone;
  /** Small line on top: who sells here. At most 25 characters (QRIS tag 59). */
  merchant: string;
  /** One short line, the largest words after the amount. */
  heading: string;
  /** `Rp 15.000`: drawn largest of all, readable at two metres. */
  amount?: string;
  /** Body text, one entry a paragraph; wrapped, never cut off. At most 8. */
  lines: readonly string[];
  /** A live QR: its text, and short lines beside it (NMID, the sale's last four characters). */
  qr?: { text: string; lines: readonly string[] };
  /** Time left, 0 (none) to 1 (all), drawn as a bar; and its words, `2:41`. */
  timeLeft?: { share: number; words: string };
  /** Which key does what, along the bottom. At most 5. */
  hints: readonly { key: string; text: string }[];
  /** Across the screen, over everything but the QR: `TEST – JANGAN DIBAYAR`. */
  banner?: string;
  /** Counts up once a second while a QR is live: moves a mark, because a screenshot does not move. */
  mark?: number;
}
