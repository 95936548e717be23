// What each state looks like to the customer: a scene, before it is drawn. PURE.
import type { Scene } from '../../drivers/display/scene.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import { shortSaleId } from '../protocol/ids.ts';
import { formatRupiah } from '../protocol/money.ts';
import type { ConfigReport } from '../protocol/topics.ts';
import { basketTotalIdr } from './entry.ts';
import { codeDigits } from './redeem.ts';
import { missingParts } from './missing.ts';
import type { Rules } from './rules.ts';
import type { OpenSale, Phase, State } from './state.ts';
import { codeLines, hint, scene } from './scene-parts.ts';
import { technicianScene } from './technician-screen.ts';
import { say, type Word } from './words.ts';

/** What a scene needs besides the state. */
export interface ScreenContext {
  rules: Rules;
  merchant: { name: string; nmid: string };
  sandbox: boolean;
  /** What the operator wants to stand on the idle screen. */
  message?: string;
  /** Monotonic. */
  nowMs: number;
  /** The claim code of a sale, ready to be read aloud. */
  claimCode: (saleId: string) => string;
  /** What the machine itself complains of; none of it stops a sale. */
  hardwareCodes?: readonly ErrorCode[];
  /** Which configuration from afar runs. */
  config?: ConfigReport;
  /** The few lines for a technician's phone. */
  supportText?: () => string;
}

/** Basket lines on one screen. */
const shownItems = 5;

export function sceneOf(state: State, context: ScreenContext): Scene {
  const { phase } = state;
  switch (phase.at) {
    case 'idle':
      return idle(state, context);
    case 'entering':
      return entering(state, phase, context);
    case 'basket':
      return basket(state, phase, context);
    case 'asking':
      return asking(state, phase, context);
    case 'technician':
      return technicianScene(state, phase, context);
    case 'blocked':
      return scene(state, context, 'warn', 'notice', codeLines(state, phase.codes, context));
    case 'charging':
      return waiting(state, context, phase.sale, 'preparing', ['pleaseWait']);
    case 'checking':
      return waiting(state, context, phase.sale, 'checking', ['pleaseWait']);
    case 'paying':
      return paying(state, phase, context);
    case 'stopping':
    case 'abandoning':
      return stopping(state, phase, context);
    case 'dispensing':
      return {
        ...scene(
          state,
          context,
          'good',
          phase.dispenseId === undefined ? 'received' : 'claimGoods',
          [say(state.language, 'dispensing')],
        ),
        amount: formatRupiah(phase.sale.amountIdr),
      };
    case 'claiming':
      return claiming(state, phase, context);
    case 'seeking':
      return scene(state, context, 'neutral', 'claimChecking', [say(state.language, 'pleaseWait')]);
    case 'redeeming':
      return waiting(state, context, phase.sale, 'claimChecking', ['pleaseWait']);
    case 'result':
      return result(state, phase, context);
  }
}

function idle(state: State, context: ScreenContext): Scene {
  const missing = missingParts(state, context.rules);
  if (missing.length > 0) {
    return {
      ...scene(state, context, 'bad', 'outOfService', [
        ...codeLines(state, missing, context),
        ...messageLines(context),
      ]),
      hints: [hint(state, '/', 'keyLanguage')],
    };
  }
  const { catalogue, priceLabels } = context.rules;
  const scans = catalogue.size > 0 || priceLabels !== undefined;
  const words: Word = scans ? 'enterOrScan' : 'enterAmount';
  return {
    ...scene(state, context, 'neutral', 'welcome', [
      say(state.language, words),
      say(state.language, 'anyWallet'),
      ...messageLines(context),
    ]),
    hints: [
      ...(state.claims.open.length > 0 ? [hint(state, 'C 00', 'keyClaim')] : []),
      hint(state, '/', 'keyLanguage'),
    ],
  };
}

function messageLines({ message }: ScreenContext): readonly string[] {
  return message === undefined ? [] : [message];
}

function claiming(
  state: State,
  { digits, notice }: Extract<Phase, { at: 'claiming' }>,
  context: ScreenContext,
): Scene {
  const how =
    notice === undefined
      ? [say(state.language, 'claimEntryHow')]
      : codeLines(state, [notice], context);
  const shown = digits.padEnd(codeDigits, '_').replace(/^(.{4})(.{4})/, '$1 $2 ');
  return {
    ...scene(state, context, notice === undefined ? 'neutral' : 'warn', 'claimEntry', how),
    amount: shown,
    hints: [
      hint(state, 'Enter', 'keyOk'),
      hint(state, '⌫', 'keyBack'),
      hint(state, 'Esc', 'keyCancel'),
    ],
  };
}

function entering(
  state: State,
  phase: Extract<Phase, { at: 'entering' }>,
  context: ScreenContext,
): Scene {
  const notice = phase.notice === undefined ? [] : codeLines(state, [phase.notice], context);
  return {
    ...scene(
      state,
      context,
      phase.notice === undefined ? 'neutral' : 'warn',
      'enterAmount',
      notice,
    ),
    amount: formatRupiah(Number(phase.digits)),
    hints: [
      hint(state, 'Enter', 'keyPay'),
      hint(state, '⌫', 'keyBack'),
      hint(state, 'Esc', 'keyCancel'),
    ],
  };
}

