// From a QRIS text to a frame of 800×480: our way, the floor of any way, and the usual ways over a PNG and an SVG.
import QRCode from 'qrcode';
import sharp from 'sharp';
import type { Frame, Geometry } from '../../drivers/device.ts';
import { fillBox, quietModules, type Box } from '../../drivers/display/blit.ts';
import {
  assertQrReadable,
  drawQr,
  qrMatrix,
  turnedMatrix,
  type PanelMatrix,
} from '../../drivers/display/qr.ts';
import { createRenderer } from '../../drivers/display/render.ts';
import { qrisText, scenes } from '../drivers/display-scenes.ts';
import { against, interleave, median, ratio, type Report } from './figures.ts';
import { timed } from './timed.ts';

const geometry: Geometry = { width: 800, height: 480 };
/** Of each round. A PNG takes so long that fewer of them say as much. */
const defaults = { rounds: 7, frames: 31, pngs: 5 };
const floorBound = 1.2;
const pngBound = 25;
const svgBound = 4;

export async function qrFrame({ rounds, frames, pngs } = defaults): Promise<Report> {
  const renderer = createRenderer({ geometry });
  const remembering = createRenderer({ geometry });
  const frame = blankFrame();
  const text = freshTexts();
  const scene = scenes['scan-to-pay'];
  const screenWith = (qr: string): Frame =>
    renderer.render({ ...scene, qr: { ...scene.qr, text: qr } });
  const measured = await interleave(
    {
      floor: timed(frames, () => {
        floor(text(), frame);
      }),
      ours: timed(frames, () => {
        drawn(text(), frame);
      }),
      proved: timed(frames, () => {
        proved(text(), frame);
      }),
      screen: timed(frames, () => screenWith(text())),
      again: timed(frames, () => remembering.render(scene)),
      png: timed(pngs, async () => overPng(text(), frame)),
      svg: timed(pngs, async () => overSvg(text(), frame)),
    },
    rounds,
  );
  const row = (name: keyof typeof measured, what: string, bound = ''): string[] => [
    what,
    `${median(measured[name]).toFixed(2)} ms`,
    ratio(measured[name], measured.floor).text,
    bound,
  ];
  const over = ratio(measured.ours, measured.floor);
  const gain = ratio(measured.png, measured.ours);
  const svgGain = ratio(measured.svg, measured.ours);
  return {
    title: 'QRIS text to frame, 800×480 RGB565',
    how: `a new text of 232 characters each time, seven ways interleaved, medians of ${rounds} rounds`,
    head: ['way', 'time', 'to the floor', 'bound'],
    rows: [
      row('floor', 'floor: qrcode.create + one copy of a frame'),
      row(
        'ours',
        'ours: ground, matrix, modules',
        against(`≤ ${floorBound}x`, over.median <= floorBound),
      ),
      row('proved', 'the same, read back out of its pixels'),
      row('screen', 'whole screen with all its words, read back'),
      row('again', 'whole screen, same QR as before'),
      row('png', 'qrcode PNG, sharp, RGB565'),
      row('svg', "qrcode SVG, sharp's renderer of it, RGB565"),
      ['PNG to ours', '', gain.text, against(`≥ ${pngBound}x`, gain.median >= pngBound)],
      ['SVG to ours', '', svgGain.text, against(`≥ ${svgBound}x`, svgGain.median >= svgBound)],
    ],
  };
}

function blankFrame(): Frame {
  const { width, height } = geometry;
  return { width, height, pixels: new Uint16Array(width * height) };
}

/** Texts of one length that differ, so that nothing remembered helps. */
function freshTexts(): () => string {
  let amountIdr = 10_000;
  return () => qrisText(++amountIdr);
}

const spare = new Uint16Array(geometry.width * geometry.height);

function floor(text: string, frame: Frame): void {
  QRCode.create(text, { errorCorrectionLevel: 'M' });
  spare.set(frame.pixels);
}

interface Drawn {
  matrix: PanelMatrix;
  box: Box;
  modulePx: number;
}

/** As large as the screen has room for: no layout makes more pixels of it. */
function drawn(text: string, frame: Frame): Drawn {
  const { width, height } = frame;
  fillBox(frame, { x: 0, y: 0, width, height }, 0xffffff);
  const matrix = turnedMatrix(qrMatrix(text), 0);
  const modules = matrix.size + 2 * quietModules;
  const modulePx = Math.floor(height / modules);
  const box = { x: 0, y: 0, width: modules * modulePx, height: modules * modulePx };
  drawQr(frame, matrix, box, modulePx);
  return { matrix, box, modulePx };
}

function proved(text: string, frame: Frame): void {
  const { matrix, box, modulePx } = drawn(text, frame);
  assertQrReadable(frame, matrix, box, modulePx, text);
}

/** What most kiosks do: a PNG by the library, put on a screen by another one, packed for the framebuffer. */
async function overPng(text: string, frame: Frame): Promise<void> {
  const { width, height, pixels } = frame;
  const png = await QRCode.toBuffer(text, { errorCorrectionLevel: 'M', width: height });
  const rgb = await sharp({ create: { width, height, channels: 3, background: '#fff' } })
    .composite([{ input: png, left: 0, top: 0 }])
    .removeAlpha()
    .raw()
    .toBuffer();
  pack(rgb, pixels);
}

/** A screen as one SVG, the QR in it as the library writes it. */
async function overSvg(text: string, frame: Frame): Promise<void> {
  const { width, height, pixels } = frame;
  const qr = await QRCode.toString(text, { type: 'svg', errorCorrectionLevel: 'M', width: height });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><rect width="100%" height="100%" fill="#fff"/>${qr}</svg>`;
  pack(await sharp(Buffer.from(svg)).removeAlpha().raw().toBuffer(), pixels);
}

/** RGB888 to RGB565. */
function pack(rgb: Uint8Array, pixels: Uint16Array): void {
  for (let at = 0, from = 0; at < pixels.length; at++, from += 3) {
    const [r = 0, g = 0, b = 0] = [rgb[from], rgb[from + 1], rgb[from + 2]];
    pixels[at] = ((r >> 3) << 11) | ((g >> 2) << 5) | (b >> 3);
  }
}
