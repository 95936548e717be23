// The phone's camera: finds a QR in the newest picture that it was shown. Reads pixels, and knows nothing else.
import { decodeQR } from '/qr/decode.js';

export interface Camera {
  /** Points it at a picture: the kiosk's screen, or a slip. Undefined: there is nothing to see. */
  look(picture: ImageData | undefined): void;
  /** The QR in the last picture that it read. */
  visible(): string | undefined;
}

/** Pictures come faster than a phone can read them. */
const readEveryMs = 250;
const decodeLimitMs = 400;

/** `seen` is called after each reading, also when there was no QR. */
export function createCamera(seen: (qrString: string | undefined) => void): Camera {
  let latest: ImageData | undefined;
  let visible: string | undefined;
  let timer: number | undefined;

  const read = (): void => {
    timer = undefined;
    visible = latest === undefined ? undefined : qrIn(latest);
    seen(visible);
  };
  return {
    look: (picture) => {
      latest = picture;
      timer ??= window.setTimeout(read, readEveryMs);
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
