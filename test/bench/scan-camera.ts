// What a phone's camera makes of a QR: turned, blurred, pale, noisy, with a lamp in it or something on it. The same chance
// makes the same picture. It knows no decoder.
import type { QrMatrix } from '../../drivers/qr-matrix.ts';

/** How a symbol is photographed. Lengths are camera pixels, unless they are parts of the symbol's side. */
export interface Shot {
  /** Degrees, either way, at most. */
  turned: number;
  /** Standard deviation of a Gaussian. */
  blurPx: number;
  /** Standard deviation, in grey levels of 255. */
  noise: number;
  /** What is left between black and white, 0 to 1. */
  contrast: number;
  /** Of the JPEG, 1 to 100. */
  jpegQuality: number;
  /** A lamp in the glass: where it is brightest all is white. Parts of the side. */
  glare?: number;
  /** A thumb or a sticker: the radius of a grey disc. Parts of the side. */
  cover?: number;
  /** White lines from one edge to the other: creases, dead dots of a printer's head. */
  scratches?: { number: number; width: number };
}

export interface Photograph {
  side: number;
  /** One grey level a pixel. */
  grey: Uint8Array;
}

/** ISO/IEC 18004: four modules of nothing on each side. */
export const quietModules = 4;
const surroundings = 90;
/** What a dark pixel has at full contrast. */
const darkest = 40;
/** Rays a pixel, each way. */
const rays = 2;
/** The picture's side to the symbol's: room for its corners, however it is turned. */
const room = 1.5;

/** What lies on the symbol, in parts of its side. */
interface Blemishes {
  glare: { x: number; y: number; spread: number } | undefined;
  cover: { x: number; y: number; radius: number; grey: number } | undefined;
  scratches: readonly { x: number; y: number; nx: number; ny: number; width: number }[];
}

/** @param sidePx of the symbol with its quiet zone @param random 0 ≤ x < 1 */
export function photograph(
  matrix: QrMatrix,
  sidePx: number,
  shot: Shot,
  random: () => number,
): Photograph {
  const side = Math.ceil(sidePx * room);
  const angle = ((random() * 2 - 1) * shot.turned * Math.PI) / 180;
  // Where the symbol's centre falls between the pixels.
  const [offX, offY] = [random() - 0.5, random() - 0.5];
  const blemishes = blemishesOf(shot, random);
  const [cos, sin] = [Math.cos(angle) / sidePx, Math.sin(angle) / sidePx];
  const light = new Float32Array(side * side);
  for (let y = 0, at = 0; y < side; y++) {
    for (let x = 0; x < side; x++, at++) {
      let sum = 0;
      for (let ray = 0; ray < rays * rays; ray++) {
        const dx = x + ((ray % rays) + 0.5) / rays - side / 2 + offX;
        const dy = y + (Math.floor(ray / rays) + 0.5) / rays - side / 2 + offY;
        sum += lightAt(matrix, blemishes, cos * dx + sin * dy + 0.5, cos * dy - sin * dx + 0.5);
      }
      light[at] = sum / (rays * rays);
    }
  }
  return { side, grey: sensed(blurred(light, side, shot.blurPx), shot, random) };
}

function blemishesOf({ glare, cover, scratches }: Shot, random: () => number): Blemishes {
  const inside = (): number => 0.15 + 0.7 * random();
  return {
    glare: glare === undefined ? undefined : { x: inside(), y: inside(), spread: glare },
    cover:
      cover === undefined
        ? undefined
        : { x: inside(), y: inside(), radius: cover, grey: 60 + 140 * random() },
    scratches: Array.from({ length: scratches?.number ?? 0 }, () => {
      const way = random() * Math.PI;
      const [nx, ny] = [Math.cos(way), Math.sin(way)];
      return { x: inside(), y: inside(), nx, ny, width: scratches?.width ?? 0 };
    }),
  };
}

/** @param u across, 0 to 1 inside of the symbol's quiet zone @param v down */
function lightAt(matrix: QrMatrix, on: Blemishes, u: number, v: number): number {
  let light = surroundings;
  if (u >= 0 && u < 1 && v >= 0 && v < 1) {
    const modules = matrix.size + 2 * quietModules;
    const column = Math.floor(u * modules) - quietModules;
    const row = Math.floor(v * modules) - quietModules;
    const inside = column >= 0 && column < matrix.size && row >= 0 && row < matrix.size;
    light = inside && matrix.dark[row * matrix.size + column] === 1 ? 0 : 255;
  }
  for (const { x, y, nx, ny, width } of on.scratches) {
    if (Math.abs((u - x) * nx + (v - y) * ny) < width / 2) light = 255;
  }
  if (on.cover !== undefined && Math.hypot(u - on.cover.x, v - on.cover.y) < on.cover.radius) {
    light = on.cover.grey;
  }
  if (on.glare === undefined) return light;
  const away = Math.hypot(u - on.glare.x, v - on.glare.y) / on.glare.spread;
  return Math.min(255, light + 400 * Math.exp(-away * away));
}

/** One way and then the other. */
function blurred(light: Float32Array, side: number, sigma: number): Float32Array {
  const reach = Math.ceil(3 * sigma);
  if (reach === 0) return light;
  const weights = Array.from({ length: 2 * reach + 1 }, (_, at) =>
    Math.exp(-((at - reach) ** 2) / (2 * sigma * sigma)),
  );
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  const along = (from: Float32Array, step: number): Float32Array => {
    const to = new Float32Array(from.length);
    for (let at = 0; at < from.length; at++) {
      const place = Math.floor(at / step) % side;
      const start = at - place * step;
      let sum = 0;
      for (let k = -reach; k <= reach; k++) {
        const near = Math.min(Math.max(place + k, 0), side - 1);
        sum += (from[start + near * step] ?? 0) * (weights[k + reach] ?? 0);
      }
      to[at] = sum / whole;
    }
    return to;
  };
  return along(along(light, 1), side);
}

function sensed(light: Float32Array, { contrast, noise }: Shot, random: () => number): Uint8Array {
  return Uint8Array.from(light, (value) => {
    const grain = noise * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.min(255, Math.max(0, Math.round(darkest + value * contrast + grain)));
  });
}
