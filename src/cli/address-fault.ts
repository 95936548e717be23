// Whether a driver understands the address that a configuration gives it, in the driver's own words. Opens nothing.
import { createDispenser } from '../../drivers/dispenser/dispenser.ts';
import { DeviceError } from '../../drivers/device.ts';
import { createDisplay } from '../../drivers/display/display.ts';
import { parseInputAddress } from '../../drivers/keypad/line.ts';
import { createPrinter } from '../../drivers/printer/printer.ts';
import { printerProfiles } from '../../drivers/printer/profiles.ts';
import { systemClock } from '../lib/clock.ts';
import type { DevicePart } from './attached-fits.ts';

const clock = systemClock;
const readers: Readonly<Record<DevicePart, (at: string) => unknown>> = {
  keypad: parseInputAddress,
  scanner: parseInputAddress,
  display: (at) => createDisplay({ at, clock }),
  printer: (at) => createPrinter({ at, profile: printerProfiles['generic-58'], clock }),
  dispenser: (at) => createDispenser({ at, clock }),
};

/** What is wrong with an address and how it is written; undefined: it is understood. */
export function addressFault(part: DevicePart, at: string): string | undefined {
  try {
    readers[part](at);
    return undefined;
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    return error.message;
  }
}
