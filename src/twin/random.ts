// Randomness as something that is handed in, and the ids made of it. The same seed gives the same ids in the same order.
import { createHash, randomInt } from 'node:crypto';

/** 0 ≤ value < 1, with 32 bits in it. */
export type Random = () => number;

const bits32 = 2 ** 32;

/** The machine's own randomness. */
export const cryptoRandom: Random = () => randomInt(bits32) / bits32;

/** A generator that repeats itself for the same seed (mulberry32). Not for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / bits32;
  };
}

/** A version-4 UUID, as Midtrans gives to transactions and to errors. */
export function mintUuid(random: Random): string {
  const hex = Array.from({ length: 4 }, () =>
    Math.floor(random() * bits32)
      .toString(16)
      .padStart(8, '0'),
  ).join('');
  const variant = '89ab'.charAt(Number.parseInt(hex.charAt(16), 16) & 3);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20),
  ].join('-');
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** Some random letters and digits. */
export function mintLetters(random: Random, length: number): string {
  return Array.from({ length }, () => letters.charAt(Math.floor(random() * letters.length))).join(
    '',
  );
}

/** A number of its own for each name: the same however many others were drawn before it. 0 ≤ value < 1. */
export function drawFor(name: string): number {
  return createHash('sha256').update(name).digest().readUInt32BE(0) / bits32;
}
