// What a printer says of itself: the requests and their answers. PURE. Source: Epson "ESC/POS Command Reference", DLE
// EOT "Transmit real-time status", GS r "Transmit status", GS a "Enable/disable Automatic Status Back", DLE DC4 fn 8.

/** 1 printer · 2 cause of offline · 3 cause of error · 4 roll paper sensor. */
export type StatusTopic = 1 | 2 | 3 | 4;
export const statusTopics: readonly StatusTopic[] = [1, 2, 3, 4];

/** What is wrong. One answer tells only a part; what it does not tell is false. */
export interface PrinterStatus {
  offline: boolean;
  coverOpen: boolean;
  paperOut: boolean;
  paperLow: boolean;
  cutterError: boolean;
  /** The head is too hot, or the voltage off: it goes on by itself. */
  overheat: boolean;
  /** Any other error. */
  error: boolean;
}

export const allWell: PrinterStatus = {
  offline: false,
  coverOpen: false,
  paperOut: false,
  paperLow: false,
  cutterError: false,
  overheat: false,
  error: false,
};

/** DLE EOT n: answered at once, whatever waits in the printer's buffer. */
export function statusRequest(topic: StatusTopic): Uint8Array {
  return Uint8Array.of(0x10, 0x04, topic);
}

/** GS r 1: answered in its turn, when everything before it has been worked off. It is the proof of print. */
export const fenceRequest = Uint8Array.of(0x1d, 0x72, 1);

/**
 * GS a 14, then GS a 0: the status is sent when the first is worked off, in its turn; the second sees to it that none
 * comes unasked, which could be taken for the next answer.
 */
export const asbRequest = Uint8Array.of(0x1d, 0x61, 0x0e, 0x1d, 0x61, 0);

/**
 * DLE DC4 fn 8 "Clear buffer(s)": at once, whatever waits. Nothing may follow before the answer has come.
 */
export const clearRequest = Uint8Array.of(0x10, 0x14, 8, 1, 3, 20, 1, 6, 2, 8);
export const clearAnswer: readonly number[] = [0x37, 0x25, 0];

/** Bytes that follow the head of an automatic status, and that of the answer to DLE DC4 8. */
export const tailBytes = { asb: 3, clear: 2 } as const;

/**
 * What kind of answer a byte is, by its fixed bits (0, 1, 4 and 7). `asb` and `clear`: the head of one of several
 * bytes, whose tail looks like `fence`; `flow`: XON or XOFF of a serial line.
 */
export function replyKind(byte: number): 'status' | 'fence' | 'asb' | 'clear' | 'flow' | 'noise' {
  if (byte === 0x11 || byte === 0x13) return 'flow';
  if (byte === clearAnswer[0]) return 'clear';
  const fixed = byte & 0b1001_0011;
  if (fixed === 0b0001_0010) return 'status';
  if (fixed === 0b0001_0000) return 'asb';
  return (byte & 0b1001_0000) === 0 ? 'fence' : 'noise';
}

/** Reads the answer to DLE EOT `topic`. Undefined when the byte is no such answer. */
export function parseStatus(topic: StatusTopic, byte: number): PrinterStatus | undefined {
  if (replyKind(byte) !== 'status') return undefined;
  const bit = (n: number): boolean => (byte & (1 << n)) !== 0;
  switch (topic) {
    case 1:
      return { ...allWell, offline: bit(3) };
    case 2:
      return { ...allWell, coverOpen: bit(2), paperOut: bit(5) };
    case 3:
      return { ...allWell, cutterError: bit(3), overheat: bit(6), error: bit(2) || bit(5) };
    case 4:
      return { ...allWell, paperLow: bit(2) || bit(3), paperOut: bit(5) || bit(6) };
  }
}

/** Reads the answer to GS r 1. Undefined when the byte is no such answer. */
export function parseFence(byte: number): PrinterStatus | undefined {
  if (replyKind(byte) !== 'fence') return undefined;
  return { ...allWell, paperLow: (byte & 0b0011) !== 0, paperOut: (byte & 0b1100) !== 0 };
}

/** Reads the four bytes of an automatic status. Undefined when they are none. */
export function parseAsb(bytes: readonly number[]): PrinterStatus | undefined {
  const [printer = 0xff, errors = 0xff, paper = 0xff, ...rest] = bytes;
  if (rest.length !== 1 || replyKind(printer) !== 'asb') return undefined;
  if ([errors, paper, ...rest].some((byte) => replyKind(byte) !== 'fence')) return undefined;
  const bit = (byte: number, n: number): boolean => (byte & (1 << n)) !== 0;
  return {
    offline: bit(printer, 3),
    coverOpen: bit(printer, 5),
    paperOut: (paper & 0b1100) !== 0,
    paperLow: (paper & 0b0011) !== 0,
    cutterError: bit(errors, 3),
    overheat: bit(errors, 6),
    error: bit(errors, 2) || bit(errors, 5),
  };
}

/** Puts the parts together. */
export function mergeStatus(a: PrinterStatus, b: PrinterStatus): PrinterStatus {
  return {
    offline: a.offline || b.offline,
    coverOpen: a.coverOpen || b.coverOpen,
    paperOut: a.paperOut || b.paperOut,
    paperLow: a.paperLow || b.paperLow,
    cutterError: a.cutterError || b.cutterError,
    overheat: a.overheat || b.overheat,
    error: a.error || b.error,
  };
}

export type StatusFault = 'cover-open' | 'paper-out' | 'cutter' | 'overheat' | 'error' | 'offline';

/** What a technician is told of each. */
export const faultWords: Readonly<Record<StatusFault, string>> = {
  'cover-open': 'its cover is open',
  'paper-out': 'it has no paper',
  cutter: 'its cutter is jammed',
  overheat: 'its head is too hot; it goes on by itself',
  error: 'it reports an error; switch it off and on',
  offline: 'it is offline',
};

/** Whether the reason of a DeviceError is one of them. */
export function isStatusFault(reason: string | undefined): reason is StatusFault {
  return reason !== undefined && reason in faultWords;
}

/** The one thing to tell a person, the most telling first. Undefined when it can print. */
export function worstFault(status: PrinterStatus): StatusFault | undefined {
  if (status.coverOpen) return 'cover-open';
  if (status.paperOut) return 'paper-out';
  if (status.cutterError) return 'cutter';
  if (status.overheat) return 'overheat';
  if (status.error) return 'error';
  return status.offline ? 'offline' : undefined;
}
