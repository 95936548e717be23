// What every screen is made of: its frame of words, its key hints, the words of a code. PURE.
import type { Scene, Tone } from '../../drivers/display/scene.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import { formatRupiah } from '../protocol/money.ts';
import type { ScreenContext } from './screens.ts';
import type { State } from './state.ts';
import { say, sayCode, type Word } from './words.ts';

/** A screen with these words and nothing else yet. */
export function scene(
  state: State,
  context: ScreenContext,
  tone: Tone,
  heading: Word,
  lines: readonly string[],
): Scene {
  return {
    tone,
    merchant: context.merchant.name,
    heading: say(state.language, heading),
    lines,
    hints: [],
  };
}

export function hint(state: State, key: string, word: Word): Scene['hints'][number] {
  return { key, text: say(state.language, word) };
}

/** What each code says to the person in front. */
export function codeLines(
  state: State,
  codes: readonly ErrorCode[],
  { rules }: ScreenContext,
): readonly string[] {
  const values = {
    min: formatRupiah(rules.limits.minIdr),
    max: formatRupiah(rules.limits.maxIdr),
    step: formatRupiah(rules.idrPerPulse ?? 0),
  };
  return codes.map((code) => sayCode(state.language, code, values));
}
