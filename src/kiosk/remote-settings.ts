// The settings that an operator may change from his desk: prices, words, and nothing by which a machine could be lost or its
// identity changed. They lie over those of the machine's own file, and only the whole of both is a configuration.
import { z } from 'zod';
import { kioskConfig, settings as own, type KioskConfig } from './config.ts';
import { togetherRules } from './config-together.ts';

const { shape } = own;
const printer = shape.printer.unwrap().shape;
const dispenser = shape.dispenser.unwrap().shape;

/** Every one left out is that of the machine's own file. */
const fields = z.strictObject({
  language: shape.language.unwrap().optional(),
  timeZone: shape.timeZone.unwrap().optional(),
  logLevel: shape.logLevel.unwrap().optional(),
  catalogue: shape.catalogue.unwrap().optional(),
  priceLabels: shape.priceLabels,
  askAgainS: shape.askAgainS.unwrap().optional(),
  technicianCode: shape.technicianCode,
  printer: z
    .strictObject({
      receipts: printer.receipts.unwrap().optional(),
      acceptBlindPrinter: printer.acceptBlindPrinter.unwrap().optional(),
    })
    .optional(),
  dispenser: z
    .strictObject({
      idrPerPulse: dispenser.idrPerPulse,
      anyAmount: dispenser.anyAmount.unwrap().optional(),
    })
    .optional(),
});
export type RemoteSettings = z.infer<typeof fields>;

/** What can be told without the machine's own file: the rules of these settings alone. */
const rulesAlone = togetherRules.filter(({ path }) => path.join() === 'technicianCode');

export const remoteSettings = rulesAlone.reduce<z.ZodType<RemoteSettings>>(
  (schema, { path, says, fits }) =>
    schema.refine((read) => fits({ technicianCode: read.technicianCode }), { path, error: says }),
  fields,
);

export type Fitted = { ok: true; config: KioskConfig } | { ok: false; why: string };

/** The settings as signed, over a configuration. `why` names settings, never what stands in the catalogue. */
export function fitSettings(config: KioskConfig, signed: unknown): Fitted {
  const read = remoteSettings.safeParse(signed);
  if (!read.success) return { ok: false, why: faultWords(read.error) };
  const { printer: paper, dispenser: goods, ...plain } = read.data;
  const merged = kioskConfig.safeParse({
    ...config,
    ...set(plain),
    // What is said of a printer is for machines that have one.
    ...(config.printer === undefined ? {} : { printer: { ...config.printer, ...set(paper) } }),
    dispenser: { ...config.dispenser, ...set(goods) },
  });
  if (!merged.success) return { ok: false, why: faultWords(merged.error) };
  if (plain.catalogue !== undefined && !canBuy(merged.data)) return { ok: false, why: nobodyBuys };
  return { ok: true, config: merged.data };
}

const nobodyBuys = 'catalogue: it is empty, and without a keypad nobody could buy anything';

/** No rule of the machine's own file, which may be waiting for its goods. */
function canBuy({ keypad, catalogue }: KioskConfig): boolean {
  return keypad !== undefined || Object.keys(catalogue).length > 0;
}

/** Those that are set: `undefined` must not take the place of a value. */
function set(settings: object = {}): object {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

/** Faults that are told; whoever mends these sees the next ones. */
const maxFaults = 3;
const maxWords = 300;

function faultWords({ issues }: z.core.$ZodError): string {
  const words = issues.slice(0, maxFaults).map(({ path, message, code }) => {
    const [first = 'the whole', second] = path.map(String);
    // Below the catalogue are barcodes, names and prices.
    const isInside = first === 'catalogue' && second !== undefined;
    const name = second === undefined || isInside ? first : `${first}.${second}`;
    return `${name}: ${isInside && code === 'unrecognized_keys' ? 'an unknown key' : message}`;
  });
  return words
    .join('; ')
    .replaceAll(/\p{Cc}+/gu, ' ')
    .slice(0, maxWords);
}
