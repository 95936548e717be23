// Midtrans' amounts and times as text, to and from ours. PURE.

/** Writes `15000` as Midtrans does: `15000.00`. */
export function grossAmount(amountIdr: number): string {
  return `${amountIdr}.00`;
}

/** Whole rupiah of `15000.00`; undefined for anything that is not whole rupiah. */
export function parseGrossAmount(text: string | undefined): number | undefined {
  const match = /^(\d{1,12})(?:\.0{1,2})?$/.exec(text ?? '');
  return match?.[1] === undefined ? undefined : Number(match[1]);
}

/** Midtrans' times are `YYYY-MM-DD HH:MM:SS` in GMT+7, without saying so. Undefined when the text is none. */
export function parseTime(text: string | undefined): number | undefined {
  const match = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2})$/.exec(text ?? '');
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  const ms = Date.parse(`${match[1]}T${match[2]}+07:00`);
  return Number.isNaN(ms) ? undefined : ms;
}
