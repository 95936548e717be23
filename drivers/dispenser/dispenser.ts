// Makes the dispenser that a configuration names. Each object is one connection; `supervise` makes the next one.
import type { Dispenser, DispenseOrder } from '../device.ts';
import { openPort, parsePortAddress } from '../ports.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { LineDispenser } from './line-dispenser.ts';
import { createNoDispenser } from './none.ts';

export interface DispenserOptions {
  /** `none` · `serial:/dev/…?baudRate=9600` · `unix:/PATH` · `tcp:HOST:PORT`: a vend board (README.md). */
  at: string;
  clock: Clock;
  /** Items of an order, 1 to 99. If not given: the quantities of its basket, or one. */
  countOf?: (order: DispenseOrder) => number;
  /** The longest that one order may run; after that it is `unknown`. */
  vendTimeoutMs?: number;
}

/** @throws DeviceError `not-found` when the address cannot be understood. */
export function createDispenser(options: DispenserOptions): Dispenser {
  const { at, clock, countOf = basketCount, vendTimeoutMs } = options;
  if (at === 'none') return createNoDispenser();
  const address = parsePortAddress(at);
  return new LineDispenser({
    name: `dispenser ${at}`,
    connect: async (onBytes, signal) => openPort(address, onBytes, signal),
    clock,
    countOf,
    ...(vendTimeoutMs === undefined ? {} : { vendTimeoutMs }),
  });
}

function basketCount({ items = [] }: DispenseOrder): number {
  return items.length === 0 ? 1 : items.reduce((sum, { quantity }) => sum + quantity, 0);
}
