// Looks at the machine's own health again and again, at a slow pace, and says when it changed. It stops no sale.
import { wait, type Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { hardwareCodes, hardwareHealth, type HardwareHealth } from './hardware-health.ts';
import type { Hardware } from './hardware.ts';

/** Each look wakes an idle kiosk some thirty times. */
const everyMs = 60_000;
/** A dip of the supply is over when somebody looks: it is told for so long. */
const heldMs = 3_600_000;

export interface HardwareWatchOptions {
  read: () => Promise<Hardware>;
  clockOffsetMs: () => number | undefined;
  clock: Clock;
  log: Log;
  signal: AbortSignal;
  /** After each look. */
  onRead: (hardware: Hardware) => void;
  /** At the first look, and whenever a code came or went. */
  onChange: (health: HardwareHealth) => void;
}

export async function watchHardware(options: HardwareWatchOptions): Promise<void> {
  const { read, clockOffsetMs, clock, log, signal, onRead, onChange } = options;
  let told: string | undefined;
  let lowUntilMs = -Infinity;
  while (!signal.aborted) {
    const seen = await read();
    const nowMs = clock.monotonicMs();
    if (seen.undervoltage === true) lowUntilMs = nowMs + heldMs;
    const hardware = nowMs < lowUntilMs ? { ...seen, undervoltage: true } : seen;
    const health = hardwareHealth(hardware, clockOffsetMs());
    onRead(hardware);
    if (told !== JSON.stringify(health)) {
      const codes = hardwareCodes(health);
      if (codes.length > 0) log.warn({ codes, ...numbers(hardware) }, 'hardware.ill');
      else if (told !== undefined) log.info(numbers(hardware), 'hardware.well');
      told = JSON.stringify(health);
      onChange(health);
    }
    await wait(clock, everyMs, signal);
  }
}

/** Of the reading, what helps whoever reads the log. */
function numbers({ temperatureC, fileSystemErrors, card }: Hardware): Record<string, unknown> {
  return { temperatureC, fileSystemErrors, card };
}
