// Text that somebody else wrote and that goes into tables, logs and slips: no control characters, of which PostgreSQL
// refuses NUL and terminals obey the rest.
import { z } from 'zod';

/** @param max characters (UTF-16 units) */
export function plainText(max: number, min = 0): z.ZodString {
  return z
    .string()
    .min(min)
    .max(max)
    .regex(/^\P{Cc}*$/u, 'no control characters');
}

/** The same where a refusal would lose more than the text: each of them becomes a space. */
export function cleanedText(max: number): z.ZodString {
  return z
    .string()
    .max(max)
    .overwrite((text) => text.replaceAll(/\p{Cc}/gu, ' '));
}
