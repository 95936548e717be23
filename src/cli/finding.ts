// What a check of `kios doctor` found, by a code and in words for the person beside the machine. PURE.
import { errors } from '../protocol/errors.ts';
import type { Language } from '../kiosk/words.ts';
import { doctorWords, englishWords, isDoctorCode, type DoctorCode } from './doctor-words.ts';
import { wrapped } from './wrapped.ts';

/** `look`: it sells, and somebody should look today. `fault`: it does not sell, or not all of it. `skipped`: not asked. */
export type Verdict = 'well' | 'look' | 'fault' | 'skipped';

export interface Finding {
  /** What was looked at: `relay`, `printer`. */
  check: string;
  verdict: Verdict;
  /** Of `look` and `fault`. */
  code?: DoctorCode;
  /** What was seen, in English, for whoever is asked for help; of several mistakes one a line. */
  detail: string;
}

export const well = (check: string, detail: string): Finding => ({
  check,
  verdict: 'well',
  detail,
});
export const skipped = (check: string, detail: string): Finding => {
  return { check, verdict: 'skipped', detail };
};
export function look(check: string, code: DoctorCode, detail: string): Finding {
  return { check, verdict: 'look', code, detail };
}

/** @param code of any part of the program; one that is not the doctor's own is told as `internal`. */
export function fault(check: string, code: string, detail: string): Finding {
  if (isDoctorCode(code)) return { check, verdict: 'fault', code, detail };
  return { check, verdict: 'fault', code: 'internal', detail: `${code}: ${detail}` };
}

/** 0: all well. 1: somebody should look. 2: something does not work. */
export function exitStatusOf(findings: readonly Finding[]): 0 | 1 | 2 {
  if (findings.some(({ verdict }) => verdict === 'fault')) return 2;
  return findings.some(({ verdict }) => verdict === 'look') ? 1 : 0;
}

const marks: Readonly<Record<Verdict, readonly [id: string, en: string]>> = {
  well: ['baik', 'well'],
  look: ['PERIKSA', 'LOOK'],
  fault: ['RUSAK', 'FAULT'],
  skipped: ['lewati', 'skipped'],
};
const markColumns = 9;
const checkColumns = 11;

/** What the code means and what to do. */
export function wordsOf(code: DoctorCode, language: Language): string {
  return language === 'id' ? doctorWords[code] : (englishWords[code] ?? errors[code].means);
}

/** One finding for a terminal of 80 columns. */
export function findingLines(
  { check, verdict, code, detail }: Finding,
  language: Language,
): string[] {
  const mark = marks[verdict][language === 'id' ? 0 : 1];
  const head = `${mark.padEnd(markColumns)}${check.padEnd(checkColumns)}`;
  const [first = '', ...more] = code === undefined ? lined(detail, head.length) : [code];
  const lines = [`${head}${first.trim()}`, ...more];
  if (code === undefined) return lines;
  return [
    ...lines,
    ...wrapped(wordsOf(code, language), markColumns),
    ...lined(detail, markColumns),
  ];
}

/** A detail of several lines: each is one mistake. */
function lined(detail: string, indent: number): string[] {
  return detail.split('\n').flatMap((line) => wrapped(line, indent));
}

const ends = {
  0: ['Semua baik.', 'All is well.'],
  1: ['Bisa berjualan; ada yang perlu diperiksa.', 'It can sell; something needs a look.'],
  2: ['Ada yang rusak.', 'Something does not work.'],
} as const;

export function endLine(findings: readonly Finding[], language: Language): string {
  return ends[exitStatusOf(findings)][language === 'id' ? 0 : 1];
}
