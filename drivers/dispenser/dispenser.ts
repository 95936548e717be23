// Makes the dispenser that a configuration names. Each object is one connection; `supervise` makes the next one.
import { DeviceError, type Dispenser } from '../device.ts';
import { openPort, parsePortAddress, type PortAddress } from '../ports.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { DropSensor } from './drop-sensor.ts';
import { GpiosetLine } from './gpioset-line.ts';
import { LedLine } from './led-line.ts';
import { LineDispenser } from './line-dispenser.ts';
import { createNoDispenser } from './none.ts';
import { OrderMemory, type OrderMemoryPlace } from './order-memory.ts';
import { parsePulseAddress, pulseKinds, type PulseAddress } from './pulse-address.ts';
import type { PulsePlace } from './pulse-address.ts';
import { PulseDispenser } from './pulse-dispenser.ts';
import type { PulseLine } from './pulse-line.ts';
import { hidRelayBoard, lcusBoard, modbusBoard } from './relay-board.ts';
import { RelayLine } from './relay-line.ts';
import type { ToolPlaces } from './tool.ts';

export interface DispenserOptions {
  /**
   * `none` · a vend board: `serial:/dev/…?baudRate=9600` · `unix:/PATH` · `tcp:HOST:PORT` · a wire that is pulsed:
   * `led:/sys/class/leds/kios-vend?pulseMs=100&gapMs=150&pulsesPerItem=1` · `gpio:` · `hidrelay:` · `lcus:` · `modbus:` (README.md).
   */
  at: string;
  clock: Clock;
  /** The longest that one order of a vend board may run; after that it is `unknown`. */
  vendTimeoutMs?: number;
  /** Where orders are remembered for a wire, which remembers none; without it `lastResult` cannot be asked. */
  memory?: OrderMemoryPlace;
  /** For tests: where the GPIO tools and their files are. */
  tools?: ToolPlaces;
}

/** @throws DeviceError `not-found` when the address cannot be understood. */
export function createDispenser(options: DispenserOptions): Dispenser {
  const { at, clock, vendTimeoutMs } = options;
  if (at === 'none') return createNoDispenser();
  const pulsed = parsePulseAddress(at);
  if (pulsed !== undefined) return createPulseDispenser(pulsed, options);
  const address = parseBoardAddress(at);
  return new LineDispenser({
    name: `dispenser ${at}`,
    connect: async (onBytes, signal) => openPort(address, onBytes, signal),
    clock,
    ...(vendTimeoutMs === undefined ? {} : { vendTimeoutMs }),
  });
}

function createPulseDispenser(
  { place, shape, drop }: PulseAddress,
  options: DispenserOptions,
): Dispenser {
  const { clock, memory, tools } = options;
  const places = tools === undefined ? {} : { places: tools };
  return new PulseDispenser({
    line: createLine(place, clock, places),
    shape,
    ...(memory === undefined ? {} : { memory: new OrderMemory(memory) }),
    ...(drop === undefined ? {} : { sensor: new DropSensor({ ...drop, clock, ...places }) }),
  });
}

function createLine(place: PulsePlace, clock: Clock, places: { places?: ToolPlaces }): PulseLine {
  switch (place.kind) {
    case 'led':
      return new LedLine({ folder: place.folder, clock });
    case 'gpio':
      return new GpiosetLine({ ...place, clock, ...places });
    case 'hidrelay':
      return new RelayLine(`relay ${place.path}`, hidRelayBoard(place), clock);
    case 'lcus':
      return new RelayLine(`relay lcus:${where(place.port)}`, lcusBoard(place), clock);
    case 'modbus':
      return new RelayLine(`relay modbus:${where(place.port)}`, modbusBoard(place, clock), clock);
  }
}

function where(port: PortAddress): string {
  return port.kind === 'tcp' ? `${port.host}:${port.port}` : port.path;
}

function parseBoardAddress(at: string): PortAddress {
  try {
    return parsePortAddress(at);
  } catch (error) {
    throw new DeviceError(
      'not-found',
      `"${at}" is no dispenser; write none, serial:/dev/PATH?baudRate=9600, unix:/PATH, tcp:HOST:PORT, or one of ${pulseKinds.map((kind) => `${kind}:…`).join(', ')}`,
      { cause: error },
    );
  }
}
