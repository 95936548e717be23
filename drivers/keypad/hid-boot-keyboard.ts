// HID boot keyboard reports to key presses, and back: for keypads and for scanners that type. PURE. Never throws on bytes.
import assert from 'node:assert/strict';

/** USB HID 1.11, Appendix B.1: modifiers, one reserved byte, six key codes. */
export const reportLength = 8;

/** Modifier bits, USB HID 1.11 §8.3: the left keys in the low half of the byte, the right ones in the high half. */
export const modifier = { control: 0x11, shift: 0x22, alt: 0x44, gui: 0x88 } as const;

/** HID Usage Tables, page 0x07: 1 to 3 are error codes (1 = rollover), no keys. */
const firstKeyUsage = 0x04;

/** A key went down. `usage` is from HID Usage Tables, page 0x07; `modifiers` are the bits held with it. */
export interface KeyPress {
  usage: number;
  modifiers: number;
}

export interface BootKeyboard {
  /** Bytes of a stream without report borders, cut anywhere. Answers the keys that went down, in order. */
  readonly feed: (bytes: Uint8Array) => KeyPress[];
  /**
   * One report, as hidraw hands it over: eight bytes, or nine of which the first is a report id, which is taken off.
   * Any other presses nothing and is counted.
   */
  readonly report: (bytes: Uint8Array) => KeyPress[];
  /** Reports of another form since the last good one: the device speaks something else than the boot protocol. */
  readonly malformed: number;
}

/** A decoder with its memory of which keys are down. One for each connection. */
export function createBootKeyboard(): BootKeyboard {
  const partial = new Uint8Array(reportLength);
  let filled = 0;
  let malformed = 0;
  let down: readonly number[] = [];

  /**
   * Only what was not down before counts, so a key that is held or repeated comes once. Appendix C: a keyboard that
   * cannot tell which keys are down fills the array with an error code; such a report says nothing about any key.
   */
  const take = (report: Uint8Array): KeyPress[] => {
    assert(report.length === reportLength);
    const usages = [...new Set(report.subarray(2))].filter((usage) => usage !== 0);
    if (usages.some((usage) => usage < firstKeyUsage)) return [];
    const pressed = usages.filter((usage) => !down.includes(usage));
    down = usages;
    const modifiers = report[0] ?? 0;
    return pressed.map((usage) => ({ usage, modifiers }));
  };

  return {
    feed(bytes) {
      const presses: KeyPress[] = [];
      for (const byte of bytes) {
        partial[filled] = byte;
        filled += 1;
        if (filled < reportLength) continue;
        filled = 0;
        presses.push(...take(partial));
      }
      return presses;
    },
    report(bytes) {
      // USB HID 1.11 §8.1: a device with several kinds of reports puts an id before each; 0 is none.
      const numbered = bytes.length === reportLength + 1 && bytes[0] !== 0;
      const report = numbered ? bytes.subarray(1) : bytes;
      if (report.length !== reportLength) {
        malformed += 1;
        return [];
      }
      malformed = 0;
      return take(report);
    },
    get malformed() {
      return malformed;
    },
  };
}

/** The two reports of one press: down, and all up again. */
export function pressReports(press: KeyPress): Uint8Array {
  return Uint8Array.of(press.modifiers, 0, press.usage, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
}
