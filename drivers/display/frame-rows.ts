// Which rows of a frame may differ from the frame before it, as its painter knows them: a display that shows that one need
// not look at the others. It must never leave out a row that differs.
import type { Frame } from '../device.ts';
import type { RowRun } from './rows.ts';

/** Held weakly: no frame keeps the ones before it. */
const told = new WeakMap<Frame, { before: WeakRef<Frame>; rows: RowRun }>();

export function tellRows(frame: Frame, before: Frame, rows: RowRun): void {
  told.set(frame, { before: new WeakRef(before), rows });
}

/** Where `frame` may differ from `shown`: everywhere, unless it was painted over that very one. */
export function rowsSince(shown: Frame | undefined, frame: Frame): RowRun {
  const known = told.get(frame);
  const fits = shown !== undefined && known?.before.deref() === shown;
  return fits ? known.rows : { first: 0, count: frame.height };
}
