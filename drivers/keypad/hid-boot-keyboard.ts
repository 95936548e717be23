// The boot keyboard of the USB HID specification: its descriptor, its modifiers, its reports. PURE.

/**
 * USB HID 1.11, Appendix E.6, without its LEDs (outputs say nothing of inputs) and with key codes up to 0xff: pads have
 * 00 and 000 at 0xb0 and 0xb1. It describes the boot protocol (Appendix B.1): modifiers, a reserved byte, six key codes.
 */
export const bootDescriptor = Uint8Array.from([
  ...[0x05, 0x01, 0x09, 0x06, 0xa1, 0x01], // Generic Desktop, Keyboard, Collection (Application).
  ...[0x05, 0x07, 0x19, 0xe0, 0x29, 0xe7, 0x15, 0x00, 0x25, 0x01], // Modifiers,
  ...[0x75, 0x01, 0x95, 0x08, 0x81, 0x02], // eight bits.
  ...[0x95, 0x01, 0x75, 0x08, 0x81, 0x01], // One reserved byte.
  ...[0x95, 0x06, 0x75, 0x08, 0x15, 0x00, 0x26, 0xff, 0x00], // Six key codes of 0 to 255.
  ...[0x05, 0x07, 0x19, 0x00, 0x29, 0xff, 0x81, 0x00],
  0xc0,
]);

export const reportLength = 8;

/** Modifier bits, USB HID 1.11 §8.3: the left keys in the low half of the byte, the right ones in the high half. */
export const modifier = { control: 0x11, shift: 0x22, alt: 0x44, gui: 0x88 } as const;

/** HID Usage Tables, page 0x07: the keys whose bits are in the first byte. */
export const firstModifierUsage = 0xe0;
export const lastModifierUsage = 0xe7;

/** A key went down. `usage` is from HID Usage Tables, page 0x07; `modifiers` are the bits held with it. */
export interface KeyPress {
  usage: number;
  modifiers: number;
}

/** The two boot reports of one press: down, and all up again. */
export function pressReports({ usage, modifiers }: KeyPress): [Uint8Array, Uint8Array] {
  return [Uint8Array.of(modifiers, 0, usage, 0, 0, 0, 0, 0), new Uint8Array(reportLength)];
}
