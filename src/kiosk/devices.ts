// The kiosk's devices, each kept open by `supervise`, each change of their health told to the machine.
import { createDispenser } from '../../drivers/dispenser/dispenser.ts';
import { createDisplay } from '../../drivers/display/display.ts';
import { createKeypad } from '../../drivers/keypad/keypad.ts';
import { createPrinter } from '../../drivers/printer/printer.ts';
import { profileOf } from '../../drivers/printer/profiles.ts';
import { createScanner } from '../../drivers/scanner/scanner.ts';
import type {
  Device,
  Dispenser,
  Display,
  Health,
  Key,
  Printer,
  ScanSink,
} from '../../drivers/device.ts';
import { supervise, type Supervised } from '../../drivers/supervise.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { KioskConfig } from './config.ts';
import { lostCode } from './new-state.ts';
import type { Part, PartHealth } from './state.ts';

export interface Devices {
  printer: Supervised<Printer> | undefined;
  dispenser: Supervised<Dispenser>;
  /** Each device with how it is, from memory. */
  healths(): readonly (readonly [Part, Health])[];
  stop(): Promise<void>;
}

export interface DevicesOptions {
  config: KioskConfig;
  clock: Clock;
  log: Log;
  random: () => number;
  /** Of this boot of the machine, for what the dispenser has to remember; without it it remembers nothing. */
  bootId?: string;
  onKey: (key: Key) => void;
  onScan: ScanSink;
  onPart: (part: Part, health: PartHealth) => void;
  onDisplay: (display: Display | undefined) => void;
}

/** Opens whatever the configuration names. */
export function startDevices(options: DevicesOptions): Devices {
  const { config, clock, log, random, bootId, onKey, onScan, onPart, onDisplay } = options;
  const running: { part: Part; device: Supervised<Device> }[] = [];

  const keep = <D extends Device>(
    part: Part,
    make: () => D,
    also: (device: D | undefined) => void = () => undefined,
  ): Supervised<D> => {
    const supervised = supervise<D>({
      make,
      clock,
      random,
      log: log.child({ device: part }),
      onChange: (device) => {
        onPart(part, device === undefined ? { ok: false, code: lostCode[part] } : { ok: true });
        also(device);
      },
    });
    running.push({ part, device: supervised });
    return supervised;
  };

  const { keypad, scanner, display, printer, dispenser } = config;
  if (keypad !== undefined) keep('keypad', () => createKeypad({ at: keypad.at, onKey, clock }));
  if (scanner !== undefined) {
    keep('scanner', () => createScanner({ ...scanner, clock, onScan }));
  }
  if (display !== undefined) {
    const { at, rotation, panelWidthMm } = display;
    const panel = panelWidthMm === undefined ? {} : { panelWidthMm };
    keep('display', () => createDisplay({ at, clock, rotation, ...panel }), onDisplay);
  }
  const memory = bootId === undefined ? {} : { memory: { folder: config.stateDir, bootId } };
  return {
    printer:
      printer === undefined
        ? undefined
        : keep('printer', () =>
            createPrinter({ at: printer.at, profile: profileOf(printer), clock }),
          ),
    dispenser: keep('dispenser', () => createDispenser({ at: dispenser.at, clock, ...memory })),
    healths: () => running.map(({ part, device }) => [part, device.health()] as const),
    stop: async () => {
      await Promise.all(running.map(async ({ device }) => device.stop()));
    },
  };
}
