// A train of equal pulses, and how the kernel's LED trigger is told to make one. PURE.
// One tuple pair with length 0 is a step; without it the trigger would dim up and down (ledtrig-pattern).

/** So many pulses, each `pulseMs` on and then `gapMs` off. */
export interface PulseTrain {
  pulses: number;
  pulseMs: number;
  gapMs: number;
}

/** What a line makes of an order. */
export interface PulseShape {
  pulseMs: number;
  gapMs: number;
  pulsesPerItem: number;
}

/** A relay or a coin pulse below 5 ms is noise to what hangs on it; a motor that runs 10 s wants a vend board. */
export const pulseLimits = { minMs: 5, maxMs: 10_000, maxPulsesPerItem: 100 };

/** The longest that one item may take, so that the largest order ends within the kiosk's patience. */
export const maxItemMs = 10_000;

/** Timers are late by up to two ticks of the slowest kernel (100 Hz) at each edge; measured were 3 to 6 ms. */
const edgeSlackMs = 20;

/** A kernel under load starts late as well. */
const startSlackMs = 200;

/** The longest train of a whole order, its slack in it. @param items of the largest order */
export function longestTrainMs(items: number): number {
  return items * (maxItemMs + pulseLimits.maxPulsesPerItem * 2 * edgeSlackMs) + startSlackMs;
}

/** From the first edge to the moment at which the last gap is over for certain. */
export function trainMs({ pulses, pulseMs, gapMs }: PulseTrain): number {
  return pulses * (pulseMs + gapMs + 2 * edgeSlackMs) + startSlackMs;
}

export function trainOf(shape: PulseShape, items: number): PulseTrain {
  const { pulseMs, gapMs, pulsesPerItem } = shape;
  return { pulses: items * pulsesPerItem, pulseMs, gapMs };
}

/**
 * What is written to an LED's `pattern`; `repeat` says how often (Documentation/ABI/testing/sysfs-class-led-trigger-pattern).
 * @param brightness of "on": the LED's `max_brightness`
 */
export function ledPattern({ pulseMs, gapMs }: PulseTrain, brightness: number): string {
  return `${brightness} ${pulseMs} ${brightness} 0 0 ${gapMs} 0 0`;
}

/** How long a loaded pattern may still run; undefined when it never ends, and 0 when none is loaded. */
export function loadedMs(pattern: string, repeat: string): number | undefined {
  const numbers = pattern.trim().split(/\s+/).filter(Boolean).map(Number);
  if (numbers.length === 0) return 0;
  const times = Number(repeat.trim());
  if (!Number.isInteger(times) || times < 1) return undefined;
  // Tuples of brightness and length. Those of length 0 are no edges.
  const lengths = numbers.filter((length, at) => at % 2 === 1 && length !== 0);
  const roundMs = lengths.reduce((sum, lengthMs) => sum + lengthMs + edgeSlackMs, 0);
  return Number.isFinite(roundMs) ? times * roundMs + startSlackMs : undefined;
}
