// Where a frame may differ from the frame before it, as its painter knows it: a display that shows that one need not look
// at the rest. It must never leave out a pixel that differs.
import type { Box, Surface } from './blit.ts';

const told = new WeakMap<Surface, { before: Surface; box: Box }>();

/** Says where `frame` may differ from `before`. What was told of `before` is forgotten: no frame keeps all of its past. */
export function tellChange(frame: Surface, before: Surface, box: Box): void {
  told.delete(before);
  told.set(frame, { before, box });
}

/** Where `frame` may differ from `shown`; undefined: anywhere, because it was not painted over that very one. */
export function changeSince(shown: Surface | undefined, frame: Surface): Box | undefined {
  const known = told.get(frame);
  return known !== undefined && known.before === shown ? known.box : undefined;
}
