// What became of the last orders, for devices that remember nothing themselves: one small file, replaced whole and synced.
// An order is on the disk before its first pulse. What cannot be read was never written here: then nothing is known.
import { open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DeviceError, type DispenseResult } from '../device.ts';
import { isOrderId } from './line-protocol.ts';
import type { PulseTrain } from './pulse-train.ts';

/** As many as a vend board keeps, the oldest forgotten first. */
const maxOrders = 64;

/** A full file has about 10 kB; a larger one is not ours. */
const maxFileChars = 64 * 1024;

const results = ['running', 'done', 'failed', 'unknown'] as const;
type Remembered = DispenseResult | 'running';

export interface RememberedOrder {
  id: string;
  result: Remembered;
  /** The boot of the machine in which its train began. */
  bootId: string;
  train: PulseTrain;
}

export interface OrderMemoryPlace {
  /** On a disk that survives a power cut; the kiosk's state folder. */
  folder: string;
  /** Of this boot of the machine. */
  bootId: string;
}

export class OrderMemory {
  readonly bootId: string;
  readonly #path: string;
  #orders: RememberedOrder[] = [];
  #known = false;

  constructor({ folder, bootId }: OrderMemoryPlace) {
    this.#path = join(folder, 'dispenser.json');
    this.bootId = bootId;
  }

  /** False: there is no memory, so that an order which is not in it may have run all the same. */
  get known(): boolean {
    return this.#known;
  }

  find(id: string): RememberedOrder | undefined {
    return this.#orders.find((order) => order.id === id);
  }

  /** Reads the file. One that is missing or damaged is none: it is made anew by the next order. */
  async load(): Promise<void> {
    const text = await readFile(this.#path, 'utf8').catch(() => '');
    const orders = parseOrders(text);
    this.#known = orders !== undefined;
    this.#orders = orders ?? [];
  }

  /**
   * Resolves when it is on the disk.
   * @throws DeviceError `hardware` when the disk does not take it: then no motor may move
   */
  async put(order: RememberedOrder): Promise<void> {
    const others = this.#orders.filter(({ id }) => id !== order.id);
    const orders = [...others, order].slice(-maxOrders);
    try {
      await replaceFile(this.#path, `${JSON.stringify({ orders })}\n`);
    } catch (error) {
      throw new DeviceError('hardware', `${this.#path} cannot be written: is the disk full?`, {
        cause: error,
      });
    }
    this.#orders = orders;
    this.#known = true;
  }
}

/** Undefined for whatever this file did not write. */
function parseOrders(text: string): RememberedOrder[] | undefined {
  if (text.length > maxFileChars) return undefined;
  try {
    const read: unknown = JSON.parse(text);
    if (!isRecord(read) || !Array.isArray(read['orders'])) return undefined;
    const orders: unknown[] = read['orders'];
    return orders.length <= maxOrders && orders.every(isOrder) ? orders : undefined;
  } catch {
    return undefined;
  }
}

function isOrder(value: unknown): value is RememberedOrder {
  if (!isRecord(value)) return false;
  const { id, result, bootId, train } = value;
  if (!isRecord(train)) return false;
  const { pulses, pulseMs, gapMs } = train;
  return (
    typeof id === 'string' &&
    isOrderId(id) &&
    typeof bootId === 'string' &&
    results.some((known) => known === result) &&
    [pulses, pulseMs, gapMs].every((count) => Number.isSafeInteger(count) && Number(count) >= 0)
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** A power cut leaves the old file or the new one, and once this resolves the new one. */
async function replaceFile(path: string, text: string): Promise<void> {
  const fresh = `${path}.new`;
  const file = await open(fresh, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(fresh, path);
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
