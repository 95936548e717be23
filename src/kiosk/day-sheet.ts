// The day sheet: what this kiosk's journal knows of the sales that began on one day, in sums that balance. PURE.
import type { PrintBlock, PrintDocument } from '../../drivers/device.ts';
import { shortSaleId } from '../protocol/ids.ts';
import { formatRupiah } from '../protocol/money.ts';
import type { Anchor } from './journal-chain.ts';
import type { PastSale } from './past-sale-row.ts';
import { slipHead, textLine, type SlipContext } from './slips.ts';
import { say, type Language, type Word } from './words.ts';

/** Every sale of the day is in exactly one of them; all but `unpaid` are money that came. */
export const fates = ['sold', 'honoured', 'open', 'inHand', 'refunded', 'unpaid'] as const;
export type Fate = (typeof fates)[number];

export interface Sum {
  count: number;
  sumIdr: number;
}

export interface DaySheet {
  sums: Readonly<Record<Fate, Sum>>;
  /** All but `unpaid`. */
  received: Sum;
  first: PastSale | undefined;
  last: PastSale | undefined;
}

/** What became of a sale, as far as this kiosk knows. */
export function fateOf({ verdict, fulfilment, honoured }: PastSale): Fate {
  if (verdict === 'refunded') return 'refunded';
  if (fulfilment === 'done') return 'sold';
  if (honoured !== undefined) return 'honoured';
  if (verdict === 'paid-late') return 'open';
  if (verdict === 'paid') return fulfilment === undefined ? 'inHand' : 'open';
  // No goods for certain, or nobody knows: that is said of money alone.
  return fulfilment === 'failed' || fulfilment === 'unknown' ? 'open' : 'unpaid';
}

/** @param sales of one day, oldest first */
export function sumUp(sales: readonly PastSale[]): DaySheet {
  const of = (isOne: (fate: Fate) => boolean): Sum => {
    const some = sales.filter((sale) => isOne(fateOf(sale)));
    const sumIdr = some.reduce((sum, { amountIdr }) => sum + amountIdr, 0);
    return { count: some.length, sumIdr };
  };
  const paid = sales.filter((sale) => fateOf(sale) !== 'unpaid');
  const is = (one: Fate) => (fate: Fate) => fate === one;
  return {
    sums: {
      sold: of(is('sold')),
      honoured: of(is('honoured')),
      open: of(is('open')),
      inHand: of(is('inHand')),
      refunded: of(is('refunded')),
      unpaid: of(is('unpaid')),
    },
    received: of((fate) => fate !== 'unpaid'),
    first: paid[0],
    last: paid.at(-1),
  };
}

const fateWords: Readonly<Record<Fate, Word>> = {
  sold: 'daySold',
  honoured: 'dayHonoured',
  open: 'dayOpen',
  inHand: 'dayInHand',
  refunded: 'dayRefunded',
  unpaid: 'dayUnpaid',
};

/** @param day as people write it. @param timeOf a sale's beginning in the kiosk's zone. @param head of the journal */
export function daySlip(
  sheet: DaySheet,
  day: string,
  kioskId: string,
  head: Anchor,
  timeOf: (sale: PastSale) => string,
  context: SlipContext,
): PrintDocument {
  const { language } = context;
  const sale = (word: Word, one: PastSale | undefined): PrintBlock[] =>
    one === undefined
      ? []
      : [
          textLine(say(language, word)),
          { kind: 'pair', left: ` ${timeOf(one)}`, right: shortSaleId(one.saleId) },
        ];
  return {
    blocks: [
      ...slipHead(context, say(language, 'daySheet')),
      { kind: 'pair', left: day, right: kioskId, bold: true },
      { kind: 'rule' },
      ...fates.flatMap((fate) => sumLines(language, fateWords[fate], sheet.sums[fate])),
      { kind: 'rule' },
      ...sumLines(language, 'dayReceived', sheet.received),
      ...sale('dayFirst', sheet.first),
      ...sale('dayLast', sheet.last),
      { kind: 'rule' },
      textLine(say(language, 'dayHead', { n: String(head.number) })),
      textLine(head.hash),
      textLine(context.time),
      { kind: 'feed', lines: 1 },
    ],
  };
}

function sumLines(language: Language, word: Word, { count, sumIdr }: Sum): PrintBlock[] {
  const left = `${say(language, word)} ${count}`;
  return [{ kind: 'pair', left, right: formatRupiah(sumIdr) }];
}
