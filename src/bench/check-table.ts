// What the check found, as a table for people. PURE.

/** A stage that did not come to its end. The message says what was waited for. */
export class CheckFailure extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CheckFailure';
  }
}

export interface Stage {
  /** `Enter → QR readable on the screen` */
  name: string;
  /** How long it took; absent for what is only true or false. */
  tookMs?: number;
}

export interface CheckedSale {
  title: string;
  stages: readonly Stage[];
}

/** Wider than any stage's name, so that tables of single sales stand under each other. */
const nameColumns = 46;

/** One line a stage, with its time in milliseconds. Ends in a line break. */
export function checkTable(sales: readonly CheckedSale[], firstNumber = 1): string {
  const lines = sales.flatMap(({ title, stages }, i) => [
    `${firstNumber + i}. ${title}`,
    ...stages.map(({ name, tookMs }) => `   ${name.padEnd(nameColumns)}  ${timeText(tookMs)}`),
  ]);
  return lines.map((line) => `${line}\n`).join('');
}

function timeText(tookMs: number | undefined): string {
  return tookMs === undefined ? '      ok' : `${Math.round(tookMs)} ms`.padStart(8);
}
