// A QRIS text to modules: ours, which chooses the mask itself, beside the package `qrcode` alone. Both make the same symbol.
import { create } from 'qrcode/lib/core/qrcode.js';
import { makeQr } from '../../drivers/qr-matrix.ts';
import { qrisText } from '../drivers/display-scenes.ts';
import { against, interleave, median, ratio, type Report } from './figures.ts';
import { timed } from './timed.ts';

const defaults = { rounds: 7, texts: 101 };
const bound = 0.5;

export async function qrMatrix({ rounds, texts } = defaults): Promise<Report> {
  let amountIdr = 10_000;
  // Texts of one length that differ, so that nothing remembered helps.
  const text = (): string => qrisText(++amountIdr);
  const measured = await interleave(
    {
      qrcode: timed(texts, () => create(text(), { errorCorrectionLevel: 'M' })),
      given: timed(texts, () => create(text(), { errorCorrectionLevel: 'M', maskPattern: 0 })),
      ours: timed(texts, () => makeQr(text(), 'M')),
    },
    rounds,
  );
  const over = ratio(measured.ours, measured.qrcode);
  const row = (name: keyof typeof measured, what: string, met = ''): string[] => [
    what,
    `${median(measured[name]).toFixed(3)} ms`,
    ratio(measured[name], measured.qrcode).text,
    met,
  ];
  return {
    title: 'QRIS text to modules, level M',
    how: `a new text of 232 characters each time, three ways interleaved, medians of ${rounds} rounds of ${texts}`,
    head: ['way', 'time', 'to qrcode', 'bound'],
    rows: [
      row('qrcode', 'qrcode.create, which tries eight masks'),
      row('given', 'qrcode.create, told a mask'),
      row('ours', 'ours, the same mask found', against(`≤ ${bound}x`, over.median <= bound)),
    ],
  };
}
