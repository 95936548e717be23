// The kiosk's configuration file: one schema, unknown keys refused, an example for each value that can be wrong.
import { z } from 'zod';
import { DeviceError } from '../../drivers/device.ts';
import { createDispenser } from '../../drivers/dispenser/dispenser.ts';
import { createDisplay } from '../../drivers/display/display.ts';
import { createKeypad } from '../../drivers/keypad/keypad.ts';
import { createPrinter } from '../../drivers/printer/printer.ts';
import { priceLabelRoom } from '../../drivers/scanner/price-label.ts';
import { createScanner } from '../../drivers/scanner/scanner.ts';
import { systemClock } from '../lib/clock.ts';
import { plainText } from '../protocol/plain-text.ts';
import { isObject, readable, togetherRules } from './config-together.ts';
import { printerProfiles, proofWays, statusWays } from '../../drivers/printer/profiles.ts';
import type { PrinterProfileName } from '../../drivers/printer/profiles.ts';

/** Where a device is. Tried on the driver that will open it, so that a wrong address is told here and not at night. */
const at = (make: (at: string) => unknown): z.ZodType<string> =>
  z
    .string()
    .min(1)
    .max(200)
    .superRefine((text, context) => {
      try {
        make(text);
      } catch (error) {
        if (!(error instanceof DeviceError)) throw error;
        context.addIssue({ code: 'custom', message: error.message });
      }
    });

const nothing = (): void => undefined;

const catalogueItem = z.strictObject({
  id: z.string().min(1).max(50),
  name: z.string().min(1).max(50),
  /** Left out where each label carries its own price. */
  priceIdr: z.int().min(1).max(10_000_000).optional(),
});

const items = z
  .record(
    z.string().regex(/^[\x21-\x7e]{1,64}$/, 'a barcode is 1 to 64 printable characters'),
    catalogueItem,
  )
  .refine((all) => Object.keys(all).length <= 5000, 'at most 5000 items');

/** Barcode → what it is; for labels that carry a price, prefix and item digits. */
const catalogue = z.preprocess((written, context) => {
  // zod leaves out this one name of an object without a word: an item that is written and cannot be bought.
  if (isObject(written) && Object.hasOwn(written, '__proto__')) {
    const message = 'this cannot be a barcode: take it out';
    context.addIssue({ code: 'custom', message, path: ['__proto__'] });
  }
  return written;
}, items);

const labelDigits = z.int().min(4).max(6);

/** How the shop's own labels carry an item and its price. */
const priceLabels = z
  .strictObject({
    prefixes: z.array(z.string().regex(/^2\d$/, 'two digits, 20 to 29')).min(1).max(10),
    itemDigits: labelDigits.default(5),
    priceDigits: labelDigits.default(5),
    stepIdr: z.int().min(1).max(1_000).default(1),
    /** The digit before the price is its check digit, as GS1 has it for prices of 4 and 5 digits. */
    priceCheck: z.boolean().default(false),
  })
  .refine(({ itemDigits, priceDigits }) => itemDigits + priceDigits <= priceLabelRoom, {
    error: `itemDigits and priceDigits together are at most ${priceLabelRoom}`,
  })
  .refine(
    ({ itemDigits, priceDigits, priceCheck }) =>
      !priceCheck || (priceDigits < 6 && itemDigits + priceDigits < priceLabelRoom),
    { error: 'priceCheck needs a price of 4 or 5 digits, and one digit between item and price' },
  );

const profileNames = Object.keys(printerProfiles) as [PrinterProfileName, ...PrinterProfileName[]];

