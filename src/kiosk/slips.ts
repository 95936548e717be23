// What stands on each slip: a document of lines, before a printer's language. PURE.
import type { PrintBlock, PrintDocument } from '../../drivers/device.ts';
import { shortSaleId } from '../protocol/ids.ts';
import { formatRupiah } from '../protocol/money.ts';
import type { OpenSale } from './state.ts';
import { say, type Language } from './words.ts';

/** What a slip says of a sale: the one in hand, or one of the past. */
export type SlipSale = Pick<OpenSale, 'saleId' | 'amountIdr' | 'items'>;

export interface SlipContext {
  language: Language;
  merchant: { name: string; nmid: string };
  sandbox: boolean;
  /** Wall clock in the kiosk's zone, `22-11-2026 14:03 WIB`; or that the clock is not set. */
  time: string;
  /** A slip of the past, printed once more: `time` is that of the sale, this one is of the copy. */
  copiedAt?: string;
}

export function textLine(
  line: string,
  more: Partial<Extract<PrintBlock, { kind: 'text' }>> = {},
): PrintBlock {
  return { kind: 'text', text: line, ...more };
}

export function slipHead(context: SlipContext, title: string): PrintBlock[] {
  const { language, copiedAt } = context;
  const centred = { align: 'centre', bold: true } as const;
  return [
    textLine(context.merchant.name, centred),
    textLine(title, { align: 'centre' }),
    ...(context.sandbox ? [textLine(say(language, 'testBanner'), centred)] : []),
    ...(copiedAt === undefined
      ? []
      : [
          textLine(say(language, 'copy'), { align: 'centre', size: 'double' }),
          textLine(say(language, 'copiedAt', { time: copiedAt }), { align: 'centre' }),
        ]),
    { kind: 'rule' },
  ];
}

function foot(context: SlipContext, sale: SlipSale): PrintBlock[] {
  return [
    { kind: 'rule' },
    { kind: 'pair', left: context.time, right: shortSaleId(sale.saleId) },
    textLine(sale.saleId),
    { kind: 'feed', lines: 1 },
  ];
}

function lines(sale: SlipSale): PrintBlock[] {
  return sale.items.map((item) => ({
    kind: 'pair',
    left: `${item.quantity} x ${item.name}`,
    right: formatRupiah(item.priceIdr * item.quantity),
  }));
}

function total(sale: SlipSale, { language }: SlipContext): PrintBlock {
  const right = formatRupiah(sale.amountIdr);
  return { kind: 'pair', left: say(language, 'total'), right, bold: true };
}

/** After the goods came out. */
export function receiptSlip(sale: SlipSale, context: SlipContext): PrintDocument {
  const { language } = context;
  return {
    blocks: [
      ...slipHead(context, say(language, 'receipt')),
      ...lines(sale),
      total(sale, context),
      textLine(say(language, 'paidBy')),
      textLine(say(language, 'thanks'), { align: 'centre' }),
      ...foot(context, sale),
    ],
  };
}

/**
 * Money came and no goods did: the code that a person brings back, and how it is brought.
 * @param code as people read it. @param scanned the text of the QR, where this kiosk has a scanner.
 */
export function claimSlip(
  sale: SlipSale,
  code: string,
  context: SlipContext,
  scanned?: string,
): PrintDocument {
  const { language } = context;
  const scan: PrintBlock[] =
    scanned === undefined
      ? []
      : [
          textLine(say(language, 'claimRedeemScan')),
          { kind: 'qr', text: scanned },
          textLine(say(language, 'claimNotForPaying'), { align: 'centre', bold: true }),
        ];
  return {
    blocks: [
      ...slipHead(context, say(language, 'claimSlip')),
      textLine(say(language, 'claimSlipWhy')),
      total(sale, context),
      textLine(say(language, 'claimKeep')),
      textLine(code, { align: 'centre', size: 'double' }),
      textLine(say(language, 'claimRedeem')),
      ...scan,
      ...foot(context, sale),
    ],
  };
}

/** A claim slip once more, for whoever looks after the kiosk: its code is the customer's alone. */
export function claimCopySlip(sale: SlipSale, context: SlipContext): PrintDocument {
  const { language } = context;
  return {
    blocks: [
      ...slipHead(context, say(language, 'claimSlip')),
      textLine(say(language, 'claimSlipWhy')),
      total(sale, context),
      textLine(say(language, 'claimNoCode')),
      ...foot(context, sale),
    ],
  };
}

/** A payable QR on paper: it says until when, and for what. `until`: wall clock in the kiosk's zone. */
export function qrSlip(
  sale: SlipSale,
  qrString: string,
  until: string,
  context: SlipContext,
): PrintDocument {
  const { language } = context;
  return {
    blocks: [
      ...slipHead(context, say(language, 'qrSlip')),
      textLine(formatRupiah(sale.amountIdr), { align: 'centre', size: 'double' }),
      { kind: 'qr', text: qrString },
      textLine(`NMID ${context.merchant.nmid}`, { align: 'centre' }),
      textLine(say(language, 'payUntil', { time: until }), { align: 'centre', bold: true }),
      textLine(say(language, 'once'), { align: 'centre' }),
      ...foot(context, sale),
    ],
  };
}

/** Takes a QR slip back that is on paper, or may still come out (rule 6). */
export function voidSlip(sale: SlipSale, context: SlipContext): PrintDocument {
  const { language } = context;
  const id = shortSaleId(sale.saleId);
  return {
    blocks: [
      ...slipHead(context, 'QRIS'),
      textLine(say(language, 'void'), { align: 'centre', size: 'double' }),
      textLine(say(language, 'voidWhy', { id }), { align: 'centre', bold: true }),
      total(sale, context),
      ...foot(context, sale),
    ],
  };
}
