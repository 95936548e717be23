// The kiosk's screen on a canvas, pixel by pixel as the kiosk sent it.
import { byId } from './dom.ts';
import { rgbaOf565 } from './pixels.ts';

export interface Screen {
  /** Fetches the newest picture, unless this is the one that is shown; null blanks the screen. */
  update(frame: number | null): void;
}

/** `drawn` is called with the canvas's own pixels after each change; with none when it is dark. */
export function createScreen(drawn: (pixels: ImageData | undefined) => void): Screen {
  const canvas = byId('screen', HTMLCanvasElement);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (context === null) throw new Error('this browser has no canvas');
  let wanted: number | null = null;
  let shown: number | null = null;
  let fetching = false;

  const blank = (): void => {
    shown = null;
    context.fillStyle = '#05070a';
    context.fillRect(0, 0, canvas.width, canvas.height);
    canvas.dataset['dark'] = 'true';
    drawn(undefined);
  };
  const draw = async (next: number): Promise<void> => {
    const response = await fetch('/screen');
    const bytes = new Uint8Array(await response.arrayBuffer());
    // It went dark meanwhile: what was fetched is the picture of before.
    if (wanted === null) return;
    if (response.status !== 200) {
      blank();
      shown = next;
      return;
    }
    const width = Number(response.headers.get('x-width'));
    const height = Number(response.headers.get('x-height'));
    if (canvas.width !== width || canvas.height !== height)
      Object.assign(canvas, { width, height });
    context.putImageData(new ImageData(rgbaOf565(bytes, width, height), width), 0, 0);
    canvas.dataset['dark'] = 'false';
    shown = next;
    drawn(context.getImageData(0, 0, width, height));
  };
  const catchUp = async (): Promise<void> => {
    fetching = true;
    // Ends with the newest; what comes meanwhile is left out.
    while (wanted !== null && wanted !== shown) {
      try {
        await draw(wanted);
      } catch {
        break; // The bench is gone; its return brings a new state.
      }
    }
    fetching = false;
  };

  blank();
  return {
    update: (frame) => {
      wanted = frame;
      if (frame === null) blank();
      else if (!fetching) void catchUp();
    },
  };
}
