// The printer: the slips that came out of it, newest on top, and what is wrong with it.
import { byId, make } from './dom.ts';
import type { BenchState } from './state.ts';

export interface Tray {
  update(papers: readonly number[]): void;
}

/** `printed` is called with the newest slip's pixels: a phone can read a QR on paper too. */
export function createTray(printed: (pixels: ImageData) => void): Tray {
  const tray = byId('tray', HTMLElement);
  const known = new Map<number, HTMLElement>();

  const add = (number: number): void => {
    const slip = make('figure', 'slip');
    const image = new Image();
    image.alt = `Struk ${number}`;
    image.addEventListener('load', () => {
      // A page that is opened anew gets all slips at once, and their pictures in any order.
      if (number === Math.max(...known.keys())) printed(pixelsOf(image));
    });
    image.src = `/paper/${number}`;
    slip.append(image);
    known.set(number, slip);
    tray.prepend(slip);
  };
  return {
    update: (papers) => {
      for (const number of papers.toReversed()) if (!known.has(number)) add(number);
      for (const [number, slip] of known) {
        if (papers.includes(number)) continue;
        slip.remove();
        known.delete(number);
      }
      tray.dataset['empty'] = String(known.size === 0);
    },
  };
}

export interface PrinterMark {
  update(switches: BenchState['switches']): void;
}

/** Says on the printer itself what a hand has done to it. */
export function createPrinterMark(): PrinterMark {
  const printer = byId('printer', HTMLElement);
  return {
    update: (switches) => {
      printer.dataset['paper'] = switches['paper-out'] === true ? 'out' : 'in';
      printer.dataset['plug'] = switches['printer-unplugged'] === true ? 'out' : 'in';
    },
  };
}

function pixelsOf(image: HTMLImageElement): ImageData {
  const { naturalWidth: width, naturalHeight: height } = image;
  const context = Object.assign(document.createElement('canvas'), { width, height }).getContext(
    '2d',
  );
  if (context === null) throw new Error('this browser has no canvas');
  context.drawImage(image, 0, 0);
  return context.getImageData(0, 0, width, height);
}
