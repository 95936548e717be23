// How the journal's entries hold each other: each hash covers the one before it. A body goes in by its own hash, so that
// a copy that leaves a body out can still be checked. Computes, does no I/O.
import { hash as digest } from 'node:crypto';

/** `rules`: what the machine worked by from here on. `pruned`: entries up to a number were let go. */
export const entryKinds = ['event', 'state', 'rules', 'pruned'] as const;
export type EntryKind = (typeof entryKinds)[number];

/** An entry as it lies in the file. */
export interface Row {
  number: number;
  kind: EntryKind;
  /** Wall clock when written: a label for people. */
  at: string;
  body: string;
  /** What all rows of `sales` sum to after this entry (`addHash`); null where it changed none. */
  sales: string | null;
  hash: string;
}

/** Where a chain begins: at nothing, or behind the last entry that was let go. */
export interface Anchor {
  number: number;
  hash: string;
}

const hashCharacters = 64;
export const noHash = '0'.repeat(hashCharacters);
export const genesis: Anchor = { number: 0, hash: noHash };

/** SHA-256, lower-case hex. */
export function hashText(text: string): string {
  return digest('sha256', text);
}

/** @param bodyHash `hashText` of the body */
export function chainHash(
  before: string,
  row: Omit<Row, 'hash' | 'body'>,
  bodyHash: string,
): string {
  const { number, kind, at, sales } = row;
  return hashText([before, number, kind, at, sales ?? '', bodyHash].join('\n'));
}

const modulus = 1n << 256n;

/**
 * Adds a row's hash to the sum over all rows, or takes it out again: so a row of long ago can change without the others
 * being read. Nobody is kept out by it who can write the chain itself anew.
 */
export function addHash(sum: string, hash: string, sign: 1n | -1n): string {
  const next = (BigInt(`0x${sum}`) + sign * BigInt(`0x${hash}`)) % modulus;
  return (next < 0n ? next + modulus : next).toString(16).padStart(hashCharacters, '0');
}

/** Why a journal is not what was written, in words; with the entry or the sale where it begins. */
export interface JournalFault {
  entry?: number;
  saleId?: string;
  why: string;
}

/** One link after the other; it knows the first that does not fit. */
export class ChainWalk {
  #last: Anchor;
  /** The newest sum over the rows of `sales` that the chain vouches for; undefined where none was seen. */
  sales: string | undefined;
  /** Where the newest `pruned` entry says that the chain begins. */
  pruned: Anchor | undefined;

  constructor(anchor: Anchor) {
    this.#last = anchor;
  }

  get last(): Anchor {
    return this.#last;
  }

  /** The fault of this entry, or undefined. @param bodyHash of a body that was left out of a copy */
  take(row: Row, bodyHash = hashText(row.body)): JournalFault | undefined {
    const number = this.#last.number + 1;
    if (row.number !== number) return { entry: number, why: 'this entry is missing' };
    if (row.hash !== chainHash(this.#last.hash, row, bodyHash)) {
      return { entry: number, why: 'this entry was altered' };
    }
    this.#last = { number, hash: row.hash };
    if (row.sales !== null) this.sales = row.sales;
    if (row.kind === 'pruned') this.pruned = prunedTo(row.body);
    return undefined;
  }
}

/** What stands in a `pruned` entry. */
export function prunedTo(body: string): Anchor | undefined {
  const read: unknown = JSON.parse(body);
  if (typeof read !== 'object' || read === null) return undefined;
  const { number, hash } = read as Partial<Anchor>;
  return typeof number === 'number' && typeof hash === 'string' ? { number, hash } : undefined;
}

/** `entry 17: this entry was altered` */
export function faultWords({ entry, saleId, why }: JournalFault): string {
  const where = entry === undefined ? saleId : `entry ${entry}`;
  return where === undefined ? why : `${where}: ${why}`;
}
