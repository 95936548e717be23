// A screen painted over the one before it has the very pixels that it would have alone, and says where it may differ.
import assert from 'node:assert';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Frame, PanelFrame, PixelForm } from '../../drivers/device.ts';
import { wholeOf, type Box } from '../../drivers/display/blit.ts';
import { changeSince } from '../../drivers/display/frame-change.ts';
import { copyBox, panelFrame, type Panel } from '../../drivers/display/framebuffer-pixels.ts';
import { qrMatrix } from '../../drivers/display/qr.ts';
import { createPanelRenderer, createRenderer } from '../../drivers/display/render.ts';
import type { Scene } from '../../drivers/display/scene.ts';
import { turnedSize } from '../../drivers/display/turn.ts';
import { qrisText, scenes } from './display-scenes.ts';

const geometry = { width: 480, height: 320 };
const bytes = ({ pixels }: Frame | PanelFrame): Buffer => Buffer.from(pixels.buffer);
const typing = (amount: string): Scene => ({ ...scenes['enter-amount'], amount });
const paying = scenes['scan-to-pay'];

/** A digit, a second, a notice, another language or tone, another QR: small steps, and now and then another screen. */
const anyScene: fc.Arbitrary<Scene> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.integer({ min: 0, max: 10_000_000 }).map((n) => typing(`Rp ${n}`)),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.nat(20), fc.double({ min: 0, max: 1, noNaN: true }), fc.boolean())
      .map(([mark, share, other]) => ({
        ...paying,
        ...{ mark, timeLeft: { share, words: `Sisa waktu 0:${mark}` } },
        ...(other ? { qr: { ...paying.qr, text: qrisText(99_000) } } : {}),
      })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('neutral', 'warn', 'good'), fc.constantFrom('', 'To. AVA, jgp'))
      .map(([tone, line]): Scene => ({ ...typing('Rp 15.000'), tone, lines: [line] })),
  },
  { weight: 1, arbitrary: fc.constantFrom<Scene>(...Object.values(scenes)) },
);

const anyPanel: fc.Arbitrary<Panel> = fc
  .tuple(
    fc.constantFrom([480, 320] as const, [320, 480] as const, [800, 480] as const),
    fc.constantFrom<16 | 32>(16, 32),
    fc.constantFrom(0, 2, 12),
  )
  .map(([[width, height], bitsPerPixel, gap]) => ({
    ...{ width, height, bitsPerPixel },
    stride: (width * bitsPerPixel) / 8 + gap,
  }));
const turns = [0, 90, 180, 270] as const;
const anyRotation = fc.constantFrom(...turns);
const forms = turns.flatMap((turn): PixelForm[] => [
  { bitsPerPixel: 16, turn },
  { bitsPerPixel: 32, turn },
]);

/** What is painted in the panel's own form, as bytes in its memory. */
function memoryOf(panel: Panel): {
  bytes: Buffer;
  take: (frame: PanelFrame, box?: Box) => void;
} {
  const bytes = Buffer.alloc(panel.stride * panel.height);
  return {
    bytes,
    take: (frame, box = wholeOf(panel)) => {
      copyBox(frame, panel, bytes, box);
    },
  };
}

test('whatever screens follow each other, each is in the panel’s memory as it would be alone', () => {
  fc.assert(
    fc.property(
      fc.array(anyScene, { minLength: 2, maxLength: 8 }),
      anyPanel,
      anyRotation,
      (sequence, panel, turn) => {
        const size = turnedSize(panel, turn);
        const form = { bitsPerPixel: panel.bitsPerPixel, turn };
        const following = createPanelRenderer(form, { geometry: size });
        const [memory, wanted] = [memoryOf(panel), memoryOf(panel)];
        let before: PanelFrame | undefined;
        for (const scene of sequence) {
          const frame = following.render(scene);
          memory.take(frame, changeSince(before, frame));
          before = frame;
          // As it is looked at, and turned afterwards pixel by pixel.
          const alone = createRenderer({ geometry: size }).render(scene);
          wanted.take(panelFrame(alone, form));
          expect(Buffer.compare(memory.bytes, wanted.bytes)).toBe(0);
        }
      },
    ),
    { numRuns: 40 },
  );
});

