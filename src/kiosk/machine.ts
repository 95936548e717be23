// Which machine this is, and whether key and journal are its own (PROTOCOL.md §8). It must never guess: a machine that has
// no serial to be read is not told from another, and sells as it would without this.
import { createHmac, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { KiosError } from '../protocol/errors.ts';
import { privateKeyOf, writeIdentity, type Identity } from './identity.ts';
import { journalFault } from './journal-fault.ts';

/** What the relay takes (`enrolBody`); longer text is no serial. */
const maxSerialLength = 64;

/** Files that may name a machine, by what they hold; of each list the first that can be read counts. */
export interface SerialPlaces {
  /** The board's own serial, in the device tree. */
  board: readonly string[];
  /** The installed system's: it travels with the card, so it tells only a copied state folder from its original. */
  system: readonly string[];
  /** The firmware's; on most machines for root alone, so it comes last: `kios enrol` and the kiosk must read the same. */
  firmware: readonly string[];
}

const ownPlaces: SerialPlaces = {
  // The unit's ProcSubset=pid hides the first; the second is what it points to.
  board: ['/proc/device-tree/serial-number', '/sys/firmware/devicetree/base/serial-number'],
  system: ['/etc/machine-id'],
  firmware: ['/sys/class/dmi/id/product_uuid'],
};

/** The serial of this machine; undefined where it has none that can be read. */
export function machineSerial(places: SerialPlaces = ownPlaces): string | undefined {
  const board = firstSerial(places.board);
  if (board !== undefined) return board;
  const system = firstSerial(places.system);
  // machine-id(5): it must not be shown on the network, and enrolment tells the relay the serial.
  if (system !== undefined) return createHmac('sha256', system).update('kios').digest('hex');
  return firstSerial(places.firmware);
}

function firstSerial(paths: readonly string[]): string | undefined {
  return paths.map(readSerial).find((serial) => serial !== undefined);
}

function readSerial(path: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
    return undefined;
  }
  // Device tree: texts end with a zero byte.
  const serial = text.replace(/\0/g, '').trim();
  // A board that was never given one says zeros; a system before its first boot `uninitialized`.
  const isOne = /^[\x21-\x7e]+$/.test(serial) && !/^(?:[0-]+|uninitialized)$/.test(serial);
  return isOne && serial.length <= maxSerialLength ? serial : undefined;
}

/** What a journal carries of the machine: its serial, and the public half of the key by which it was that machine's. */
const machineMark = z.object({ serial: z.string(), key: z.string() });
export type MachineMark = z.infer<typeof machineMark>;

const markedRules = z.object({ machine: machineMark });

/**
 * Holds identity and journal against the machine. What carries no serial is an older kios's, and becomes this machine's.
 * A journal of another key is taken over: the kiosk was enrolled again.
 * @param rules the body of the journal's newest `rules` entry
 * @returns what the journal is to carry from now on
 * @throws KiosError `other-machine`
 */
export function checkMachine(
  identity: Identity,
  serial: string | undefined,
  rules: unknown,
): MachineMark | undefined {
  const mark = markedRules.safeParse(rules).data?.machine;
  if (serial === undefined) return mark;
  const { x: key = '' } = createPublicKey(privateKeyOf(identity)).export({ format: 'jwk' });
  const carried = [identity.serial, mark?.key === key ? mark.serial : undefined];
  if (carried.some((one) => one !== undefined && one !== serial)) {
    throw new KiosError(
      'other-machine',
      'key and journal are of another machine; enrol this one: kios enrol --force …',
    );
  }
  return { serial, key };
}

/**
 * Makes an identity of before machines were told apart this machine's, once and for all.
 * @throws KiosError as the journal does, when it cannot be written
 */
export function adoptIdentity(
  stateDir: string,
  identity: Identity,
  serial: string | undefined,
): void {
  if (identity.serial !== undefined || serial === undefined) return;
  try {
    writeIdentity(stateDir, { ...identity, serial });
  } catch (error) {
    throw journalFault(error, stateDir, 'be written');
  }
}
