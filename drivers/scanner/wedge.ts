// A scanner that types: key presses to characters and back, on the US layout that such scanners leave the factory with. PURE.
import { modifier, pressReports, type KeyPress } from '../keypad/hid-boot-keyboard.ts';

/** HID Usage Tables, page 0x07, from 0x04 on: without and with Shift. 0x31 and 0x32 are the same key here. */
const plain = "abcdefghijklmnopqrstuvwxyz1234567890\r\x1b\b\t -=[]\\\\;'`,./";
const shifted = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ!@#$%^&*()\r\x1b\b\t _+{}||:"~<>?';
const firstUsage = 0x04;

/** From 0x54 on: `/ * - + Enter 1…9 0 .` of the keypad, which some scanners type digits with. */
const keypad = '/*-+\r1234567890.';
const firstKeypadUsage = 0x54;

/** The character of a press as a code of 0 to 127; undefined for keys that type none. */
export function characterOfPress({ usage, modifiers }: KeyPress): number | undefined {
  const row = (modifiers & modifier.shift) === 0 ? plain : shifted;
  const character = row[usage - firstUsage] ?? keypad[usage - firstKeypadUsage];
  if (character === undefined || (modifiers & (modifier.alt | modifier.gui)) !== 0)
    return undefined;
  const code = character.charCodeAt(0);
  // Control characters are typed with Ctrl: Ctrl-] is the group separator of GS1 codes.
  const control = (modifiers & modifier.control) !== 0;
  if (!control) return code;
  const upper = character.toUpperCase().charCodeAt(0);
  return upper >= 0x40 && upper <= 0x5f ? upper & 0x1f : undefined;
}

/** The boot reports by which a scanner types this text; characters that the layout lacks are left out. */
export function wedgeReports(text: string): Uint8Array[] {
  return Array.from(text).flatMap(reportsOf);
}

function reportsOf(character: string): Uint8Array[] {
  const at = plain.indexOf(character);
  const shiftedAt = shifted.indexOf(character);
  if (at >= 0) return pressReports({ usage: firstUsage + at, modifiers: 0 });
  if (shiftedAt >= 0) return pressReports({ usage: firstUsage + shiftedAt, modifiers: 0x02 });
  return [];
}
