// A set-up sheet as a person has it: a page to print, and the QR on a terminal. No I/O. What stands in the QR stands
// nowhere else.
import { drawQr, qrMatrix } from '../../drivers/display/qr.ts';
import { halfBlockLines } from '../../drivers/display/half-blocks.ts';
import { quietModules } from '../../drivers/display/blit.ts';
import { wrapped } from './wrapped.ts';

export interface SheetPage {
  title: string;
  /** Paragraphs below the QR. */
  lines: readonly string[];
  /** The text of the QR. */
  qr: string;
}

/** A4, millimetres. */
const page = { width: 210, height: 297, margin: 20, qr: 110 } as const;

/** An SVG that any browser prints: the modules are more than 1.5 mm wide, for the cheapest of scanners. */
export function sheetSvg({ title, lines, qr }: SheetPage): string {
  const { size, dark } = qrMatrix(qr);
  const modules = size + 2 * quietModules;
  const path = Array.from(dark, (isDark, at) =>
    isDark === 1
      ? `M${(at % size) + quietModules} ${Math.floor(at / size) + quietModules}h1v1h-1z`
      : '',
  ).join('');
  const words = lines.flatMap((line) => [...wrapped(line), '']);
  const texts = words.map((line, row) => text(line, page.margin + page.qr + 32 + row * 5.5, 4));
  const { width, height, margin } = page;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}mm" height="${height}mm" viewBox="0 0 ${width} ${height}">
<rect width="${width}" height="${height}" fill="#fff"/>
${text(title, margin + 6, 6.5)}
<svg x="${(width - page.qr) / 2}" y="${margin + 14}" width="${page.qr}" height="${page.qr}" viewBox="0 0 ${modules} ${modules}" shape-rendering="crispEdges"><path d="${path}"/></svg>
${texts.join('\n')}
</svg>
`;
}

/** Lines for a terminal of 24-bit colours, at least 65 columns wide. */
export function sheetOnTerminal(qr: string): string[] {
  const matrix = qrMatrix(qr);
  const side = matrix.size + 2 * quietModules;
  const frame = {
    width: side,
    height: side + (side % 2),
    pixels: new Uint16Array(side * (side + 1)),
  };
  drawQr(frame, matrix, { x: 0, y: 0, width: side, height: side }, 1);
  return halfBlockLines(frame);
}

function text(line: string, y: number, size: number): string {
  const safe = line.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);
  return `<text x="${page.margin}" y="${y}" font-family="sans-serif" font-size="${size}">${safe}</text>`;
}
