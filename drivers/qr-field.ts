// Arithmetic of the codewords of a QR: the field of 256, by the polynomial of ISO/IEC 18004, 7.5.2. PURE.

/** x^8 + x^4 + x^3 + x^2 + 1. */
const polynomial = 0x11d;

/** Powers of two, all of them twice, so that the sum of two logarithms needs no remainder. */
const powers = new Uint8Array(510);
const logarithms = new Uint8Array(256);
for (let power = 0, value = 1; power < 255; power++) {
  powers[power] = value;
  powers[power + 255] = value;
  logarithms[value] = power;
  value = value < 128 ? value << 1 : (value << 1) ^ polynomial;
}

/** @param value not 0 */
export function logarithmOf(value: number): number {
  return logarithms[value] ?? 0;
}

/** `value` times two to the power, which is 0 to 254. */
export function timesPower(value: number, power: number): number {
  return value === 0 ? 0 : (powers[(logarithms[value] ?? 0) + power] ?? 0);
}
