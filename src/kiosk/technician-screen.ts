// What the technician sees: every part with its words, or the slips of the past to copy. PURE. It shows no code of a claim.
import type { Scene } from '../../drivers/display/scene.ts';
import { shortSaleId } from '../protocol/ids.ts';
import { formatRupiah } from '../protocol/money.ts';
import { missingParts, neededParts } from './missing.ts';
import { codeLines, hint, scene } from './scene-parts.ts';
import type { ScreenContext } from './screens.ts';
import { parts, type PastSlip, type Phase, type State } from './state.ts';
import { say, sayCode } from './words.ts';

type Technician = Extract<Phase, { at: 'technician' }>;

/** With what became of the last print they fit the smallest panel; the faults come first. */
const shownLines = 7;

export function technicianScene(state: State, phase: Technician, context: ScreenContext): Scene {
  if (phase.support === true) return support(state, context);
  return phase.slips === undefined
    ? health(state, phase, context)
    : copies(state, phase, phase.slips, context);
}

/** For a phone: what whoever helps asks first. */
function support(state: State, context: ScreenContext): Scene {
  return {
    ...scene(state, context, 'neutral', 'support', [say(state.language, 'supportHow')]),
    qr: { text: context.supportText?.() ?? '-', lines: [] },
    hints: [hint(state, 'Enter', 'keyService'), hint(state, 'Esc', 'keyReturn')],
  };
}

function health(state: State, phase: Technician, context: ScreenContext): Scene {
  const { language, reports, claims } = state;
  const faulty = parts.filter((part) => !state.parts[part].ok);
  const told = faulty.flatMap((part) => {
    const is = state.parts[part];
    return is.ok ? [] : [is.code];
  });
  const codes = [
    ...new Set([
      ...missingParts(state, context.rules),
      ...told,
      ...(context.hardwareCodes ?? []),
      ...(context.config?.refused === undefined ? [] : ['config-refused' as const]),
    ]),
  ];
  const needed = neededParts(context.rules);
  const well = needed.filter((part) => !faulty.includes(part));
  const names = well.map((part) => say(language, `part_${part}`)).join(', ');
  const counts = { reports: String(reports.length), claims: String(claims.open.length) };
  const lines = [
    ...(codes.length === 0 ? [say(language, 'partsAllWell')] : []),
    ...codeLines(state, codes, context),
    ...(well.length === 0 ? [] : [say(language, 'partsWell', { parts: names })]),
    say(language, 'owedWork', counts),
    ...configLine(state, context),
  ];
  return {
    ...scene(state, context, codes.length === 0 ? 'neutral' : 'warn', 'technician', [
      ...lines.slice(0, shownLines),
      ...paperLine(state, phase),
    ]),
    hints: [
      hint(state, '1', 'keyCopy'),
      hint(state, '2', 'keyDaySheet'),
      hint(state, '3', 'keySupport'),
      hint(state, 'Enter', 'keyService'),
      hint(state, 'Esc', 'keyLeave'),
    ],
  };
}

/** The machine's own file alone is nothing to say. */
function configLine({ language }: State, { config }: ScreenContext): readonly string[] {
  if (config?.version === undefined) return [];
  const version = String(config.version);
  return [say(language, config.trial === true ? 'configTrial' : 'configRuns', { version })];
}

function copies(
  state: State,
  phase: Technician,
  slips: readonly PastSlip[],
  context: ScreenContext,
): Scene {
  const { language } = state;
  const lines = slips.map(({ slip, amountIdr, saleId }, index) =>
    say(language, 'pastSlip', {
      n: String(index + 1),
      what: say(language, slip === 'receipt' ? 'receipt' : 'claimSlip'),
      amount: formatRupiah(amountIdr),
      id: shortSaleId(saleId),
    }),
  );
  const list = lines.length === 0 ? [say(language, 'noPastSlips')] : lines;
  const chosen = slips.length === 0 ? [] : [hint(state, `1–${slips.length}`, 'keyCopy')];
  return {
    ...scene(state, context, 'neutral', 'pastSlips', [...list, ...paperLine(state, phase)]),
    hints: [...chosen, hint(state, 'Enter', 'keyService'), hint(state, 'Esc', 'keyReturn')],
  };
}

function paperLine({ language }: State, { paper, sheet }: Technician): readonly string[] {
  if (sheet === 'taking') return [say(language, 'pleaseWait')];
  if (sheet !== undefined) {
    return [sheet === 'taken' ? say(language, 'sheetTaken') : sayCode(language, sheet)];
  }
  switch (paper) {
    case undefined:
      return [];
    case 'asked':
      return [say(language, 'pleaseWait')];
    case 'printing':
      return [say(language, 'printing')];
    case 'printed':
      return [say(language, 'printedWell')];
    case 'unknown':
      return [say(language, 'printedPerhaps')];
    default:
      return [sayCode(language, paper)];
  }
}
