// What a kiosk without an identity shows: that it waits for the set-up QR, in both languages, and what became of the last
// one. PURE. No text of a QR stands on it.
import type { Scene } from '../../drivers/display/scene.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import { say, sayCode, type Language, type Word } from './words.ts';

/** Where a kiosk is that has no identity yet. */
export type SetUp =
  | { at: 'waiting' }
  /** It can read nothing: somebody must type. */
  | { at: 'no-scanner' }
  /** Its journal is there and its identity is not: no QR serves, somebody must type. */
  | { at: 'enrolled-before' }
  /** Asking the relay; without a host, root. */
  | { at: 'asking'; host?: string }
  /** `again`: it goes on by itself. */
  | { at: 'failed'; code: ErrorCode; again: boolean }
  | { at: 'taken' }
  | { at: 'done'; kioskId: string; merchant: string };

/** @param language whose words come first */
export function setUpScene(setUp: SetUp, language: Language): Scene {
  const both = [language, language === 'id' ? 'en' : 'id'] as const;
  const words = (word: Word, values: Readonly<Record<string, string>> = {}): string[] =>
    both.map((one) => say(one, word, values));
  const scene = (tone: Scene['tone'], lines: readonly string[]): Scene => {
    const asksForQr = setUp.at === 'waiting' || setUp.at === 'failed';
    const heading = say(language, asksForQr ? 'setUp' : 'settingUp');
    return { tone, merchant: 'kios', heading, lines, hints: [] };
  };
  switch (setUp.at) {
    case 'waiting':
      return scene('neutral', words('setUpHow'));
    case 'no-scanner':
      return scene('bad', words('setUpNoScanner'));
    case 'enrolled-before':
      return scene(
        'bad',
        both.map((one) => sayCode(one, 'enrolled-before')),
      );
    case 'asking':
      return scene(
        'neutral',
        setUp.host === undefined ? words('pleaseWait') : words('setUpAsking', { host: setUp.host }),
      );
    case 'failed': {
      const why = both.map((one) => sayCode(one, setUp.code));
      return scene('warn', [...why, ...words(setUp.again ? 'setUpAgain' : 'setUpHow')]);
    }
    case 'taken':
      return scene('good', [...words('sheetTaken'), ...words('setUpHow')]);
    case 'done': {
      const { kioskId: kiosk, merchant } = setUp;
      return scene('good', words('setUpDone', { kiosk, merchant }));
    }
  }
}
