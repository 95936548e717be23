// What a printer says of itself: the requests and their one-byte answers. PURE.
// Source: Epson "ESC/POS Command Reference", DLE EOT "Transmit real-time status" and GS r "Transmit status".

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
 * What kind of answer a byte is, by its fixed bits (0, 1, 4 and 7). `asb`: the head of an automatic status back;
 * `flow`: XON or XOFF of a serial line.
 */
export function replyKind(byte: number): 'status' | 'fence' | 'asb' | 'flow' | 'noise' {
  if (byte === 0x11 || byte === 0x13) return 'flow';
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
export function parseFence(byte: number): { paperOut: boolean } | undefined {
  if (replyKind(byte) !== 'fence') return undefined;
  return { paperOut: (byte & 0b1100) !== 0 };
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

/** The one thing to tell a person, the most telling first. Undefined when it can print. */
export function worstFault(status: PrinterStatus): StatusFault | undefined {
  if (status.coverOpen) return 'cover-open';
  if (status.paperOut) return 'paper-out';
  if (status.cutterError) return 'cutter';
  if (status.overheat) return 'overheat';
  if (status.error) return 'error';
  return status.offline ? 'offline' : undefined;
}
