// The screen shows the newest scene in the form that the display has for it, and draws into no pixels that are being shown.
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Display, Frame, PanelFrame, PixelForm } from '../../drivers/device.ts';
import { createPanelRenderer, createRenderer } from '../../drivers/display/render.ts';
import type { Scene } from '../../drivers/display/scene.ts';
import { createScreen } from '../../src/kiosk/screen.ts';
import { silentLog } from '../../src/lib/log.ts';
import { qrisText, scenes } from '../drivers/display-scenes.ts';

const geometry = { width: 480, height: 320 };
const form: PixelForm = { bitsPerPixel: 32, turn: 90 };
const lying = { width: geometry.height, height: geometry.width };
const payingFor = (sale: number): Scene => {
  const scene = scenes['scan-to-pay'];
  return { ...scene, qr: { ...scene.qr, text: qrisText(sale) } };
};
const refused = (): void => {
  expect.fail('the QR was refused');
};
const pixelsOf = ({ pixels }: Frame | PanelFrame): number[] => [...pixels];

/** A display that takes as long for a frame as the test wants, with the frames that came and their pixels as they came. */
function slowDisplay(panel?: PixelForm): {
  display: Display;
  shown: { frame: Frame | PanelFrame; asItCame: number[] }[];
  finish: () => void;
} {
  const shown: { frame: Frame | PanelFrame; asItCame: number[] }[] = [];
  let finish = (): void => undefined;
  const show = async (frame: Frame | PanelFrame): Promise<void> => {
    shown.push({ frame, asItCame: pixelsOf(frame) });
    await new Promise<void>((resolve) => (finish = resolve));
  };
  const display: Display = {
    name: 'display of a test',
    geometry: panel === undefined ? geometry : lying,
    closed: new Promise(() => undefined),
    open: () => Promise.resolve(),
    close: () => Promise.resolve(),
    health: () => ({ state: 'up' }),
    show: panel === undefined ? show : async () => Promise.reject(new Error('not in its form')),
    ...(panel === undefined ? {} : { panel: { form: panel, show } }),
  };
  return {
    display,
    shown,
    finish: () => {
      finish();
    },
  };
}

test('a frame stays as it is until its display has shown it, and the newest scene follows', async () => {
  const { display, shown, finish } = slowDisplay();
  const screen = createScreen(silentLog);
  screen.use(display);
  for (const sale of [1, 2, 3]) screen.show(payingFor(sale), refused);
  await setImmediate();
  const [first] = shown;
  expect(first && pixelsOf(first.frame)).toEqual(first?.asItCame);
  expect(shown).toHaveLength(1);
  finish();
  await expect.poll(() => shown.length).toBe(2);
  finish();
  await screen.idle();
  const newest = createRenderer({ geometry }).render(payingFor(3));
  expect(shown.map(({ asItCame }) => asItCame)).toEqual([first?.asItCame, pixelsOf(newest)]);
});

test('a panel gets frames in the form of its memory', async () => {
  const { display, shown, finish } = slowDisplay(form);
  const screen = createScreen(silentLog);
  screen.use(display);
  screen.show(payingFor(1), refused);
  finish();
  await screen.idle();
  const wanted = createPanelRenderer(form, { geometry: lying }).render(payingFor(1));
  expect(shown.map(({ frame }) => frame)).toEqual([wanted]);
});
