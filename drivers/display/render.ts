// The one renderer: framebuffer, page, terminal and test picture all show the frames that it draws.
// It never hands out a frame whose QR does not read back, out of the frame's own pixels, as the text that was meant.
import { DeviceError, type Frame, type Geometry } from '../device.ts';
import { type QrMatrix } from '../qr-matrix.ts';
import { fillBox } from './blit.ts';
import { baselineIn } from './blocks.ts';
import { tellRows } from './frame-rows.ts';
import { layoutScene, type Layout } from './layout.ts';
import { assertQrReadable, cropPixels, drawQr, qrMatrix } from './qr.ts';
import { rowsToRepaint } from './repaint.ts';
import type { RowRun } from './rows.ts';
import { type Scene } from './scene.ts';
import { createPen, drawable, measureText, type Pen } from './text.ts';

export interface Renderer {
  /**
   * Draws a scene.
   * @throws DeviceError `protocol` when the scene does not fit however small, or its QR would not be readable
   *   (reason `qr-unreadable`)
   */
  render(scene: Scene): Frame;
}

export interface RendererOptions {
  geometry: Geometry;
  /** For tests that plant a broken QR. */
  makeMatrix?: (text: string) => QrMatrix;
}

/** A QR that was drawn once and read back: the same pixels need no second reading. */
interface ProvenQr {
  text: string;
  matrix: QrMatrix;
  pixels?: Uint16Array;
}

/** One renderer serves one geometry. */
export function createRenderer(options: RendererOptions): Renderer {
  const { geometry, makeMatrix = qrMatrix } = options;
  const pen = createPen();
  let latest: ProvenQr | undefined;
  let before: Painted | undefined;
  return {
    render: (scene) => {
      const clean = drawableScene(scene);
      const qr = scene.qr && qrOf(scene.qr.text, latest, makeMatrix);
      const layout = layoutScene(clean, geometry, qr?.matrix.size ?? 0, measureText);
      if (layout === undefined) {
        const size = `${geometry.width}×${geometry.height}`;
        throw new DeviceError('protocol', `a screen does not fit into ${size} pixels`);
      }
      const frame = paint(layout, geometry, pen, before);
      if (qr !== undefined && layout.qr !== undefined) {
        drawQr(frame, qr.matrix, layout.qr.box, layout.qr.modulePx);
        proveQr(frame, layout.qr, qr);
        latest = qr;
      }
      before = { layout, frame };
      return frame;
    },
  };
}

function qrOf(
  text: string,
  latest: ProvenQr | undefined,
  makeMatrix: (text: string) => QrMatrix,
): ProvenQr {
  return latest?.text === text ? latest : { text, matrix: makeMatrix(text) };
}

function proveQr(frame: Frame, place: NonNullable<Layout['qr']>, qr: ProvenQr): void {
  const pixels = cropPixels(frame, place.box);
  if (qr.pixels !== undefined && Buffer.compare(bytesOf(qr.pixels), bytesOf(pixels)) === 0) return;
  assertQrReadable(frame, qr.matrix, place.box, place.modulePx, qr.text);
  qr.pixels = pixels;
}

const bytesOf = (pixels: Uint16Array): Uint8Array =>
  new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength);

/** A frame that was handed out, and what stands on it. */
interface Painted {
  layout: Layout;
  frame: Frame;
}

/** The rest of the frame before is taken over; that one stays as it is. */
function paint(layout: Layout, geometry: Geometry, pen: Pen, before: Painted | undefined): Frame {
  const { width, height } = geometry;
  const rows = before && rowsToRepaint(before.layout, layout, height);
  if (before === undefined || rows === undefined) {
    const frame: Frame = { width, height, pixels: new Uint16Array(width * height) };
    paintRows(layout, frame, pen, { first: 0, count: height });
    return frame;
  }
  const frame: Frame = { width, height, pixels: before.frame.pixels.slice() };
  paintRows(layout, frame, pen, rows);
  // A QR is drawn anew each time.
  if (layout.qr === undefined) tellRows(frame, before.frame, rows);
  return frame;
}

/** What leaves these rows is cut off: the other rows have it already. */
function paintRows(layout: Layout, frame: Frame, pen: Pen, { first, count }: RowRun): void {
  const { width } = frame;
  const pixels = frame.pixels.subarray(first * width, (first + count) * width);
  const part: Frame = { width, height: count, pixels };
  fillBox(part, { x: 0, y: 0, width, height: count }, layout.ground);
  for (const item of layout.items) {
    const box = { ...item.box, y: item.box.y - first };
    if (box.y >= count || box.y + box.height <= 0) continue;
    if (item.kind === 'fill') fillBox(part, box, item.colour, item.radius);
    else pen.draw(part, { ...item, x: box.x, baseline: box.y + baselineIn(item.sizePx) });
  }
}

/** The scene with every text reduced to what the font has; the QR's own text stays as it is. */
function drawableScene(scene: Scene): Scene {
  return {
    ...scene,
    merchant: drawable(scene.merchant),
    heading: drawable(scene.heading),
    lines: scene.lines.map(drawable),
    hints: scene.hints.map(({ key, text }) => ({ key: drawable(key), text: drawable(text) })),
    ...(scene.amount === undefined ? {} : { amount: drawable(scene.amount) }),
    ...(scene.banner === undefined ? {} : { banner: drawable(scene.banner) }),
    ...(scene.qr === undefined
      ? {}
      : { qr: { text: scene.qr.text, lines: scene.qr.lines.map(drawable) } }),
    ...(scene.timeLeft === undefined
      ? {}
      : { timeLeft: { ...scene.timeLeft, words: drawable(scene.timeLeft.words) } }),
  };
}
