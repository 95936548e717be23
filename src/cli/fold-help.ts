// Help that no terminal breaks in the middle of a word: also the texts at its end, which commander leaves as they are.
import type { Command } from 'commander';
import { wrapped } from './wrapped.ts';

/** Folds the help of a command and of all below it. */
export function foldHelp(command: Command): void {
  const plain = command.configureOutput();
  command.configureOutput({
    writeOut: (text) => {
      plain.writeOut?.(folded(text));
    },
  });
  for (const below of command.commands) foldHelp(below);
}

/** A line that begins something of its own, whatever the one before it had too much of. */
const entry = /^(- |--|[\w-]+: )/;

/** What a line has too much of begins the next one of its paragraph; a row of a table keeps to its column. */
function folded(text: string): string {
  const lines: string[] = [];
  let over = '';
  for (const line of text.split('\n')) {
    const indent = leading(line);
    const words = line.slice(indent.length);
    const goesOn = over !== '' && words !== '' && !entry.test(words) && leading(over) === indent;
    if (over !== '' && !goesOn) lines.push(over);
    const row = goesOn ? undefined : rowOf(line);
    const prose = goesOn ? `${over.trimStart()} ${words}` : words;
    const pieces = row ?? wrapped(prose, indent.length);
    over = pieces.length > 1 ? (pieces.pop() ?? '') : '';
    lines.push(...pieces);
  }
  return [...lines, ...(over === '' ? [] : [over])].join('\n');
}

/** A term and what it means, with a gap between them; undefined for any other line. */
function rowOf(line: string): string[] | undefined {
  const [, term = '', meaning] = /^( *\S+(?: +\S+)*? {2,})(\S+(?: \S+)*)$/.exec(line) ?? [];
  if (meaning === undefined) return undefined;
  const [first = '', ...more] = wrapped(meaning, term.length);
  return [`${term}${first.trimStart()}`, ...more];
}

function leading(line: string): string {
  return /^ */.exec(line)?.[0] ?? '';
}
