// The documents, held against the program: what a person copies out of them is understood, and every link leads somewhere.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { kiosProgram } from '../../src/cli/commands.ts';
import { commandFault, deadLinks, documents, namedFiles, writtenCommands } from './docs.ts';
import { commandNames } from '../../src/protocol/command.ts';
import { projectFiles, root, type SourceFile } from './source.ts';

let program: Command;
beforeAll(async () => {
  program = await kiosProgram('');
});

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const doc = (...lines: string[]): SourceFile => ({ path: 'docs/a.md', text: lines.join('\n') });

describe('commands', () => {
  test('are found in code, without the words around them', () => {
    const page = doc(
      'The daemon kios starts. `sudo kios doctor --alone`, then `systemctl stop kios`.',
      '```',
      'sudo -u kios kios enrol --relay URL --code CODE     # from the operator',
      'sudo systemctl edit kios',
      '```',
    );
    expect(writtenCommands(page)).toEqual([
      { line: 1, words: ['doctor', '--alone'] },
      { line: 3, words: ['enrol', '--relay', 'URL', '--code', 'CODE'] },
    ]);
  });

  test.each([
    ['docktor', /takes no "docktor"/],
    ['doctor --alnoe', /no --alnoe/],
    ['relay -c FILE claims --sale ID', /no --sale/],
    ['relay restore', /takes no "restore"/],
    ['test printer', /knows no "printer"/],
    ['console on off', /takes no "off"/],
    ['journal show/prove', /has no "prove"/],
  ])('kios %s is a fault', (line, why) => {
    expect(commandFault(program, line.split(' '))).toMatch(why);
  });

  test.each([
    'doctor --config x --dispense',
    'relay -c FILE claims --code 1',
    'test print/screen',
    'update status',
  ])('kios %s is none', (line) => {
    expect(commandFault(program, line.split(' '))).toBeUndefined();
  });

  test('every command in the documents is understood by the program', () => {
    const found = documents().flatMap((page) =>
      writtenCommands(page).map((written) => ({ path: page.path, ...written })),
    );
    expect(found.length).toBeGreaterThan(50);
    const faults = found.flatMap(({ path, line, words }) => {
      const fault = commandFault(program, words);
      return fault === undefined ? [] : [`${path}:${line}: kios ${words.join(' ')}: ${fault}`];
    });
    expect(faults).toEqual([]);
  });
});

describe('links and files', () => {
  test('a link to nowhere, to no heading, and a file that is not there, are faults', () => {
    expect(deadLinks(doc('[a](nowhere.md)'))).toHaveLength(1);
    expect(deadLinks(doc('[a](DESIGN.md#nothing)'))).toHaveLength(1);
    expect(
      deadLinks(doc('# Two words', '[a](#two-words) [b](https://example.org/x)')),
    ).toHaveLength(1);
    expect(namedFiles(doc('`src/cli/nowhere.ts`'))).toHaveLength(1);
  });

  test('in this project', () => {
    expect(documents().flatMap((page) => [...deadLinks(page), ...namedFiles(page)])).toEqual([]);
  });
});

test('help keeps within 80 columns, from its first line to its last', () => {
  let said = '';
  const output = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    said += String(text);
    return true;
  });
  const tell = (command: Command): void => {
    command.outputHelp();
    command.commands.forEach(tell);
  };
  try {
    tell(program);
  } finally {
    output.mockRestore();
  }
  const lines = said.split('\n');
  expect(lines.length).toBeGreaterThan(300);
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
});

describe('docs/operator.md', () => {
  const page = documents().find(({ path }) => path === 'docs/operator.md')?.text ?? '';

  test('has every number that a relay counts, and no other', () => {
    const counted = new Set(read('src/relay/metrics.ts').match(/(?<=name: ')kios_\w+/g));
    const named = new Set(page.match(/(?<=`)kios_[a-z_]+/g));
    expect(counted.size).toBeGreaterThan(5);
    expect([...named].sort()).toEqual([...counted].sort());
  });

  test('says of every fault that a relay counts what to do', () => {
    const texts = projectFiles().filter(({ path }) => path.startsWith('src/relay/'));
    const places = texts.flatMap(
      ({ text }) => text.match(/(?<=\b(?:alert|place): ')[a-z-]+(?=')/g) ?? [],
    );
    expect(places).toContain('signing-key');
    expect(places.filter((place) => !page.includes(`\`${place}\``))).toEqual([]);
  });

  test('has every command that a kiosk obeys', () => {
    for (const name of commandNames) expect(page).toContain(`\`${name}\``);
  });
});
