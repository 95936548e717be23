// Midtrans' times: `YYYY-MM-DD HH:MM:SS` in GMT+7 without an offset in the text. PURE: never the host's own zone.

/** Jakarta has no daylight saving; all of Midtrans' texts are in its time. */
const offsetMs = 7 * 3_600_000;

/** Writes an instant (milliseconds since 1970 UTC) as Midtrans does; parts of a second are cut off. */
export function jakartaText(ms: number): string {
  return new Date(ms + offsetMs).toISOString().slice(0, 19).replace('T', ' ');
}

/**
 * Reads `order_time` of a custom expiry: `2026-01-01 10:00:00 +0700`.
 * @returns milliseconds since 1970 UTC, or undefined when the text has another shape or names no real time.
 */
export function parseOrderTime(text: string): number | undefined {
  const match = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2}) ([+-]\d{2})(\d{2})$/.exec(text);
  if (match === null) return undefined;
  const ms = Date.parse(`${match[1] ?? ''}T${match[2] ?? ''}${match[3] ?? ''}:${match[4] ?? ''}`);
  if (Number.isNaN(ms)) return undefined;
  // JavaScript takes 30 February for 2 March.
  const day = Number((match[1] ?? '').slice(8));
  return new Date(`${match[1] ?? ''}T00:00:00Z`).getUTCDate() === day ? ms : undefined;
}
