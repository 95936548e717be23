// Colours of the screens, as 0xRRGGBB. PURE. Every text colour keeps a contrast of 7:1 to what is under it (WCAG 2.2, 1.4.6).
import type { Tone } from './scene.ts';

export type Colour = number;

export interface Palette {
  ground: Colour;
  text: Colour;
  /** For merchant, ids and body. */
  quiet: Colour;
  /** The bar's empty part and the mark's resting dots: shape only, never text. */
  track: Colour;
  bar: Colour;
  /** The bar when little time is left. */
  barLow: Colour;
  keyCap: Colour;
  keyText: Colour;
  keyEdge: Colour;
  banner: Colour;
  bannerText: Colour;
}

const white = 0xffffff;
const ink = 0x101828;
const sign = { banner: 0x000000, bannerText: 0xffd84a };
const caps = { keyCap: white, keyText: ink, keyEdge: 0x475467 };

/** One a tone. Good and bad fill the whole screen, so that they are told apart from across the hall. */
export const palettes: Record<Tone, Palette> = {
  neutral: {
    ground: 0xf4f6fa,
    text: ink,
    quiet: 0x364152,
    track: 0xcdd5df,
    bar: 0x1849a9,
    barLow: 0xb42318,
    ...sign,
    ...caps,
  },
  good: {
    ground: 0x075c31,
    text: white,
    quiet: white,
    track: 0x3f8a60,
    bar: white,
    barLow: white,
    ...sign,
    ...caps,
  },
  warn: {
    ground: 0xffc53d,
    text: 0x1c1400,
    quiet: 0x2e2200,
    track: 0xd9a017,
    bar: 0x1c1400,
    barLow: 0x8a1010,
    ...sign,
    ...caps,
  },
  bad: {
    ground: 0x8f1414,
    text: white,
    quiet: white,
    track: 0xb85454,
    bar: white,
    barLow: white,
    ...sign,
    ...caps,
  },
};

/** Contrast ratio of two colours, 1 to 21 (WCAG 2.2, relative luminance). */
export function contrast(a: Colour, b: Colour): number {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return ((light ?? 0) + 0.05) / ((dark ?? 0) + 0.05);
}

function luminance(colour: Colour): number {
  const linear = (channel: number): number => {
    const c = (channel & 0xff) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * linear(colour >> 16) + 0.7152 * linear(colour >> 8) + 0.0722 * linear(colour);
}
