// The languages of cheap relay boards: HID "USBRelay" (16c0:05df), LCUS on a CH340, and Modbus boards that time a pulse
// themselves. PURE.
import assert from 'node:assert';

/** The largest board of each kind has eight relays. */
export const maxChannel = 8;

/** Modbus: FC 05 of these boards counts in tenths of a second. */
export const flashStepMs = 100;

/** www.dcttech.com boards: a feature report without an id: command and relay; the rest is zero. */
export function encodeHidRelay(channel: number, on: boolean): Uint8Array {
  assert(isChannel(channel));
  return Uint8Array.of(0x00, on ? 0xff : 0xfd, channel, 0, 0, 0, 0, 0, 0);
}

/** The report that is asked for, and how long it is with its id. */
export const hidStateReport = { id: 1, length: 9 };

/**
 * Which relays are on, by the board's own word: five characters of its serial, two bytes, and one bit a relay.
 * Undefined for whatever is no such report. With or without a leading report id, as the system gives it.
 */
export function parseHidRelayState(report: Uint8Array): number | undefined {
  const leading = report.length === 9 && (report[0] ?? 0) <= 1 ? 1 : 0;
  const body = report.subarray(leading, leading + 8);
  const serial = body.subarray(0, 5);
  if (body.length !== 8 || serial.some((byte) => byte < 0x20 || byte > 0x7e)) return undefined;
  return body[7];
}

export function isHidRelayOn(state: number, channel: number): boolean {
  return (state & (1 << (channel - 1))) !== 0;
}

/** LC Technology: A0, relay, 1 or 0, and the sum of the three. It answers nothing. */
export function encodeLcus(channel: number, on: boolean): Uint8Array {
  assert(isChannel(channel));
  const frame = [0xa0, channel, on ? 1 : 0];
  return Uint8Array.from([...frame, frame.reduce((sum, byte) => sum + byte, 0) & 0xff]);
}

/** Modbus FC 05 on coil 0x02nn: "flash on" for so long. The board answers with the same bytes. */
export function encodeFlash(unit: number, channel: number, pulseMs: number): Uint8Array {
  const steps = pulseMs / flashStepMs;
  assert(isUnit(unit) && isChannel(channel));
  assert(Number.isInteger(steps) && steps >= 1 && steps <= 0x7fff);
  return withCrc([unit, 0x05, 0x02, channel - 1, steps >> 8, steps & 0xff]);
}

/** Modbus FC 05: coil off. The board answers with the same bytes. */
export function encodeCoilOff(unit: number, channel: number): Uint8Array {
  assert(isUnit(unit) && isChannel(channel));
  return withCrc([unit, 0x05, 0x00, channel - 1, 0, 0]);
}

/** Finds an answer in what came so far, which may have begun with noise. */
export function holdsFrame(bytes: Uint8Array, frame: Uint8Array): boolean {
  return Buffer.from(bytes).includes(Buffer.from(frame));
}

function isChannel(channel: number): boolean {
  return Number.isInteger(channel) && channel >= 1 && channel <= maxChannel;
}

/** Modbus over serial line, 2.2: 1 to 247. */
function isUnit(unit: number): boolean {
  return Number.isInteger(unit) && unit >= 1 && unit <= 247;
}

/** Modbus over serial line, 2.5.1.2: CRC-16, polynomial A001 reflected, low byte first. */
function withCrc(frame: number[]): Uint8Array {
  let crc = 0xffff;
  for (const byte of frame) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >> 1 : (crc >> 1) ^ 0xa001;
  }
  return Uint8Array.from([...frame, crc & 0xff, crc >> 8]);
}
