// Which rows of a picture changed: displays are sent nothing else. PURE.

export interface RowRun {
  first: number;
  count: number;
}

/** Runs of rows whose bytes differ, from the top. All rows when there is no picture before. */
export function changedRows(
  before: Uint8Array | undefined,
  after: Uint8Array,
  rowBytes: number,
): RowRun[] {
  const rows = Math.floor(after.length / rowBytes);
  if (before?.length !== after.length) return rows === 0 ? [] : [{ first: 0, count: rows }];
  const runs: RowRun[] = [];
  const [old, fresh] = [asBuffer(before), asBuffer(after)];
  for (let row = 0; row < rows; row++) {
    const [from, to] = [row * rowBytes, (row + 1) * rowBytes];
    if (fresh.compare(old, from, to, from, to) === 0) continue;
    const last = runs.at(-1);
    if (last !== undefined && last.first + last.count === row) last.count++;
    else runs.push({ first: row, count: 1 });
  }
  return runs;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The one run from the first changed row to the last one; undefined when nothing changed. */
export function changedSpan(
  before: Uint8Array | undefined,
  after: Uint8Array,
  rowBytes: number,
): RowRun | undefined {
  const runs = changedRows(before, after, rowBytes);
  const first = runs[0];
  const last = runs.at(-1);
  if (first === undefined || last === undefined) return undefined;
  return { first: first.first, count: last.first + last.count - first.first };
}
