// What no value of the configuration can tell alone: a kiosk that could never sell, or would sell anything for Rp 1.
// These rules look at files that may have other faults too, so that all of them are told at once.
import { printerProfiles, profileOf } from '../../drivers/printer/profiles.ts';
import type { Settings } from './config.ts';

/** The settings as far as they could be read. */
type Read = Partial<Settings>;

interface TogetherRule {
  path: string[];
  says: string;
  fits: (config: Read) => boolean;
}

/** Not null, not a list: something with settings in it. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Leaves out what is no group of settings; its own fault is told elsewhere. */
export function readable(read: object): Read {
  const groups = [
    ...['keypad', 'scanner', 'display', 'printer', 'dispenser', 'catalogue', 'priceLabels'],
  ];
  return Object.fromEntries(
    Object.entries(read).filter(([name, value]) => !groups.includes(name) || isObject(value)),
  );
}

export const togetherRules: readonly TogetherRule[] = [
  {
    path: ['display'],
    says: 'qrOn is display, but there is none',
    fits: ({ qrOn, display }) => qrOn !== 'display' || display !== undefined,
  },
  {
    path: ['printer'],
    says: 'qrOn is paper, but there is no printer',
    fits: ({ qrOn, printer }) => qrOn !== 'paper' || printer !== undefined,
  },
  {
    path: ['printer', 'acceptBlindPrinter'],
    says: 'this printer cannot prove that a QR slip was printed: set it to true, or take a printer that can',
    fits: ({ qrOn, printer }) =>
      qrOn !== 'paper' ||
      printer === undefined ||
      printer.acceptBlindPrinter ||
      !(printer.profile in printerProfiles) ||
      profileOf(printer).proof !== 'none',
  },
  {
    path: ['keypad'],
    says: 'without a keypad or a scanner nobody can buy anything',
    fits: ({ keypad, scanner }) => keypad !== undefined || scanner !== undefined,
  },
  {
    path: [],
    says: 'two devices are at the same place; each needs a port of its own',
    fits: (config) => {
      const places = placesOf(config);
      return new Set(places).size === places.length;
    },
  },
  {
    path: ['dispenser', 'idrPerPulse'],
    says: 'a customer who types Rp 1 would get goods for it: set the price of one piece, or anyAmount: true where somebody watches',
    fits: ({ keypad, dispenser }) =>
      keypad === undefined || isWatched(dispenser) || dispenser?.idrPerPulse !== undefined,
  },
  {
    path: ['dispenser', 'anyAmount'],
    says: 'one dispenser hands out the same for every price in the catalogue: give all items one price, or set anyAmount: true where somebody watches',
    fits: ({ catalogue, dispenser }) => isWatched(dispenser) || oneOf(pricesOf(catalogue)),
  },
  {
    path: ['dispenser', 'idrPerPulse'],
    says: 'one piece has one price, typed or scanned: give the items of the catalogue this price, or set anyAmount: true where somebody watches',
    fits: ({ catalogue, dispenser }) => {
      const prices = pricesOf(catalogue);
      const price = dispenser?.idrPerPulse;
      // Several prices are another rule's fault.
      if (isWatched(dispenser) || price === undefined || !oneOf(prices)) return true;
      return prices.every((one) => one === price);
    },
  },
  {
    path: ['catalogue'],
    says: 'an item without priceIdr is found by the prefix and item digits of priceLabels, such as "2112345"',
    fits: ({ catalogue, priceLabels }) =>
      Object.entries(catalogue ?? {}).every(
        ([name, item]) =>
          !isObject(item) || item.priceIdr !== undefined || isLabelOf(name, priceLabels),
      ),
  },
  {
    path: ['technicianCode'],
    says: 'six to ten times the same digit is no secret',
    // A number, from a file without quotes, is told by the schema.
    fits: ({ technicianCode }) =>
      typeof technicianCode !== 'string' || new Set(technicianCode).size > 1,
  },
];

function pricesOf(catalogue: Read['catalogue']): (number | undefined)[] {
  return Object.values(catalogue ?? {})
    .filter(isObject)
    .map(({ priceIdr }) => priceIdr);
}

/** A price that stands on each label is never one price. */
function oneOf(prices: readonly (number | undefined)[]): boolean {
  return !prices.includes(undefined) && new Set(prices).size <= 1;
}

function isLabelOf(name: string, labels: Read['priceLabels']): boolean {
  if (labels === undefined) return false;
  return labels.prefixes.some(
    (prefix) => name.startsWith(prefix) && name.length === prefix.length + labels.itemDigits,
  );
}

/** Nothing moves by itself, or somebody sees to it that the amount is right. */
function isWatched(dispenser: Read['dispenser']): boolean {
  return dispenser === undefined || dispenser.at === 'none' || dispenser.anyAmount;
}

function placesOf({ keypad, scanner, display, printer, dispenser }: Read): string[] {
  return [keypad, scanner, display, printer, dispenser].flatMap((device) =>
    device === undefined || device.at === 'none' || device.at === 'terminal' ? [] : [device.at],
  );
}
