// Contours as pixels: how much of each pixel lies inside, exactly, by signed areas. PURE.
import type { AlphaMask } from './blit.ts';
import type { Contour, Point } from './glyph-outline.ts';

/** A mask with its place: its upper left corner counted from the pen, y downwards. */
export interface GlyphMask extends AlphaMask {
  left: number;
  top: number;
}

/**
 * Covers contours, whose y goes upwards, with pixels of 1 / `scale` of their units. `shiftPx` moves them to the right, by
 * less than a pixel.
 */
export function coverage(contours: readonly Contour[], scale: number, shiftPx: number): GlyphMask {
  const placed = contours.map((contour) =>
    contour.map(({ x, y, on }) => ({ x: x * scale + shiftPx, y: -y * scale, on })),
  );
  // A curve never leaves the hull of its points.
  const points = placed.flat();
  if (points.length === 0) return { left: 0, top: 0, width: 0, height: 0, alpha: new Uint8Array() };
  const [left, right] = range(points.map(({ x }) => x));
  const [top, bottom] = range(points.map(({ y }) => y));
  const area = new SignedArea(right - left, bottom - top);
  for (const contour of placed) {
    const moved = contour.map(({ x, y, on }) => ({ x: x - left, y: y - top, on }));
    forEachLine(moved, (from, to) => {
      area.add(from, to);
    });
  }
  return { left, top, width: right - left, height: bottom - top, alpha: area.alpha() };
}

/** Whole pixels around all of the values; a loop, because a glyph may have more points than a call has arguments. */
function range(values: readonly number[]): [low: number, high: number] {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return [Math.floor(low), Math.ceil(high)];
}

type Place = Pick<Point, 'x' | 'y'>;

const between = (a: Place, b: Place): Place => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });

/** The contour as straight lines, closed. */
function forEachLine(contour: Contour, line: (from: Place, to: Place) => void): void {
  const first = contour[0];
  const last = contour.at(-1);
  if (first === undefined || last === undefined) return;
  const start = first.on ? first : last.on ? last : between(first, last);
  let from: Place = start;
  let control: Place | undefined;
  const lineTo = (to: Place): void => {
    if (control === undefined) line(from, to);
    else forEachChord(from, control, to, line);
    from = to;
    control = undefined;
  };
  for (const point of contour) {
    if (point.on) {
      lineTo(point);
    } else {
      if (control !== undefined) lineTo(between(control, point));
      control = point;
    }
  }
  lineTo(start);
}

/** Flatter than this, in pixels, a chord is not told from its curve. */
const flatPx = 0.04;

function forEachChord(
  from: Place,
  control: Place,
  to: Place,
  line: (from: Place, to: Place) => void,
): void {
  const bend = Math.sqrt(
    (from.x - 2 * control.x + to.x) ** 2 + (from.y - 2 * control.y + to.y) ** 2,
  );
  // A quadratic leaves the chord of one of n equal parts by bend / (4 n²) at most.
  const parts = Math.max(1, Math.ceil(Math.sqrt(bend / (4 * flatPx))));
  let before = from;
  for (let i = 1; i <= parts; i++) {
    const t = i / parts;
    const s = 1 - t;
    const next = {
      x: s * s * from.x + 2 * s * t * control.x + t * t * to.x,
      y: s * s * from.y + 2 * s * t * control.y + t * t * to.y,
    };
    line(before, next);
    before = next;
  }
}

/** A line that goes no farther sideways within a row, in pixels, stands upright: its share could not be divided by. */
const upright = 1e-6;

/** A line that climbs less, in pixels, covers nothing that is seen; its slope would have no end, nor the row that it crosses. */
const level = 1e-9;

/** Each line adds, pixel by pixel, what it covers to its right; the running sum of a row is then how much is inside. */
class SignedArea {
  readonly #width: number;
  readonly #height: number;
  /** Two places more than a row has pixels, for what falls beyond the right edge. */
  readonly #stride: number;
  readonly #changes: Float32Array;

  constructor(width: number, height: number) {
    this.#width = width;
    this.#height = height;
    this.#stride = width + 2;
    this.#changes = new Float32Array(this.#stride * height);
  }

  add(from: Place, to: Place): void {
    if (Math.abs(from.y - to.y) < level) return;
    const down = from.y < to.y;
    const [high, low] = down ? [from, to] : [to, from];
    const slope = (low.x - high.x) / (low.y - high.y);
    const end = Math.min(this.#height, Math.ceil(low.y));
    let x = high.x;
    for (let y = Math.max(0, Math.floor(high.y)); y < end; y++) {
      const dy = Math.min(y + 1, low.y) - Math.max(y, high.y);
      const next = x + slope * dy;
      this.#addRow(y * this.#stride, Math.min(x, next), Math.max(x, next), down ? dy : -dy);
      x = next;
    }
  }

  /** A line from `x0` to `x1` within one row, which it crosses by the height `d`. */
  #addRow(row: number, x0: number, x1: number, d: number): void {
    const changes = this.#changes;
    const add = (column: number, change: number): void => {
      const at = row + Math.min(Math.max(column, 0), this.#stride - 1);
      changes[at] = (changes[at] ?? 0) + change;
    };
    const first = Math.floor(x0);
    const last = Math.ceil(x1) - 1;
    if (last <= first || x1 - x0 < upright) {
      const middle = (x0 + x1) / 2;
      const column = Math.floor(middle);
      const right = d * (middle - column);
      add(column, d - right);
      add(column + 1, right);
      return;
    }
    const share = 1 / (x1 - x0);
    let before = 0;
    for (let column = first; column <= last; column++) {
      const covered = share * (beyond(column + 1 - x0) - beyond(column + 1 - x1));
      add(column, d * (covered - before));
      before = covered;
    }
    add(last + 1, d * (1 - before));
  }

  alpha(): Uint8Array {
    const alpha = new Uint8Array(this.#width * this.#height);
    for (let y = 0; y < this.#height; y++) {
      let inside = 0;
      for (let x = 0; x < this.#width; x++) {
        inside += this.#changes[y * this.#stride + x] ?? 0;
        alpha[y * this.#width + x] = Math.round(Math.min(1, Math.abs(inside)) * 255);
      }
    }
    return alpha;
  }
}

/** The area that a column has beyond a line which enters it `s` pixels before its right edge, at a slope of one. */
const beyond = (s: number): number => (s <= 0 ? 0 : s < 1 ? (s * s) / 2 : s - 0.5);