function basket(
  state: State,
  phase: Extract<Phase, { at: 'basket' }>,
  context: ScreenContext,
): Scene {
  const shown = phase.items.slice(-shownItems);
  const hidden = phase.items.length - shown.length;
  const lines = shown.map(
    (item) => `${item.quantity} × ${item.name} – ${formatRupiah(item.priceIdr * item.quantity)}`,
  );
  if (hidden > 0) lines.unshift(say(state.language, 'moreItems', { n: String(hidden) }));
  if (phase.notice !== undefined) lines.push(...codeLines(state, [phase.notice], context));
  return {
    ...scene(state, context, phase.notice === undefined ? 'neutral' : 'warn', 'basket', lines),
    amount: formatRupiah(basketTotalIdr(phase.items)),
    hints: [
      hint(state, 'Enter', 'keyPay'),
      hint(state, '⌫', 'keyBack'),
      hint(state, 'Esc', 'keyCancel'),
    ],
  };
}

function asking(
  state: State,
  phase: Extract<Phase, { at: 'asking' }>,
  context: ScreenContext,
): Scene {
  const amount = formatRupiah(phase.amountIdr);
  const question = [say(state.language, 'justPaid', { amount }), say(state.language, 'onceMore')];
  return {
    ...scene(state, context, 'warn', 'notice', question),
    amount,
    hints: [hint(state, 'Enter', 'keyPayAgain'), hint(state, 'Esc', 'keyCancel')],
  };
}

function waiting(
  state: State,
  context: ScreenContext,
  sale: OpenSale,
  heading: Word,
  words: readonly Word[],
): Scene {
  return {
    ...scene(
      state,
      context,
      'neutral',
      heading,
      words.map((word) => say(state.language, word)),
    ),
    amount: formatRupiah(sale.amountIdr),
    hints: [hint(state, 'Esc', 'keyCancel')],
  };
}

function stopping(
  state: State,
  phase: Extract<Phase, { at: 'stopping' | 'abandoning' }>,
  context: ScreenContext,
): Scene {
  const scene = waiting(state, context, phase.sale, 'stopping', ['doNotPay', 'ifPaid']);
  const because = phase.because === undefined ? [] : codeLines(state, [phase.because], context);
  return { ...scene, lines: [...scene.lines, ...because], hints: [] };
}

function paying(
  state: State,
  phase: Extract<Phase, { at: 'paying' }>,
  context: ScreenContext,
): Scene {
  const leftMs = Math.max(0, phase.deadlineMs - context.nowMs);
  const onPaper = (phase.sale.qrOn ?? context.rules.qrOn) === 'paper';
  const details = [
    `NMID ${context.merchant.nmid}`,
    say(state.language, 'saleShort', { id: shortSaleId(phase.sale.saleId) }),
  ];
  return {
    ...scene(state, context, 'neutral', onPaper ? 'takeSlip' : 'scanToPay', [
      say(state.language, 'anyWallet'),
      ...(onPaper ? details : []),
    ]),
    amount: formatRupiah(phase.sale.amountIdr),
    ...(onPaper ? {} : { qr: { text: phase.qrString, lines: details } }),
    timeLeft: {
      share: leftMs / phase.totalMs,
      words: `${say(state.language, 'timeLeft')} ${clockWords(leftMs)}`,
    },
    hints: [hint(state, 'Esc', 'keyCancel')],
    ...(context.sandbox ? { banner: say(state.language, 'testBanner') } : {}),
    mark: Math.floor(context.nowMs / 1000),
  };
}

/** `2:41` */
function clockWords(leftMs: number): string {
  const seconds = Math.ceil(leftMs / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

function result(
  state: State,
  phase: Extract<Phase, { at: 'result' }>,
  context: ScreenContext,
): Scene {
  const { language } = state;
  const because = phase.because === undefined ? [] : codeLines(state, [phase.because], context);
  const amount = formatRupiah(phase.sale.amountIdr);
  const done = [hint(state, 'Enter', 'keyOk')];
  const nothing = say(language, 'nothingCharged');
  const again = say(language, 'tryAgain');
  switch (phase.outcome) {
    case 'done':
      return {
        ...scene(state, context, 'good', 'received', [
          say(language, 'takeGoods'),
          say(language, phase.noSlip === true ? 'noReceipt' : 'thanks'),
        ]),
        amount,
        hints: done,
      };
    case 'cancelled':
      return {
        ...scene(state, context, 'neutral', 'cancelled', [...because, nothing]),
        hints: done,
      };
    case 'refunded':
      return {
        ...scene(state, context, 'neutral', 'refunded', [say(language, 'refundedWhy'), again]),
        amount,
        hints: done,
      };
    case 'expired':
      return { ...scene(state, context, 'neutral', 'expired', [nothing, again]), hints: done };
    case 'denied':
      return {
        ...scene(state, context, 'warn', 'denied', [...because, nothing, again]),
        hints: done,
      };
    case 'unsent':
      return {
        ...scene(state, context, 'warn', 'unsent', [...because, nothing, again]),
        hints: done,
      };
    case 'abandoned':
      // No QR was ever shown for it: nobody can have paid.
      if (phase.because === 'gateway-down' && phase.sale.deadlineMs === undefined) {
        const lines = [...because, nothing, again];
        return { ...scene(state, context, 'warn', 'unsent', lines), hints: done };
      }
      return {
        ...scene(state, context, 'warn', 'abandoned', [
          say(language, 'abandonedIfPaid'),
          context.claimCode(phase.sale.saleId),
        ]),
        hints: done,
      };
    case 'claim':
      return {
        ...scene(state, context, 'warn', 'claim', [
          `${amount} – ${say(language, claimWords(phase.because))}`,
          say(language, phase.noSlip === true ? 'claimWrite' : 'claimKeep'),
        ]),
        // The code is what the customer must take away, so it stands where the amount does.
        amount: context.claimCode(phase.sale.saleId),
        hints: done,
      };
  }
}

/** Nobody may be told that nothing came out when nobody knows. */
function claimWords(because: ErrorCode | undefined): Word {
  return because === 'dispenser-unknown' ? 'claimUnknown' : 'claimWhy';
}
