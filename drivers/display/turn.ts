// Pictures turned on their panel: boxes, letters and QRs are turned before they are painted, once each, so that nobody has to
// turn pixels afterwards. PURE.
import type { Box } from './blit.ts';

/** How far the picture is turned clockwise on the panel, in degrees. */
export type Rotation = 0 | 90 | 180 | 270;

export interface Size {
  width: number;
  height: number;
}

/** The size of something after a turn; it is its own inverse. */
export function turnedSize({ width, height }: Size, turn: Rotation): Size {
  return turn === 90 || turn === 270 ? { width: height, height: width } : { width, height };
}

/** Where a box of a picture lies on the panel. @param picture its size before the turn */
export function turnedBox({ x, y, width, height }: Box, picture: Size, turn: Rotation): Box {
  const [right, below] = [picture.width - x - width, picture.height - y - height];
  switch (turn) {
    case 0:
      return { x, y, width, height };
    case 90:
      return { x: below, y: x, width: height, height: width };
    case 180:
      return { x: right, y: below, width, height };
    case 270:
      return { x: y, y: right, width: height, height: width };
  }
}

interface Grid {
  readonly length: number;
  [place: number]: number;
}

/** Writes the cells of `from`, row by row, into `to` as they lie after the turn. @param size before the turn */
export function turnGrid<To extends Grid>(from: Grid, size: Size, turn: Rotation, to: To): To {
  const { width, height } = turnedSize(size, turn);
  const { origin, right, down } = steps(size, turn);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0, cell = origin + y * down; x < width; x++, at++, cell += right) {
      to[at] = from[cell] ?? 0;
    }
  }
  return to;
}

/** Where the first cell comes from, and how far from it are those of its neighbours to the right and below. */
function steps(
  { width, height }: Size,
  turn: Rotation,
): { origin: number; right: number; down: number } {
  switch (turn) {
    case 0:
      return { origin: 0, right: 1, down: width };
    case 90:
      return { origin: (height - 1) * width, right: -width, down: 1 };
    case 180:
      return { origin: height * width - 1, right: -1, down: -width };
    case 270:
      return { origin: width - 1, right: width, down: -1 };
  }
}
