// The seam to the hardware: what a device is, for every kind of them. One object is one connection, used once.
// A driver never reopens itself (`supervise` does), never touches a sale, and hides nothing: what it cannot know it says.

/**
 * `not-found` nothing is at that path · `busy` it exists and cannot be had (in use, or no permission) · `canceled` we
 * closed it ourselves · `disconnected` it went away · `timeout` it did not answer in time · `protocol` it answered
 * nonsense · `hardware` it answered that it is broken, empty or open.
 */
export type DeviceErrorKind =
  'not-found' | 'busy' | 'canceled' | 'disconnected' | 'timeout' | 'protocol' | 'hardware';

export class DeviceError extends Error {
  readonly kind: DeviceErrorKind;
  /** A code of its own where the device told one, such as `paper-out`. */
  readonly reason: string | undefined;

  constructor(
    kind: DeviceErrorKind,
    message: string,
    more: { cause?: unknown; reason?: string } = {},
  ) {
    super(message, { cause: more.cause });
    this.name = 'DeviceError';
    this.kind = kind;
    this.reason = more.reason;
  }

  /** Whether opening it again, or asking again, can help without a person's hand. */
  get retryable(): boolean {
    return this.kind !== 'canceled' && this.kind !== 'hardware';
  }
}

/** How a device is, from memory: asking costs no I/O. */
export interface Health {
  state: 'opening' | 'up' | 'down';
  /** Why it is not up, or what limits it (`its paper is low`). */
  fault?: DeviceErrorKind;
  /** One sentence for the technician, with the path. */
  detail?: string;
}

export interface Device {
  /** What a person calls it, with where it is: `keypad hidraw /dev/kios/hid-…`. */
  readonly name: string;
  /**
   * Opens the connection; once only. An abort of `signal` while opening rejects with `canceled`.
   * @throws DeviceError
   */
  open(signal: AbortSignal): Promise<void>;
  /** Lets go of it. Safe to call twice and before `open`. Work in flight rejects with `canceled`. */
  close(): Promise<void>;
  health(): Health;
  /** Settles once: with undefined after `close()`, with the error when the device went away. Never rejects. */
  readonly closed: Promise<DeviceError | undefined>;
}

/** A key of a payment keypad, whatever is printed on its cap and however NumLock stands. */
export type Key =
  | '0'
  | '1'
  | '2'
  | '3'
  | '4'
  | '5'
  | '6'
  | '7'
  | '8'
  | '9'
  | '00'
  | '000'
  | 'enter'
  | 'backspace'
  | 'clear'
  | 'cancel'
  | 'language';

/** Hands its key presses to the sink that its factory was given. A key that is held down comes once. */
export type Keypad = Device;
export type KeySink = (key: Key) => void;

/** One reading of a barcode, without prefix, suffix and AIM identifier. At most 512 characters. */
export interface Scan {
  text: string;
  /** AIM code identifier (ISO/IEC 15424), such as `E0` for EAN-13, where the scanner sends it. */
  aim?: string;
}
export type Scanner = Device;
export type ScanSink = (scan: Scan) => void;

/** A picture in the display's own geometry: 16 bits a pixel, RGB565, row by row without padding. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint16Array;
}

/** How a panel's memory holds pixels: RGB565 or XRGB8888, and how far the picture lies turned clockwise in it, in degrees. */
export interface PixelForm {
  readonly bitsPerPixel: 16 | 32;
  readonly turn: 0 | 90 | 180 | 270;
}

/** A picture as a panel's memory has it, row by row of the panel without padding. */
export interface PanelFrame {
  readonly form: PixelForm;
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint16Array | Uint32Array;
}

export interface Geometry {
  width: number;
  height: number;
  /** Width of the lit area in millimetres, where known: it decides how large a QR module must be. */
  widthMm?: number;
}

export interface Display extends Device {
  /** Known once open. A change of it closes the device. */
  readonly geometry: Geometry;
  /**
   * Shows a frame. Frames are shown in order; one that is overtaken by a newer one may be left out.
   * @throws DeviceError
   */
  show(frame: Frame): Promise<void>;
  /** A display that is a panel's memory. Known once open. */
  readonly panel?: PanelMemory | undefined;
}

export interface PanelMemory {
  readonly form: PixelForm;
  /** As the display's own `show`, for a frame that needs only be copied. @throws DeviceError */
  show(frame: PanelFrame): Promise<void>;
}

/** What a printer is asked to put on paper: lines and pictures, no printer language. */
export interface PrintDocument {
  blocks: readonly PrintBlock[];
}
export type PrintBlock =
  | {
      kind: 'text';
      text: string;
      align?: 'left' | 'centre';
      size?: 'normal' | 'double';
      bold?: boolean;
    }
  /** Left text and right text on one line; the right one is never cut. */
  | { kind: 'pair'; left: string; right: string; bold?: boolean }
  | { kind: 'rule' }
  /** A QR of this text, as large as the paper allows at whole dots a module. */
  | { kind: 'qr'; text: string }
  | { kind: 'feed'; lines: number };

/** What became of a job. `unknown`: bytes left, and the printer can not say whether they became paper. */
export type PrintOutcome =
  { result: 'printed' } | { result: 'unknown' } | { result: 'failed'; error: DeviceError };

export interface Printer extends Device {
  /**
   * Prints and cuts one document. Never rejects: what is not certain is `unknown`.
   * An abort voids what has not left yet.
   */
  print(document: PrintDocument, signal: AbortSignal): Promise<PrintOutcome>;
  /**
   * Capability: asks for the paper before a job.
   * @throws DeviceError
   */
  paper?(signal: AbortSignal): Promise<'ok' | 'low' | 'out' | 'cover-open'>;
}

/** One hand-over of goods. `id` is the sale, or a redemption that the relay granted: at most once each, ever. */
export interface DispenseOrder {
  id: string;
  /** So many were bought; a dispenser knows no prices. */
  pieces: number;
}

/** `unknown`: nobody can say whether the goods came out. It is the honest answer to every doubt. */
export type DispenseResult = 'done' | 'failed' | 'unknown';

export interface Dispenser extends Device {
  /**
   * Moves the goods. Never rejects. An order while another one runs is `failed` and moves nothing. `never`: no dispenser of
   * this kind can carry out such an order, and it moved nothing; nothing is wrong with it.
   */
  dispense(order: DispenseOrder, signal: AbortSignal): Promise<DispenseResult | 'never'>;
  /**
   * Capability: what became of an earlier order; `never` when the device is sure that it was not started.
   * @throws DeviceError
   */
  lastResult?(id: string, signal: AbortSignal): Promise<DispenseResult | 'never'>;
}
