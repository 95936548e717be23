// The one renderer: framebuffer, page, terminal and test picture all show the frames that it draws.
// It never hands out a frame whose QR does not read back, out of the frame's own pixels, as the text that was meant.
import {
  DeviceError,
  type Frame,
  type Geometry,
  type PanelFrame,
  type PixelForm,
} from '../device.ts';
import { type QrMatrix } from '../qr-matrix.ts';
import { createBlockMemory } from './block-memory.ts';
import { blankPixels, within, wholeOf, type Surface } from './blit.ts';
import { tellChange } from './frame-change.ts';
import { layoutScene, type Layout } from './layout.ts';
import {
  assertQrReadable,
  drawQr,
  everyModuleWhole,
  qrMatrix,
  qrSize,
  turnedMatrix,
  type PanelMatrix,
} from './qr.ts';
import { createPainter } from './paint.ts';
import { isSameBox, partsAfter, type Part } from './repaint.ts';
import { type Scene } from './scene.ts';
import { drawable, measureText } from './text.ts';
import { turnedBox, turnedSize } from './turn.ts';

export interface Renderer<Picture extends Surface = Frame> {
  /**
   * Draws a scene. The frame is as it is until the next scene is drawn, which may be painted over it.
   * @throws DeviceError `protocol` when the scene does not fit however small, or its QR would not be readable
   *   (reason `qr-unreadable`)
   */
  render(scene: Scene): Picture;
}

export interface RendererOptions {
  geometry: Geometry;
  /** For tests that plant a broken QR. */
  makeMatrix?: (text: string) => QrMatrix;
}

/** One renderer serves one geometry. */
export function createRenderer(options: RendererOptions): Renderer {
  const { width, height } = options.geometry;
  const form: PixelForm = { bitsPerPixel: 16, turn: 0 };
  return rendererIn(form, options, () => {
    return { width, height, pixels: new Uint16Array(width * height) };
  });
}

/** Paints as the panel's memory has it: such frames are only copied. */
export function createPanelRenderer(
  form: PixelForm,
  options: RendererOptions,
): Renderer<PanelFrame> {
  const { width, height } = turnedSize(options.geometry, form.turn);
  return rendererIn(form, options, () => {
    return { form, width, height, pixels: blankPixels(form.bitsPerPixel === 32, width * height) };
  });
}

/** The frame that was handed out last, and the one in which a screen that must not come over it is painted. */
const maxFrames = 2;

/** A QR that was drawn once and read back: the same pixels need no second reading. */
interface ProvenQr {
  text: string;
  matrix: PanelMatrix;
  /** A module's side when it was read back; undefined: never. */
  readPx?: number;
}

/** A frame that was handed out, and what stands on it. */
interface Painted<Picture> {
  layout: Layout;
  parts: readonly Part[];
  frame: Picture;
  qr?: ProvenQr | undefined;
}

function rendererIn<Picture extends Surface>(
  { turn }: PixelForm,
  { geometry, makeMatrix = qrMatrix }: RendererOptions,
  blank: () => Picture,
): Renderer<Picture> {
  const painter = createPainter(geometry, turn);
  const typesetter = { measure: measureText, remember: createBlockMemory() };
  const frames: Picture[] = [];
  let latest: ProvenQr | undefined;
  let before: Painted<Picture> | undefined;
  let next = 0;

  const qrOf = (text: string): ProvenQr =>
    latest?.text === text ? latest : { text, matrix: turnedMatrix(makeMatrix(text), turn) };

  /** All of it, in the pixels that are not the newest frame's. */
  const paint = (layout: Layout): Painted<Picture> => {
    const frame = { ...(frames[next] ??= blank()) };
    const parts = layout.items.map((item) => painter.partOf(item));
    painter.paintBox(frame, layout.ground, parts, wholeOf(frame));
    return { layout, parts, frame };
  };

  /** In the pixels of the screen before, and only where it differs. */
  const paintOver = (under: Painted<Picture>, layout: Layout): Painted<Picture> => {
    const following = partsAfter(under.parts, layout.items, (item) => painter.partOf(item));
    const frame = { ...under.frame };
    const box = within(following.changed, wholeOf(frame));
    painter.paintBox(frame, layout.ground, following.parts, box);
    tellChange(frame, under.frame, box);
    return { layout, parts: following.parts, frame };
  };

  const drawProven = (frame: Picture, place: NonNullable<Layout['qr']>, qr: ProvenQr): void => {
    const { modulePx } = place;
    const box = turnedBox(place.box, geometry, turn);
    drawQr(frame, qr.matrix, box, modulePx);
    if (qr.readPx === modulePx && everyModuleWhole(frame, qr.matrix, box, modulePx)) return;
    assertQrReadable(frame, qr.matrix, box, modulePx, qr.text);
    qr.readPx = modulePx;
    latest = qr;
  };

  return {
    render: (scene) => {
      const clean = drawableScene(scene);
      const qr = scene.qr && qrOf(scene.qr.text);
      const layout = layoutScene(clean, geometry, qr?.matrix.size ?? 0, typesetter);
      if (layout === undefined) {
        const size = `${geometry.width}×${geometry.height}`;
        throw new DeviceError('protocol', `a screen does not fit into ${size} pixels`);
      }
      const under = before !== undefined && canPaintOver(before, layout, qr) ? before : undefined;
      // What throws half-way leaves pixels that nothing may be painted over.
      before = undefined;
      const painted = under === undefined ? paint(layout) : paintOver(under, layout);
      if (qr !== undefined && layout.qr !== undefined) drawProven(painted.frame, layout.qr, qr);
      // Only now: a QR that was refused stays in the spare pixels, and the next screen is painted over it there.
      if (under === undefined) next = (next + 1) % maxFrames;
      before = { ...painted, qr };
      return painted.frame;
    },
  };
}

/** Whether a display of this size has room for a scene, QR and all. Nothing is drawn for it. */
export function hasRoomFor(scene: Scene, geometry: Geometry): boolean {
  const size = scene.qr === undefined ? 0 : qrSize(scene.qr.text);
  const typesetter = { measure: measureText, remember: createBlockMemory() };
  return layoutScene(drawableScene(scene), geometry, size, typesetter) !== undefined;
}

/** A QR that nobody has read back yet never comes into pixels that were handed out. */
function canPaintOver(
  before: Painted<unknown>,
  { ground, qr: place }: Layout,
  qr: ProvenQr | undefined,
): boolean {
  const old = before.layout.qr;
  if (before.layout.ground !== ground || before.qr !== qr) return false;
  if (old === undefined || place === undefined) return old === place;
  return old.modulePx === place.modulePx && isSameBox(old.box, place.box);
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