test.each(forms)(
  '$bitsPerPixel bits, turned by $turn: every screen is the one that is looked at',
  (form) => {
    const painted = createPanelRenderer(form, { geometry });
    for (const scene of Object.values<Scene>(scenes)) {
      const alone = panelFrame(createRenderer({ geometry }).render(scene), form);
      expect(bytes(painted.render(scene)).equals(bytes(alone)), scene.heading).toBe(true);
    }
  },
);

test('every screen after every other one is as it would be alone', () => {
  const following = createRenderer({ geometry });
  const all: readonly Scene[] = Object.values(scenes);
  for (const scene of [...all, ...all.toReversed()]) {
    const alone = createRenderer({ geometry }).render(scene);
    expect(Buffer.compare(bytes(following.render(scene)), bytes(alone)), scene.heading).toBe(0);
  }
});

describe('what a frame says of the one before it', () => {
  const three = (): readonly [Frame, Frame, Frame] => {
    const renderer = createRenderer({ geometry });
    const frame = (amount: string): Frame => renderer.render(typing(amount));
    return [frame('Rp 1'), frame('Rp 12'), frame('Rp 123')];
  };

  test('a digit changes the box of the amount alone', () => {
    const [, before, after] = three();
    const box = changeSince(before, after);
    assert(box !== undefined);
    expect(box.height).toBeLessThan(geometry.height / 4);
    expect(box.width).toBeLessThan(0.75 * geometry.width);
  });

  test('a second of a live QR leaves the QR alone', () => {
    const renderer = createRenderer({ geometry });
    const before = renderer.render({ ...paying, mark: 1 });
    const after = renderer.render({ ...paying, mark: 2 });
    expect(changeSince(before, after)?.height).toBeLessThan(20);
  });

  test('the same screen again changes nothing', () => {
    const renderer = createRenderer({ geometry });
    const before = renderer.render(typing('Rp 1'));
    expect(changeSince(before, renderer.render(typing('Rp 1')))).toMatchObject({ height: 0 });
  });

  test('of any other frame, or of none, it says nothing', () => {
    const [first, second, third] = three();
    expect(changeSince(first, third)).toBeUndefined();
    expect(changeSince(undefined, third)).toBeUndefined();
    // Only the newest is known: a display that is late looks at all of it.
    expect(changeSince(first, second)).toBeUndefined();
    const [other] = three();
    expect(changeSince(other, third)).toBeUndefined();
  });
});

describe('a QR that was not read back', () => {
  const broken = qrisText(99_000);
  const makeMatrix = (text: string): ReturnType<typeof qrMatrix> =>
    qrMatrix(text === broken ? qrisText(1) : text);
  const refused: Scene = { ...paying, qr: { ...paying.qr, text: broken } };

  test('never comes into pixels that were handed out', () => {
    const renderer = createRenderer({ geometry, makeMatrix });
    for (const shown of [paying, typing('Rp 1')]) {
      const frame = renderer.render(shown);
      const copy = Buffer.from(bytes(frame));
      expect(() => renderer.render(refused)).toThrow(/says something else/);
      expect(Buffer.compare(bytes(frame), copy)).toBe(0);
    }
  });

  test('leaves no trace on the screen after it', () => {
    const renderer = createRenderer({ geometry, makeMatrix });
    const before = renderer.render(paying);
    expect(() => renderer.render(refused)).toThrow(/says something else/);
    const after = renderer.render(paying);
    expect(changeSince(before, after)).toBeUndefined();
    const alone = createRenderer({ geometry }).render(paying);
    expect(Buffer.compare(bytes(after), bytes(alone))).toBe(0);
  });
});

test('however many screens are drawn, they share the pixels of two frames', () => {
  const renderer = createRenderer({ geometry });
  const buffers = new Set<ArrayBufferLike>();
  for (let sale = 1; sale <= 6; sale++) {
    const { qr } = paying;
    for (const scene of [typing('Rp 1'), { ...paying, qr: { ...qr, text: qrisText(sale) } }]) {
      buffers.add(renderer.render(scene).pixels.buffer);
    }
  }
  expect(buffers.size).toBe(2);
});
