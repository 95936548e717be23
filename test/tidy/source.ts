// The project's own text files and what TypeScript says is in them; the rules beside this file look at nothing else.
import { readFileSync, readdirSync } from 'node:fs';
import { join, posix } from 'node:path';
import ts from 'typescript';

/** A file of the project: its path from the root, with slashes, and its text. */
export interface SourceFile {
  path: string;
  text: string;
}

/** One broken rule, as `path:line: what is wrong and what to do`. */
export type Fault = string;

export const root = join(import.meta.dirname, '../..');

const foreign = new Set(['node_modules', '.git', '.state', 'dist']);
const textual =
  /(\.(ts|tsx|js|mjs|css|html|json|ya?ml|md|sh|service|timer|path|rules|conf)|\/[^./]+)$/;

/** Every text file of the project, without what npm and git keep there. */
export function projectFiles(): SourceFile[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => posix.join(entry.parentPath.slice(root.length + 1), entry.name))
    .filter((path) => !path.split('/').some((part) => foreign.has(part)))
    .filter((path) => textual.test(`/${path}`) || path.startsWith('systemd/'))
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}

/** TypeScript that belongs to the product: not tests, not tools. */
export function isProduct(path: string): boolean {
  return /^(src|drivers)\/.*\.tsx?$/.test(path);
}

/** The lines above the first line that is not a comment. */
export function openingComment(text: string): string {
  const lines = text.replace(/^#!.*\n/, '').split('\n');
  const end = lines.findIndex((line) => !line.startsWith('//'));
  return lines.slice(0, end < 0 ? lines.length : end).join('\n');
}

/** Marked PURE in its opening comment: no clock, no randomness, no timers, no await. */
export function isPure(text: string): boolean {
  return /\bPURE\b/.test(openingComment(text));
}

export function parse(file: SourceFile): ts.SourceFile {
  return ts.createSourceFile(file.path, file.text, ts.ScriptTarget.Latest, true);
}

/** Calls `visit` for every node of a file. */
export function eachNode(file: SourceFile, visit: (node: ts.Node) => void): void {
  const walk = (node: ts.Node): void => {
    visit(node);
    ts.forEachChild(node, walk);
  };
  walk(parse(file));
}

export function at(file: SourceFile, node: ts.Node): string {
  const source = node.getSourceFile();
  return `${file.path}:${source.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;
}

export interface Import {
  /** As written: `../lib/clock.ts`, `node:assert`, `zod`. */
  specifier: string;
  /** Of ours: the path from the root; undefined for packages and for Node's own modules. */
  path: string | undefined;
  /** Every imported name is a type. */
  typeOnly: boolean;
  node: ts.Node;
}

/** Every import, re-export, `import()` and import type of a file. */
export function importsOf(file: SourceFile): Import[] {
  const found: Import[] = [];
  const add = (specifier: ts.Node | undefined, typeOnly: boolean): void => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return;
    found.push({
      specifier: specifier.text,
      path: resolveFrom(file.path, specifier.text),
      typeOnly,
      node: specifier,
    });
  };
  eachNode(file, (node) => {
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier, node.importClause !== undefined && isTypes(node.importClause));
    } else if (ts.isExportDeclaration(node)) {
      add(node.moduleSpecifier, node.isTypeOnly);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node.argument.literal, true);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], false);
    }
  });
  return found;
}

function isTypes(clause: ts.ImportClause): boolean {
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const named = clause.namedBindings;
  return (
    clause.name === undefined &&
    named !== undefined &&
    ts.isNamedImports(named) &&
    named.elements.every((element) => element.isTypeOnly)
  );
}

/** The path from the root that a relative specifier means; undefined when it is not relative. */
export function resolveFrom(path: string, specifier: string): string | undefined {
  return /^\.\.?\//.test(specifier) ? posix.join(posix.dirname(path), specifier) : undefined;
}