/** What a configuration is made of, without the rules that hold it together. */
export const settings = z.strictObject({
  /** Journal, identity: on a disk that survives. */
  stateDir: z.string().regex(/^\//, 'write the whole path, from / on'),
  /** What the machine goes by, instead of its own serial; then `kios enrol --serial` is given the same. */
  serial: plainText(64, 1).optional(),
  /** Where the QR is given to the customer. */
  qrOn: z.enum(['display', 'paper']).default('display'),
  /** What the customer reads first. */
  language: z.enum(['id', 'en']).default('id'),
  /** For times on slips: Asia/Jakarta (WIB), Asia/Makassar (WITA), Asia/Jayapura (WIT). */
  timeZone: z.enum(['Asia/Jakarta', 'Asia/Makassar', 'Asia/Jayapura']).default('Asia/Jakarta'),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  keypad: z
    .strictObject({
      at: at((text) => createKeypad({ at: text, onKey: nothing, clock: systemClock })),
    })
    .optional(),
  scanner: z
    .strictObject({
      at: at((text) => createScanner({ at: text, clock: systemClock, onScan: nothing })),
      prefix: z.string().max(8).default(''),
      suffix: z.string().min(1).max(8).optional(),
      /** Whether the scanner is set to send AIM identifiers; left out: what looks like one is one. */
      aim: z.boolean().optional(),
      /** The same barcode again, sooner than this after it was last seen, is the same look at it. */
      rereadMs: z.int().min(0).max(5_000).optional(),
    })
    .optional(),
  display: z
    .strictObject({
      at: at((text) => createDisplay({ at: text, clock: systemClock })),
      rotation: z.union([z.literal(0), z.literal(90), z.literal(180), z.literal(270)]).default(0),
      panelWidthMm: z.number().min(30).max(2000).optional(),
    })
    .optional(),
  printer: z
    .strictObject({
      at: at((text) =>
        createPrinter({ at: text, profile: printerProfiles['generic-58'], clock: systemClock }),
      ),
      profile: z.enum(profileNames).default('generic-58'),
      /** What `kios learn printer` found this one printer to answer, instead of what its model's profile says. */
      status: z.enum(statusWays).optional(),
      proof: z.enum(proofWays).optional(),
      clearsBuffer: z.boolean().optional(),
      receipts: z.boolean().default(true),
      acceptBlindPrinter: z.boolean().default(false),
    })
    .optional(),
  dispenser: z
    .strictObject({
      at: at((text) => createDispenser({ at: text, clock: systemClock })),
      /** A typed amount buys amount / idrPerPulse pieces, and must be a multiple of it. */
      idrPerPulse: z.int().min(1).max(10_000_000).optional(),
      /** Somebody watches what is typed or scanned: any amount is one hand-over. */
      anyAmount: z.boolean().default(false),
    })
    .prefault({ at: 'none' }),
  catalogue: catalogue.default({}),
  priceLabels: priceLabels.optional(),
  /** The same amount again within so long of a payment is asked about first; 0: never. */
  askAgainS: z.int().min(0).max(600).default(30),
  /** Typed like a claim code, or scanned as `TEKNISI` and the digits: opens the technician's screen. */
  technicianCode: z
    .string()
    .regex(/^\d{6,10}$/, 'six to ten digits, in quotes')
    .optional(),
});
export type Settings = z.infer<typeof settings>;

/** The configuration of one kiosk. */
export const kioskConfig = togetherRules.reduce<z.ZodType<Settings>>(
  (schema, { path, says, fits }) =>
    schema.refine((read) => fits(readable(read)), {
      path,
      error: says,
      when: ({ value }) => isObject(value),
    }),
  settings,
);
export type KioskConfig = Settings;

/** Shown beside a fault at that path. */
export const kioskExamples: Readonly<Record<string, string>> = {
  stateDir: '/var/lib/kios',
  serial: '"kiosk-7"',
  qrOn: 'display',
  language: 'id',
  timeZone: 'Asia/Jakarta',
  logLevel: 'info',
  'keypad.at': 'hid:/dev/kios/hid-platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.1:1.0',
  'scanner.at': 'serial:/dev/serial/by-path/platform-…-usb-0:1.2:1.0?baudRate=9600',
  'scanner.prefix': '""',
  'scanner.suffix': '"\\r"',
  'scanner.aim': 'true',
  'scanner.rereadMs': '800',
  'display.at': 'fb:/dev/fb0',
  'display.rotation': '90',
  'display.panelWidthMm': '155',
  'printer.at': 'lp:/dev/usb/lp0',
  'printer.profile': 'generic-58',
  'printer.receipts': 'true',
  'printer.status': 'dle-eot',
  'printer.proof': 'gs-r',
  'printer.clearsBuffer': 'true',
  keypad: '{ at: "hid:/dev/kios/hid-…" }',
  scanner: '{ at: "serial:/dev/kios/serial-…" }',
  display: '{ at: "fb:/dev/fb0" }',
  printer: '{ at: "lp:/dev/usb/lp0" }',
  dispenser: '{ at: none }',
  'dispenser.idrPerPulse': '5000',
  'dispenser.anyAmount': 'true',
  'printer.acceptBlindPrinter': 'true',
  'dispenser.at': 'serial:/dev/serial/by-path/platform-…-usb-0:1.3:1.0?baudRate=9600',
  catalogue: '{ "8991002101234": { id: kopi, name: Kopi susu, priceIdr: 12000 } }',
  priceLabels: '{ prefixes: ["21"], itemDigits: 5, priceDigits: 5 }',
  askAgainS: '30',
  technicianCode: '"314159"',
};
