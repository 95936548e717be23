// The phone's camera: finds a QR on the kiosk's screen or on a slip. Reads pixels, and knows nothing else.
import { decodeQR } from '/qr/decode.js';

export interface Camera {
  /** The kiosk's screen as it is now. Undefined: it is dark. */
  lookAtScreen(picture: ImageData | undefined): void;
  /** A slip that has just come out. One with a QR stays in view until the next one with a QR: paper does not go out. */
  lookAtSlip(picture: ImageData): void;
  /** The QR in what it read last: the screen's, or else the slip's. */
  visible(): string | undefined;
}

/** Pictures come faster than a phone can read them. */
const readEveryMs = 250;
const decodeLimitMs = 400;

/** `seen` is called after each reading, also when there was no QR. */
export function createCamera(seen: (qrString: string | undefined) => void): Camera {
  let screen: ImageData | undefined;
  let slip: ImageData | undefined;
  let onPaper: string | undefined;
  let visible: string | undefined;
  let timer: number | undefined;

  const read = (): void => {
    timer = undefined;
    if (slip !== undefined) onPaper = qrIn(slip) ?? onPaper;
    slip = undefined; // Paper does not change; once is enough.
    visible = (screen === undefined ? undefined : qrIn(screen)) ?? onPaper;
    seen(visible);
  };
  const readSoon = (): void => {
    timer ??= window.setTimeout(read, readEveryMs);
  };
  return {
    lookAtScreen: (picture) => {
      screen = picture;
      readSoon();
    },
    lookAtSlip: (picture) => {
      slip = picture;
      readSoon();
    },
    visible: () => visible,
  };
}

function qrIn({ width, height, data }: ImageData): string | undefined {
  try {
    return decodeQR({ width, height, data }, { format: 'RGBA', timeLimit: decodeLimitMs });
  } catch {
    return undefined; // The library says "no QR here" by throwing.
  }
}
