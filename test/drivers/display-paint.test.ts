// Letters on a panel: finished rows that are copied show what mixing pixel by pixel shows, also where they overlap or are cut off.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Frame, PixelForm } from '../../drivers/device.ts';
import { blankPixels, blendMask, fillBox, wholeOf } from '../../drivers/display/blit.ts';
import { baselineIn, lineHeight, type Item } from '../../drivers/display/blocks.ts';
import { panelFrame } from '../../drivers/display/framebuffer-pixels.ts';
import { createPainter } from '../../drivers/display/paint.ts';
import { createPen } from '../../drivers/display/text.ts';
import { turnedSize } from '../../drivers/display/turn.ts';

const picture = { width: 150, height: 90 };
const [ground, ink] = [0xffc53d, 0x1c1400];

const anyForm: fc.Arbitrary<PixelForm> = fc.record({
  bitsPerPixel: fc.constantFrom(16, 32),
  turn: fc.constantFrom(0, 90, 180, 270),
});

/** As it is looked at, each glyph mixed into what is there. */
function mixed({ text, sizePx, bold, box }: Extract<Item, { kind: 'text' }>): Frame {
  const frame = { ...picture, pixels: new Uint16Array(picture.width * picture.height) };
  fillBox(frame, wholeOf(frame), ground);
  const line = { text, sizePx, bold, x: box.x, baseline: box.y + baselineIn(sizePx) };
  for (const { mask, x, y } of createPen().place(line)) blendMask(frame, mask, x, y, ink);
  return frame;
}

test('a text is the same whether its letters are copied or mixed, in every form of a panel', () => {
  const anyText = fc.constantFrom('Rp 15', 'AVATo.', 'TjW,Y', 'fjgÅ');
  fc.assert(
    fc.property(
      ...[anyForm, anyText, fc.constantFrom(30, 48, 60)],
      ...[fc.integer({ min: -60, max: 100 }), fc.integer({ min: -40, max: 60 }), fc.boolean()],
      (form, text, sizePx, x, y, bold) => {
        const box = { x, y, width: picture.width, height: lineHeight(sizePx) };
        const item = { kind: 'text', text, sizePx, bold, box, colour: ink } as const;
        const { width, height } = turnedSize(picture, form.turn);
        const surface = {
          ...{ width, height },
          pixels: blankPixels(form.bitsPerPixel === 32, width * height),
        };
        const painter = createPainter(picture, form.turn);
        painter.paintBox(surface, ground, [painter.partOf(item)], wholeOf(surface));
        expect(surface.pixels).toEqual(panelFrame(mixed(item), form).pixels);
      },
    ),
    { numRuns: 300 },
  );
});
