// Where a pulsed dispenser is and what a pulse of it is, as written in a configuration.
// An option that is not known is told, not ignored: a misspelt pulse length would move a motor for too long.
import { DeviceError } from '../device.ts';
import { parsePortAddress, type PortAddress } from '../ports.ts';
import type { Edge, GpioPlace } from './gpio-tools.ts';
import { maxItemMs, pulseLimits, type PulseShape } from './pulse-train.ts';
import { flashStepMs, maxChannel } from './relay-codec.ts';

/** The wire itself. */
export type PulsePlace =
  | { kind: 'led'; folder: string }
  | { kind: 'gpio'; place: GpioPlace; activeLow: boolean; releases: boolean }
  | { kind: 'hidrelay'; path: string; channel: number }
  | { kind: 'lcus'; port: PortAddress; channel: number }
  | { kind: 'modbus'; port: PortAddress; unit: number; channel: number };

export interface PulseAddress {
  place: PulsePlace;
  shape: PulseShape;
  /** What counts the goods that fall. */
  drop?: { place: GpioPlace; edge: Edge; dropMs: number };
}

const forms = {
  led: 'led:/sys/class/leds/kios-vend?pulseMs=100&gapMs=150',
  gpio: 'gpio:pinctrl-bcm2711/17?pulseMs=100&gapMs=150',
  hidrelay: 'hidrelay:/dev/kios/hid-…?channel=1&pulseMs=100&gapMs=150',
  lcus: 'lcus:serial:/dev/kios/serial-…?channel=1&pulseMs=100&gapMs=150',
  modbus: 'modbus:serial:/dev/kios/serial-…?unit=1&channel=1&pulseMs=100&gapMs=150',
};

/** With what a pulsed dispenser's address begins. */
export const pulseKinds = Object.keys(forms);

const shapeOptions = ['pulseMs', 'gapMs', 'pulsesPerItem'];
const dropOptions = ['drop', 'dropMs', 'dropEdge'];
const ownOptions: Readonly<Record<PulsePlace['kind'], readonly string[]>> = {
  led: [],
  gpio: ['activeLow', 'releases'],
  hidrelay: ['channel'],
  lcus: ['channel', 'baudRate'],
  modbus: ['channel', 'unit', 'baudRate'],
};

/** A piece falls within a second; a spiral's last one may hang. */
const dropLimits = { minMs: 100, maxMs: 60_000, defaultMs: 3000 };

/**
 * Understands an address such as `led:/sys/class/leds/kios-vend?pulseMs=100`; undefined for one of another kind.
 * @throws DeviceError `not-found` with what is wrong and how it is written
 */
export function parsePulseAddress(text: string): PulseAddress | undefined {
  const [, kind, where = '', query = ''] = /^(\w+):([^?]*)\??(.*)$/.exec(text) ?? [];
  if (!isKind(kind)) return undefined;
  const options = new Options(text, forms[kind], query, [
    ...shapeOptions,
    ...dropOptions,
    ...ownOptions[kind],
  ]);
  const shape = {
    pulseMs: options.number('pulseMs', 100, pulseLimits.minMs, pulseLimits.maxMs),
    gapMs: options.number('gapMs', 150, pulseLimits.minMs, pulseLimits.maxMs),
    pulsesPerItem: options.number('pulsesPerItem', 1, 1, pulseLimits.maxPulsesPerItem),
  };
  if (shape.pulsesPerItem * (shape.pulseMs + shape.gapMs) > maxItemMs) {
    options.fail(`one item takes longer than ${maxItemMs / 1000} s`);
  }
  if (kind === 'modbus' && shape.pulseMs % flashStepMs !== 0) {
    options.fail(`this board counts pulseMs in steps of ${flashStepMs}`);
  }
  const drop = parseDrop(options);
  return {
    place: parsePlace(kind, where, options),
    shape,
    ...(drop === undefined ? {} : { drop }),
  };
}

