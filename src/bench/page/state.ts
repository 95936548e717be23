// What the bench tells its page. Types only.

export type SwitchState = boolean | null;

export interface BenchState {
  /** `starting` until the kiosk is up. */
  stage: 'starting' | 'open';
  /** Counts the pictures on the screen; null while there is none. */
  frame: number | null;
  /** Numbers of the slips in the tray, newest first. */
  papers: number[];
  /** Motor pulses ever. */
  pulses: number;
  /** Faults that are switched on; null where the device is a real one. */
  switches: Record<string, SwitchState>;
  products: { barcode: string; name: string; priceIdr: number }[];
}
