// Rules about who imports whom: the one-way directions of the folders, and what a PURE file may touch.
import ts from 'typescript';
import {
  at,
  eachNode,
  importsOf,
  isProduct,
  isPure,
  openingComment,
  resolveFrom,
  type Fault,
  type Import,
  type SourceFile,
} from './source.ts';

/** Which rooms a room may import from, besides itself. `undefined`: all of them. */
const directions: Readonly<Record<string, readonly string[] | undefined>> = {
  protocol: [],
  lib: [],
  drivers: ['lib'],
  kiosk: ['protocol', 'drivers', 'lib'],
  relay: ['protocol', 'lib'],
  twin: ['protocol', 'lib'],
  field: ['protocol', 'lib'],
  bench: undefined,
  cli: undefined,
};

function roomOf(path: string): string {
  const [first = '', second = ''] = path.split('/');
  return first === 'src' ? second : first;
}

/** A room imports only what it may, whether values or types. */
export function importDirections(file: SourceFile): Fault[] {
  if (!isProduct(file.path)) return [];
  const room = roomOf(file.path);
  if (!Object.hasOwn(directions, room)) {
    return [`${file.path}:1: no such room; the rooms are ${Object.keys(directions).join(', ')}`];
  }
  const allowed = directions[room] ?? Object.keys(directions);
  return importsOf(file).flatMap(({ path, node }) => {
    if (path === undefined) return [];
    if (!/\.(tsx?|json)$/.test(path)) return [`${at(file, node)}: name the .ts file`];
    const target = roomOf(path);
    if (target === room || allowed.includes(target)) return [];
    return [`${at(file, node)}: ${room} must not import from ${target}`];
  });
}

/** Packages that only compute. zod describes the protocol's own types. */
const pureLibraries = new Set(['node:assert', 'node:assert/strict', 'zod']);
/** Libraries that only compute and that a driver's codec may call. */
const codecLibraries = new Set(['@point-of-sale/receipt-printer-encoder']);

/** Names that are a clock, randomness, a timer or the outside world. */
const impureNames = new Set([
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'performance',
  'process',
  'fetch',
  'crypto',
  'console',
]);

/**
 * A PURE file imports only types, protocol, other PURE files and libraries that only compute, and touches no clock,
 * randomness, timer or `await`. `pureAt` says whether the file at a path is marked PURE.
 */
export function purity(file: SourceFile, pureAt: (path: string) => boolean): Fault[] {
  if (!isProduct(file.path)) return [];
  if (!isPure(file.text)) {
    const codec = /^drivers\/.*codec[^/]*\.ts$/.test(file.path);
    return codec ? [`${file.path}:1: a codec is PURE; say so in its opening comment`] : [];
  }
  const faults = importsOf(file)
    .filter((one) => !mayImport(file, one, pureAt))
    .map(({ node, path, specifier }) => {
      const hint = path === undefined ? '' : ', which does not say that it is PURE';
      return `${at(file, node)}: a PURE file must not import ${specifier}${hint}`;
    });
  eachNode(file, (node) => {
    const impure = impurity(node);
    if (impure !== undefined) faults.push(`${at(file, node)}: a PURE file must not use ${impure}`);
  });
  return faults;
}

function mayImport(file: SourceFile, one: Import, pureAt: (path: string) => boolean): boolean {
  if (one.typeOnly || pureLibraries.has(one.specifier)) return true;
  if (one.path !== undefined) return one.path.startsWith('src/protocol/') || pureAt(one.path);
  if (file.path.startsWith('drivers/')) return codecLibraries.has(one.specifier);
  if (!file.path.startsWith('src/protocol/') || one.specifier !== 'node:crypto') return false;
  const clause = one.node.parent;
  return (
    ts.isImportDeclaration(clause) && clause.getText().startsWith('import { createHash } from')
  );
}

/** What is impure about this node by itself, if anything. */
function impurity(node: ts.Node): string | undefined {
  if (ts.isAwaitExpression(node)) return 'await';
  if (ts.isForOfStatement(node) && node.awaitModifier !== undefined) return 'for await';
  if (node.kind === ts.SyntaxKind.AsyncKeyword) return 'async';
  if (ts.isNewExpression(node) && node.expression.getText() === 'Date') {
    return (node.arguments ?? []).length === 0 ? 'new Date()' : undefined;
  }
  if (ts.isPropertyAccessExpression(node)) {
    const text = node.getText();
    return text === 'Date.now' || text === 'Math.random' ? text : undefined;
  }
  if (ts.isIdentifier(node) && impureNames.has(node.text) && isReference(node)) return node.text;
  return undefined;
}

/** The identifier stands for a value from outside: it is not the name of a member or of something declared here. */
function isReference(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isPropertyAssignment(parent) || ts.isVariableDeclaration(parent)) {
    return parent.initializer === node;
  }
  return ts.isExpression(parent) || ts.isStatement(parent);
}

/** Of a checkout, of a release, and of the kiosk in a release (src/field/bundle-program.ts). */
const firstFiles = ['kios', 'start', 'kiosk-only'].map((name) => `src/cli/${name}.ts`);

/**
 * Every product file is reached from something: another product file, or a test for what stands in for hardware or is
 * handed to other programs.
 * A relative path in a string (`new URL('./page.ts', …)`) counts, since that is how processes are started.
 */
export function everyFileIsUsed(files: readonly SourceFile[]): Fault[] {
  const used = new Set<string>();
  for (const file of files) {
    if (!/\.tsx?$/.test(file.path)) continue;
    for (const path of referencesOf(file)) {
      const standIn = /simulator|virtual|-adapter/.test(path);
      if (isProduct(file.path) || (standIn && file.path.startsWith('test/'))) used.add(path);
    }
  }
  return files
    .filter(({ path }) => isProduct(path) && !path.endsWith('.d.ts'))
    .filter(({ path }) => !firstFiles.includes(path) && !used.has(path))
    .map(({ path }) => `${path}:1: nothing imports this file; remove it or join it`);
}

function referencesOf(file: SourceFile): string[] {
  const found: string[] = [];
  eachNode(file, (node) => {
    if (!ts.isStringLiteralLike(node)) return;
    const path = resolveFrom(file.path, node.text);
    if (path !== undefined && path !== file.path) found.push(path);
  });
  return found;
}

/** Product code opens by saying what it is. */
export function opensWithComment(file: SourceFile): Fault[] {
  if (!isProduct(file.path) || openingComment(file.text) !== '') return [];
  return [`${file.path}:1: open with a comment: what this file is, what it must never do`];
}
