// What the documents promise: every command in them is one of the program's, every link leads to a file that is there.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Command, Option } from 'commander';
import { root, type Fault, type SourceFile } from './source.ts';

/** The documents for people: all of docs/, and those at the root. */
export function documents(): SourceFile[] {
  const names = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md'];
  const docs = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
  return [...names, ...docs.map((name) => `docs/${name}`)].map((path) => ({
    path,
    text: readFileSync(join(root, path), 'utf8'),
  }));
}

export interface WrittenCommand {
  /** Of the document. */
  line: number;
  /** What is written behind `kios`. */
  words: readonly string[];
}

/** What stands in code: a fence, four spaces, or backticks; from `kios` to the end of the command. */
export function writtenCommands({ text }: SourceFile): WrittenCommand[] {
  const found: WrittenCommand[] = [];
  let isFenced = false;
  for (const [index, line] of text.split('\n').entries()) {
    if (line.startsWith('```')) isFenced = !isFenced;
    const isCode = isFenced || line.startsWith('    ');
    const codes = isCode ? [line] : [...line.matchAll(/`([^`]+)`/g)].map(([, code]) => code ?? '');
    for (const code of codes) {
      found.push(...commandsIn(code).map((words) => ({ line: index + 1, words })));
    }
  }
  return found;
}

/** What may stand before `kios` where it is a unit, a user or a database, and not the program. */
const otherKios =
  /(systemctl( \S+)*|journalctl.*|--owner=\S*|(create|drop)db.*|createuser.*|hostssl) +$/;

function commandsIn(code: string): string[][] {
  const plain = code.replace(/ -[ugo] kios(?= )/g, '');
  const starts = /(?<=^|[\s|(])(?:\.\/scripts\/)?kios (?=[a-z])/g;
  return [...plain.matchAll(starts)]
    .filter(({ index }) => !otherKios.test(plain.slice(0, index)))
    .map(({ index, 0: { length } }) => {
      const [written = ''] =
        /^[^#|&;)]*/.exec(plain.slice(index + length).replaceAll(/(?<=\w)\|(?=\w)/g, '/')) ?? [];
      return wordsOf(written);
    });
}

/** As a shell splits them, so far as the documents need it. */
function wordsOf(written: string): string[] {
  const plain = written.replace(/\s{2,}.*$/, '').replace(/\s+[<>].*$/, '');
  return [...plain.matchAll(/"[^"]*"|\S+/g)].map(([word]) => word.replaceAll('"', ''));
}

/** Why the program does not understand a command; undefined: it does. Nothing is run. */
export function commandFault(program: Command, words: readonly string[]): string | undefined {
  let command = program;
  const known: Option[] = [...program.options];
  const args: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    if (word === '…' || word === '…,') return undefined;
    // A dash alone is a file: standard input.
    if (word.startsWith('-') && word !== '-' && word !== '--help') {
      const [flag = ''] = word.split('=');
      const option = known
        .concat(command.options)
        .find((one) => one.short === flag || one.long === flag);
      if (option === undefined) return `${command.name()} has no ${flag}`;
      if (option.required && !word.includes('=')) at += 1;
      continue;
    }
    // Written as `kios journal show|verify`: each of them.
    const names = word.split('/');
    const strangeName = names.find((name) => command.commands.every((one) => one.name() !== name));
    if (names.length > 1 && command.commands.length > 0 && strangeName !== undefined) {
      return `${command.name()} has no "${strangeName}"`;
    }
    const below =
      args.length > 0 ? undefined : command.commands.find((one) => one.name() === names[0]);
    if (below !== undefined) {
      known.push(...command.options);
      command = below;
    } else if (word !== '--help') args.push(word);
  }
  // A command that is only named, as in "see kios relay": its arguments are not written out.
  const allowed = command.registeredArguments;
  const isMany = allowed.at(-1)?.variadic === true;
  if (args.length > allowed.length && !isMany)
    return `${command.name()} takes no "${args[allowed.length] ?? ''}"`;
  for (const [at, { argChoices }] of allowed.entries()) {
    const given = args[at];
    if (given === undefined || argChoices === undefined || given === given.toUpperCase()) continue;
    const strange = given.split('/').find((one) => !argChoices.includes(one));
    if (strange !== undefined) return `${command.name()} knows no "${strange}"`;
  }
  return undefined;
}

/** Links to files that are not there, and to headings that are not in them. */
export function deadLinks({ path, text }: SourceFile): Fault[] {
  return [...text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)].flatMap(
    ([link, to = '', heading]) => {
      const target = to === '' ? path : join(dirname(path), to);
      if (!existsSync(join(root, target))) return [`${path}: ${link} leads nowhere`];
      if (heading === undefined) return [];
      const headings = [...readFileSync(join(root, target), 'utf8').matchAll(/^#+ (.*)$/gm)];
      const anchors = headings.map(([, said = '']) => anchorOf(said));
      return anchors.includes(heading) ? [] : [`${path}: ${link}: no such heading`];
    },
  );
}

/** As the forges make them of a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\s-]/g, '')
    .trim()
    .replace(/\s/g, '-');
}

/** Files of ours that a document names and that are not there. */
export function namedFiles({ path, text }: SourceFile): Fault[] {
  const named = [
    ...text.matchAll(/`((?:src|drivers|config|systemd|scripts|docs|test)\/[\w./-]*\w)`/g),
  ];
  return named.flatMap(([, file = '']) =>
    existsSync(join(root, file)) ? [] : [`${path}: names ${file}, which is not there`],
  );
}