function parsePlace(kind: PulsePlace['kind'], where: string, options: Options): PulsePlace {
  const channel = options.number('channel', 1, 1, maxChannel);
  switch (kind) {
    case 'led':
      // The whole path: a path with .. or a name alone could be any file.
      if (!/^\/([\w.:@,+-]+\/)*[\w:@,+-][\w.:@,+-]*$/.test(where) || where.includes('/../')) {
        options.fail('that is no folder of an LED');
      }
      return { kind, folder: where };
    case 'gpio':
      return {
        ...{ kind, place: parseLine(where, options) },
        ...{ activeLow: options.flag('activeLow'), releases: options.flag('releases') },
      };
    case 'hidrelay':
      if (!where.startsWith('/')) options.fail('write the whole path of the hidraw node');
      return { kind, path: where, channel };
    case 'lcus':
      return { kind, port: parsePort(where, options), channel };
    case 'modbus':
      return {
        kind,
        port: parsePort(where, options),
        channel,
        unit: options.number('unit', 1, 1, 247),
      };
  }
}

function parsePort(where: string, options: Options): PortAddress {
  const baudRate = options.number('baudRate', 9600, 300, 4_000_000);
  if (/^tcp:(\[[^\]]*\]|[^:]*)$/.test(where)) options.fail('name its port, as tcp:HOST:PORT');
  try {
    return parsePortAddress(where.startsWith('serial:') ? `${where}?baudRate=${baudRate}` : where);
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    // Its own words leave out what stands before a port here.
    return options.fail(`"${where}" is no port, as serial:/dev/PATH, tcp:HOST:PORT or unix:/PATH`);
  }
}

function parseDrop(options: Options): PulseAddress['drop'] {
  const where = options.text('drop');
  if (where === undefined) {
    const lone = ['dropMs', 'dropEdge'].find((name) => options.text(name) !== undefined);
    if (lone !== undefined) options.fail(`${lone} is for a sensor, and drop=CHIP/LINE is missing`);
    return undefined;
  }
  const edge = options.text('dropEdge') ?? 'falling';
  if (edge !== 'falling' && edge !== 'rising') options.fail('dropEdge is falling or rising');
  const { minMs, maxMs, defaultMs } = dropLimits;
  return {
    place: parseLine(where, options),
    edge: edge === 'rising' ? 'rising' : 'falling',
    dropMs: options.number('dropMs', defaultMs, minMs, maxMs),
  };
}

/** A chip by its label and the line's number on it: `pinctrl-bcm2711/17`. */
function parseLine(where: string, options: Options): GpioPlace {
  const [, label, offset] = /^([\w.:-]{1,64})\/(\d{1,4})$/.exec(where) ?? [];
  if (label === undefined || /^(gpiochip)?\d+$/.test(label)) {
    return options.fail(
      'a GPIO line is the label of its chip and its number there, as pinctrl-bcm2711/17 (gpiodetect tells the label)',
    );
  }
  return { label, offset: Number(offset) };
}

function isKind(kind: string | undefined): kind is PulsePlace['kind'] {
  return kind !== undefined && pulseKinds.includes(kind);
}

/** What stands behind the question mark. */
class Options {
  readonly #address: string;
  readonly #form: string;
  readonly #given: URLSearchParams;

  constructor(address: string, form: string, query: string, known: readonly string[]) {
    this.#address = address;
    this.#form = form;
    this.#given = new URLSearchParams(query);
    const names = [...this.#given.keys()];
    const strange = names.find((name, at) => !known.includes(name) || names.indexOf(name) !== at);
    if (strange !== undefined)
      this.fail(`"${strange}" is unknown or twice; there are ${known.join(', ')}`);
  }

  text(name: string): string | undefined {
    return this.#given.get(name) ?? undefined;
  }

  number(name: string, otherwise: number, min: number, max: number): number {
    const text = this.text(name) ?? String(otherwise);
    const value = Number(text);
    if (!/^\d{1,7}$/.test(text) || value < min || value > max) {
      this.fail(`${name} is a whole number from ${min} to ${max}`);
    }
    return value;
  }

  flag(name: string): boolean {
    return this.number(name, 0, 0, 1) === 1;
  }

  fail(why: string): never {
    throw new DeviceError('not-found', `"${this.#address}": ${why}; write ${this.#form}`);
  }
}
