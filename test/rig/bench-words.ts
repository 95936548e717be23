// What a test and the bench in a guest say to each other, a line of JSON each. PURE: types alone.
import type { DevicePart } from '../../src/cli/attached-fits.ts';

export type BenchOrder =
  | { open: Exclude<DevicePart, 'display'>; at: string }
  | { close: true; at: string }
  /** The slip of `printer-slips.ts`, with its QR. */
  | { print: true; at: string }
  | { dispense: string; at: string; pieces: number }
  /** What became of this order. */
  | { last: string; at: string };

export interface BenchWord {
  at: string;
  state?: string;
  fault?: string | undefined;
  detail?: string | undefined;
  key?: string;
  scan?: string;
  printed?: string;
  id?: string;
  dispensed?: string;
  last?: string;
}
