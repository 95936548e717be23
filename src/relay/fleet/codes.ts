// Enrolment codes: typed by a technician, used once. The relay keeps only their hash.
import { createHash } from 'node:crypto';

/** Crockford's base 32: no I, L, O, U, so that a code survives being read aloud. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const length = 12;
const group = 4;

/** A code such as `7K3M-Q9TX-2B4C` (60 bits) from `length` random bytes. */
export function formatCode(random: Uint8Array): string {
  const letters = Array.from(random.subarray(0, length), (byte) => alphabet.charAt(byte & 31));
  const groups: string[] = [];
  for (let i = 0; i < letters.length; i += group) groups.push(letters.slice(i, i + group).join(''));
  return groups.join('-');
}

/** How many random bytes `formatCode` wants. */
export const codeBytes = length;

/** The hash under which a code is kept, however it was typed. 60 random bits need no slow hash. */
export function hashCode(typed: string): string {
  const code = typed.toUpperCase().replace(/[\s-]/g, '').replace(/[IL]/g, '1').replace(/O/g, '0');
  return createHash('sha256').update(code).digest('hex');
}
