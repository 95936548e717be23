// The one renderer: framebuffer, page, terminal and test picture all show the frames that it draws.
// It never hands out a frame whose QR does not read back, out of the frame's own pixels, as the text that was meant.
import { DeviceError, type Frame, type Geometry } from '../device.ts';
import { type QrMatrix } from '../qr-matrix.ts';
import { createBlockMemory } from './block-memory.ts';
import { tellChange } from './frame-change.ts';
import { layoutScene, type Layout } from './layout.ts';
import { assertQrReadable, cropPixels, drawQr, qrMatrix } from './qr.ts';
import { createPainter, type Painter } from './paint.ts';
import { isSameBox, partsAfter, within, type Part } from './repaint.ts';
import { type Scene } from './scene.ts';
import { drawable, measureText } from './text.ts';

export interface Renderer {
  /**
   * Draws a scene. The frame is as it is until the next scene is drawn, which may be painted over it.
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
  const painter = createPainter();
  const typesetter = { measure: measureText, remember: createBlockMemory() };
  let latest: ProvenQr | undefined;
  let before: Painted | undefined;
  return {
    render: (scene) => {
      const clean = drawableScene(scene);
      const qr = scene.qr && qrOf(scene.qr.text, latest, makeMatrix);
      const layout = layoutScene(clean, geometry, qr?.matrix.size ?? 0, typesetter);
      if (layout === undefined) {
        const size = `${geometry.width}×${geometry.height}`;
        throw new DeviceError('protocol', `a screen does not fit into ${size} pixels`);
      }
      const under = before !== undefined && canPaintOver(before, layout, qr) ? before : undefined;
      // What throws half-way leaves pixels that nothing may be painted over.
      before = undefined;
      const painted =
        under === undefined ? paint(layout, geometry, painter) : paintOver(under, layout, painter);
      if (qr !== undefined && layout.qr !== undefined) {
        drawQr(painted.frame, qr.matrix, layout.qr.box, layout.qr.modulePx);
        proveQr(painted.frame, layout.qr, qr);
        latest = qr;
      }
      before = { ...painted, qr };
      return painted.frame;
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
  parts: readonly Part[];
  frame: Frame;
  qr?: ProvenQr | undefined;
}

/** A QR that nobody has read back yet never comes into pixels that were handed out. */
function canPaintOver(
  before: Painted,
  { ground, qr: place }: Layout,
  qr: ProvenQr | undefined,
): boolean {
  const old = before.layout.qr;
  if (before.layout.ground !== ground || before.qr !== qr) return false;
  if (old === undefined || place === undefined) return old === place;
  return old.modulePx === place.modulePx && isSameBox(old.box, place.box);
}

function paint(layout: Layout, { width, height }: Geometry, painter: Painter): Painted {
  const frame: Frame = { width, height, pixels: new Uint16Array(width * height) };
  const parts = layout.items.map((item) => painter.partOf(item));
  painter.paintRows(frame, layout.ground, parts, { first: 0, count: height });
  return { layout, parts, frame };
}

/** In the pixels of the screen before, and only in the rows in which it differs. */
function paintOver(under: Painted, layout: Layout, painter: Painter): Painted {
  const { width, height, pixels } = under.frame;
  const { parts, changed } = partsAfter(under.parts, layout.items, (item) => painter.partOf(item));
  const box = within(changed, { width, height });
  const frame: Frame = { width, height, pixels };
  painter.paintRows(frame, layout.ground, parts, { first: box.y, count: box.height });
  tellChange(frame, under.frame, box);
  return { layout, parts, frame };
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
