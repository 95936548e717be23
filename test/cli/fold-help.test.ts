// Help on a terminal of 80 columns: prose flows, tables keep their columns, entries begin lines of their own.
import { Command } from 'commander';
import { expect, test } from 'vitest';
import { foldHelp } from '../../src/cli/fold-help.ts';

/** The lines of the text at the end of a help. */
function folded(text: string): string[] {
  let written = '';
  const command = new Command('x').exitOverride().addHelpText('after', `\nEND\n${text}`);
  command.configureOutput({ writeOut: (more) => (written += more) });
  foldHelp(command);
  command.outputHelp();
  return written
    .slice(written.indexOf('END\n') + 4)
    .trimEnd()
    .split('\n');
}
const words = (count: number, letter = 'a'): string =>
  Array(count).fill(letter.repeat(9)).join(' ');

test('what a line has too much of begins the next one of its paragraph', () => {
  expect(folded(`${words(9)}\n${words(2, 'b')}`)).toEqual([
    words(8),
    `${words(1)} ${words(2, 'b')}`,
  ]);
});

test.each(['- b', '--b does', 'b-80: does', '    b'])('it does not run into %j', (next) => {
  expect(folded(`${words(9)}\n${next}`)).toEqual([words(8), words(1), next]);
});

test('a row of a table keeps to its last column, and so does its next line', () => {
  const column = ' '.repeat(21);
  expect(folded(`  POST   /path       ${words(7)}\n${column}b c`)).toEqual([
    `  POST   /path       ${words(6)}`,
    `${column}${words(1)} b c`,
  ]);
});
