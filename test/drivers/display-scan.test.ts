// A phone's camera before our QR: a small, fixed part of `test/bench/scan-rate.ts`, judged by zbar where it is installed.
import { expect, test } from 'vitest';
import { makeQr } from '../../drivers/qr-matrix.ts';
import type { Shot } from '../bench/scan-camera.ts';
import { judgeMissing, readings } from '../bench/scan-judge.ts';
import { qrisText } from './display-scenes.ts';

const text = qrisText(15_000);
const trials = 12;
const usual: Shot = { turned: 15, blurPx: 0.7, noise: 10, contrast: 0.65, jpegQuality: 70 };
const missing = await judgeMissing();
const scans = test.skipIf(missing !== undefined);
const why = missing === undefined ? '' : ` (SKIPPED: ${missing})`;

scans(`at three camera pixels a module every photograph is read${why}`, async () => {
  const read = await readings({
    matrix: makeQr(text, 'M'),
    text,
    sidePx: 180,
    shot: usual,
    trials,
  });
  expect(read).toBe(trials);
});

scans(`a lamp in the glass takes more from level L than from ours, M${why}`, async () => {
  const shot = { ...usual, glare: 0.14 };
  const [ours, least] = await Promise.all(
    (['M', 'L'] as const).map(async (level) =>
      readings({ matrix: makeQr(text, level), text, sidePx: 180, shot, trials }),
    ),
  );
  expect(ours).toBeGreaterThanOrEqual(0.7 * trials);
  expect(least).toBeLessThan(0.5 * trials);
});

scans(`what says something else is not read as ours${why}`, async () => {
  const matrix = makeQr(qrisText(16_000), 'M');
  expect(await readings({ matrix, text, sidePx: 240, shot: usual, trials: 2 })).toBe(0);
});
