// The virtual devices at the kiosk's ports, below its drivers: what they show, and the faults that a hand can make.
import { join } from 'node:path';
import type { Frame, Geometry, Key } from '../../drivers/device.ts';
import {
  createVendBoardSimulator,
  type VendBoardSimulator,
} from '../../drivers/dispenser/simulator.ts';
import { createDisplaySimulator, type DisplaySimulator } from '../../drivers/display/simulator.ts';
import { createKeypadSimulator, type KeypadSimulator } from '../../drivers/keypad/simulator.ts';
import { printerProfiles } from '../../drivers/printer/profiles.ts';
import {
  createPrinterSimulator,
  type PrinterSimulator,
  type Sheet,
} from '../../drivers/printer/simulator.ts';
import { createScannerSimulator, type ScannerSimulator } from '../../drivers/scanner/simulator.ts';
import type { Clock } from '../lib/clock.ts';
import type { DeviceKind } from './options.ts';

/** A common seven-inch panel. */
export const panel: Geometry = { width: 800, height: 480, widthMm: 154 };

/** How long one item takes to fall. */
const pulseMs = 500;

export type SwitchName = 'paper-out' | 'printer-unplugged' | 'display-unplugged' | 'dispenser-jam';

/** What a device did just now. */
export type Happening =
  | { kind: 'frame'; frame: Frame }
  | { kind: 'paper'; sheet: Sheet }
  | { kind: 'pulse'; orderId: string }
  | { kind: 'switched'; name: SwitchName; on: boolean };

export interface VirtualDevices {
  /** The address of each device, virtual or real. */
  readonly at: Readonly<Record<DeviceKind, string>>;
  /** False: nobody has the keypad open. */
  press(key: Key): boolean;
  scan(text: string): boolean;
  /** What the screen shows; undefined while it has shown nothing, or is unplugged. */
  frame(): Frame | undefined;
  /** Calls for everything that happens from now on; the answer ends it. */
  watch(listener: (happening: Happening) => void): () => void;
  /** Undefined: that device is a real one. */
  switched(name: SwitchName): boolean | undefined;
  turn(name: SwitchName, on: boolean): Promise<void>;
  close(): Promise<void>;
}

/** Starts all of them, also those that a real device replaces, which then nobody opens. */
export async function createVirtualDevices(options: {
  dir: string;
  real: Partial<Record<DeviceKind, string>>;
  clock: Clock;
}): Promise<VirtualDevices> {
  const { dir, real, clock } = options;
  const listeners = new Set<(happening: Happening) => void>();
  const tell = (happening: Happening): void => {
    for (const listener of listeners) listener(happening);
  };
  const { keypad, scanner, display, printer, dispenser } = await plugIn(dir, clock, tell);
  const switches = createSwitches({ printer, display, dispenser }, real);
  return {
    at: {
      keypad: real.keypad ?? keypad.at,
      scanner: real.scanner ?? scanner.at,
      display: real.display ?? display.at,
      printer: real.printer ?? printer.at,
      dispenser: real.dispenser ?? dispenser.at,
    },
    press: (key) => keypad.press(key),
    scan: (text) => scanner.scan({ text }),
    frame: () => (switches.get('display-unplugged') === true ? undefined : display.frame()),
    watch: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    switched: switches.get,
    turn: async (name, on) => {
      if (await switches.turn(name, on)) tell({ kind: 'switched', name, on });
    },
    close: async () => {
      listeners.clear();
      await Promise.all([
        keypad.unplug(),
        scanner.unplug(),
        display.unplug(),
        printer.close(),
        dispenser.close(),
      ]);
    },
  };
}

interface Simulators {
  keypad: KeypadSimulator;
  scanner: ScannerSimulator;
  display: DisplaySimulator;
  printer: PrinterSimulator;
  dispenser: VendBoardSimulator;
}

async function plugIn(
  dir: string,
  clock: Clock,
  tell: (happening: Happening) => void,
): Promise<Simulators> {
  const place = (kind: DeviceKind): { path: string } => ({ path: join(dir, `${kind}.sock`) });
  const keypad = await createKeypadSimulator(place('keypad'));
  const scanner = await createScannerSimulator(place('scanner'));
  const display = await createDisplaySimulator({
    listen: place('display'),
    geometry: panel,
    onFrame: (frame) => {
      tell({ kind: 'frame', frame });
    },
  });
  const printer = await createPrinterSimulator({
    listen: place('printer'),
    profile: printerProfiles['generic-58'],
    onPaper: (sheet) => {
      tell({ kind: 'paper', sheet });
    },
  });
  const dispenser = await createVendBoardSimulator({
    listen: place('dispenser'),
    clock,
    pulseMs,
    onPulse: (orderId) => {
      tell({ kind: 'pulse', orderId });
    },
  });
  return { keypad, scanner, display, printer, dispenser };
}

interface Switches {
  get: (name: SwitchName) => boolean | undefined;
  /** False: it is that way already, or not ours. */
  turn: (name: SwitchName, on: boolean) => Promise<boolean>;
}

function createSwitches(
  devices: Pick<Simulators, 'printer' | 'display' | 'dispenser'>,
  real: Partial<Record<DeviceKind, string>>,
): Switches {
  const { printer, display, dispenser } = devices;
  const kinds: Record<SwitchName, DeviceKind> = {
    'paper-out': 'printer',
    'printer-unplugged': 'printer',
    'display-unplugged': 'display',
    'dispenser-jam': 'dispenser',
  };
  const on = new Set<SwitchName>();
  const act: Record<SwitchName, (turnOn: boolean) => Promise<void> | void> = {
    'paper-out': (turnOn) => {
      printer.set({ paper: turnOn ? 'out' : 'ok' });
    },
    'printer-unplugged': (turnOn) => (turnOn ? printer.unplug() : printer.plug()),
    'display-unplugged': (turnOn) => (turnOn ? display.unplug() : display.plug()),
    'dispenser-jam': async (turnOn) => {
      dispenser.jamAt(turnOn ? 1 : undefined);
      if (turnOn) return;
      // Whoever clears a jam turns the machine off and on: only a new connection tells the kiosk that a hand was there.
      await dispenser.unplug();
      await dispenser.plug();
    },
  };
  return {
    get: (name) => (real[kinds[name]] === undefined ? on.has(name) : undefined),
    turn: async (name, turnOn) => {
      if (real[kinds[name]] !== undefined || on.has(name) === turnOn) return false;
      if (turnOn) on.add(name);
      else on.delete(name);
      await act[name](turnOn);
      return true;
    },
  };
}
