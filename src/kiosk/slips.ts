// What stands on each slip: a document of lines, before a printer's language. PURE.
import type { PrintBlock, PrintDocument } from '../../drivers/device.ts';
import { shortSaleId } from '../protocol/ids.ts';
import { formatRupiah } from '../protocol/money.ts';
import type { OpenSale } from './state.ts';
import { say, type Language } from './words.ts';

export interface SlipContext {
  language: Language;
  merchant: { name: string; nmid: string };
  sandbox: boolean;
  /** Wall clock in the kiosk's zone, `22-11-2026 14:03 WIB`. */
  time: string;
}

const text = (
  line: string,
  more: Partial<Extract<PrintBlock, { kind: 'text' }>> = {},
): PrintBlock => ({
  kind: 'text',
  text: line,
  ...more,
});

function head(context: SlipContext, title: string): PrintBlock[] {
  return [
    text(context.merchant.name, { align: 'centre', bold: true }),
    text(title, { align: 'centre' }),
    ...(context.sandbox
      ? [text(say(context.language, 'testBanner'), { align: 'centre', bold: true })]
      : []),
    { kind: 'rule' },
  ];
}

function foot(context: SlipContext, sale: OpenSale): PrintBlock[] {
  return [
    { kind: 'rule' },
    { kind: 'pair', left: context.time, right: shortSaleId(sale.saleId) },
    text(sale.saleId),
    { kind: 'feed', lines: 1 },
  ];
}

function lines(sale: OpenSale): PrintBlock[] {
  return sale.items.map((item) => ({
    kind: 'pair',
    left: `${item.quantity} x ${item.name}`,
    right: formatRupiah(item.priceIdr * item.quantity),
  }));
}

/** After the goods came out. */
export function receiptSlip(sale: OpenSale, context: SlipContext): PrintDocument {
  const { language } = context;
  return {
    blocks: [
      ...head(context, say(language, 'receipt')),
      ...lines(sale),
      {
        kind: 'pair',
        left: say(language, 'total'),
        right: formatRupiah(sale.amountIdr),
        bold: true,
      },
      text(say(language, 'paidBy')),
      text(say(language, 'thanks'), { align: 'centre' }),
      ...foot(context, sale),
    ],
  };
}

/**
 * Money came and no goods did: the code that a person brings back, and how it is brought.
 * @param code as people read it. @param scanned the text of the QR, where this kiosk has a scanner.
 */
export function claimSlip(
  sale: OpenSale,
  code: string,
  context: SlipContext,
  scanned?: string,
): PrintDocument {
  const { language } = context;
  const scan: PrintBlock[] =
    scanned === undefined
      ? []
      : [
          text(say(language, 'claimRedeemScan')),
          { kind: 'qr', text: scanned },
          text(say(language, 'claimNotForPaying'), { align: 'centre', bold: true }),
        ];
  return {
    blocks: [
      ...head(context, say(language, 'claimSlip')),
      text(say(language, 'claimSlipWhy')),
      {
        kind: 'pair',
        left: say(language, 'total'),
        right: formatRupiah(sale.amountIdr),
        bold: true,
      },
      text(say(language, 'claimKeep')),
      text(code, { align: 'centre', size: 'double' }),
      text(say(language, 'claimRedeem')),
      ...scan,
      ...foot(context, sale),
    ],
  };
}

/** A payable QR on paper: it says until when, and for what. `until`: wall clock in the kiosk's zone. */
export function qrSlip(
  sale: OpenSale,
  qrString: string,
  until: string,
  context: SlipContext,
): PrintDocument {
  const { language } = context;
  return {
    blocks: [
      ...head(context, say(language, 'qrSlip')),
      text(formatRupiah(sale.amountIdr), { align: 'centre', size: 'double' }),
      { kind: 'qr', text: qrString },
      text(`NMID ${context.merchant.nmid}`, { align: 'centre' }),
      text(say(language, 'payUntil', { time: until }), { align: 'centre', bold: true }),
      text(say(language, 'once'), { align: 'centre' }),
      ...foot(context, sale),
    ],
  };
}
