// Rules about words and sizes: names that say nothing, words that belong to one room, things that must not be written down.
import ts from 'typescript';
import { at, eachNode, isProduct, type Fault, type SourceFile } from './source.ts';

const longestFileLines = 400;
const longestReadmeLines = 40;

/** No file is so long that nobody reads it to its end. Lists made by tools are not read. */
export function fileLength({ path, text }: SourceFile): Fault[] {
  const lines = text.split('\n').length - 1;
  if (/^drivers\/[^/]+\/README\.md$/.test(path) && lines > longestReadmeLines) {
    return [`${path}:${lines}: a driver's README has at most ${longestReadmeLines} lines`];
  }
  if (lines <= longestFileLines || path === 'package-lock.json') return [];
  return [`${path}:${lines}: longer than ${longestFileLines} lines; split it by noun`];
}

const emptyWords = /^(manager|helper|util|service|handler|data|info)s?$/;

function emptyWordIn(name: string): string | undefined {
  const words = name.split(/[^A-Za-z]+|(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/);
  return words.find((word) => emptyWords.test(word.toLowerCase()));
}

/** Files and exported names say what they are, without the words that fit anything. */
export function sayingNames(file: SourceFile): Fault[] {
  if (!/^(src|drivers|test|scripts)\//.test(file.path)) return [];
  const inPath = file.path.split('/').flatMap((part) => emptyWordIn(part) ?? []);
  const faults = inPath.map((word) => `${file.path}:1: "${word}" in a file's name says nothing`);
  if (!/\.tsx?$/.test(file.path)) return faults;
  eachNode(file, (node) => {
    if (!ts.canHaveModifiers(node)) return;
    if (!ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return;
    for (const name of declaredNames(node)) {
      const word = emptyWordIn(name);
      if (word !== undefined) faults.push(`${at(file, node)}: "${word}" in ${name} says nothing`);
    }
  });
  return faults;
}

function declaredNames(node: ts.Node): string[] {
  if (ts.isVariableStatement(node)) {
    return node.declarationList.declarations.map(({ name }) => name.getText());
  }
  return ts.isDeclarationStatement(node) && node.name !== undefined ? [node.name.getText()] : [];
}

const midtransWords = /order_id|gross_amount|transaction_status/;
const midtransRooms =
  /^(src\/(relay\/midtrans|twin)|test\/(relay|twin|e2e|sim|bench\/midtrans))\/|^test\/tidy/;

/** Midtrans' own words stay in the two rooms that speak with Midtrans; comments may explain by them. */
export function midtransWordsAtHome(file: SourceFile): Fault[] {
  if (!/^(src|drivers|test)\/.*\.tsx?$/.test(file.path) || midtransRooms.test(file.path)) return [];
  const faults: Fault[] = [];
  eachNode(file, (node) => {
    const text =
      ts.isIdentifier(node) || ts.isStringLiteralLike(node) || ts.isTemplateLiteralToken(node)
        ? node.text
        : '';
    const word = midtransWords.exec(text)?.[0];
    if (word !== undefined) {
      faults.push(`${at(file, node)}: ${word} is Midtrans' word; use ours outside of its rooms`);
    }
  });
  return faults;
}

/** What no file may hold, and why. */
const unwritten: readonly [RegExp, string][] = [
  [/\b([T]ODO|[F]IXME|[X]XX)\b/, 'finish it, or file an issue'],
  [/(?<![\w.~})$-])\/(home|work|root|Users)\/\w/, "a folder of one person's machine"],
  [
    /\b(registry|npm|deb|mirrors?)\.[a-z0-9-]+\.(org|com|net|io|dev)\b/,
    'the address of a registry',
  ],
];

/** No reminders, no folders of one machine, no addresses of registries. */
export function nothingUnwritten({ path, text }: SourceFile): Fault[] {
  return text.split('\n').flatMap((line, index) =>
    unwritten.flatMap(([pattern, why]) => {
      const found = pattern.exec(line)?.[0];
      return found === undefined ? [] : [`${path}:${index + 1}: "${found}": ${why}`];
    }),
  );
}

/** Each kind of device explains itself to the person who buys one. */
export function driversHaveReadmes(files: readonly SourceFile[]): Fault[] {
  const paths = new Set(files.map(({ path }) => path));
  const kinds = new Set(
    files
      .filter(({ path }) => isProduct(path))
      .flatMap(({ path }) => /^drivers\/([^/]+)\//.exec(path)?.[1] ?? []),
  );
  return [...kinds]
    .map((kind) => `drivers/${kind}/README.md`)
    .filter((path) => !paths.has(path))
    .map((path) => `${path}: is missing`);
}
