// Bytes of real devices and of the specification, each with where it is from.

/** Bytes out of a text of hex digits. */
export const hex = (text: string): Uint8Array =>
  Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));

export const descriptors = {
  /** USB HID 1.11, Appendix E.6, with its LEDs. */
  specification: hex(`
    05 01 09 06 a1 01 05 07 19 e0 29 e7 15 00 25 01 75 01 95 08 81 02 95 01 75 08 81 01
    95 05 75 01 05 08 19 01 29 05 91 02 95 01 75 03 91 01
    95 06 75 08 15 00 25 65 05 07 19 00 29 65 81 00 c0`),
  /** Captured from a Corsair K60 RGB PRO (deskhop issue #111): modifiers and a bitmap of 152 keys, report id 1. */
  corsairBitmap: hex(`
    05 01 09 06 a1 01 85 01 05 07 19 e0 29 e7 15 00 25 01 35 00 45 01 65 00 55 00 75 01 95 08 81 02
    19 00 29 97 95 98 81 02 05 08 19 01 29 03 95 03 91 02 95 05 91 03 c1 00`),
  /** Captured from the same keyboard's other interface: modifiers, then 56 bits of padding. It has no keys but those. */
  corsairModifiers: hex(`
    05 01 09 06 a1 01 85 01 05 07 19 e0 29 e7 15 00 25 01 35 00 45 01 65 00 55 00 75 01 95 08 81 02
    95 38 81 03 05 08 19 01 29 05 95 05 91 02 95 03 91 03 c1 00`),
  /** Captured (iichid issue #55): the keys are split over two reports; the second collection is written out by its words. */
  twoBitmaps: hex(`
    05 01 09 06 a1 01 85 05 05 07 19 e0 29 e7 15 00 25 01 95 08 75 01 81 02
    05 07 19 00 29 2f 15 00 26 01 00 95 30 75 01 81 02 c0
    a1 01 85 06 05 07 19 30 29 67 15 00 26 01 00 95 38 75 01 81 02 c0`),
  /** Captured (hidapi pull request #306): sixteen-bit items, six key codes up to 255 of which 0x91 is the last usage. */
  wideItems: hex(`
    05 01 09 06 a1 01 05 08 19 01 29 03 15 00 25 01 75 01 95 03 91 02 95 05 91 01
    05 07 1a e0 00 2a e7 00 95 08 81 02 75 08 95 01 81 01 19 00 2a 91 00 26 ff 00 95 06 81 00 c0`),
  /** Volume and media keys, the second interface of most pads (HID Usage Tables, page 0x0c): no keys of a keypad. */
  mediaKeys: hex('05 0c 09 01 a1 01 85 01 19 00 2a 3c 02 15 00 26 3c 02 95 01 75 10 81 00 c0'),
} as const;
