// Reads a YAML file into a typed configuration: all faults at once, each with its line, its reason and an example.
import { readFileSync } from 'node:fs';
import { LineCounter, isNode, isPair, isScalar, parseDocument, visit, type Document } from 'yaml';
import type { z } from 'zod';

/** Larger than any configuration: a catalogue of 5,000 items with long names is half of it. */
const maxBytes = 1024 * 1024;

/** A configuration that cannot be used. `faults` are ready to be shown to a person, one line each. */
export class ConfigError extends Error {
  readonly file: string;
  readonly faults: readonly string[];

  constructor(file: string, faults: readonly string[], cause?: unknown) {
    super(`${file} cannot be used:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`, {
      cause,
    });
    this.name = 'ConfigError';
    this.file = file;
    this.faults = faults;
  }
}

/**
 * Parses a configuration file.
 * @param examples an example value for each path (`relay.url`), shown beside a fault at that path.
 * @param overrides values by path that take the place of the file's: the flags of a command.
 * @throws ConfigError with every fault of the file.
 */
export function readConfigFile<T>(
  file: string,
  schema: z.ZodType<T>,
  examples: Readonly<Record<string, string>> = {},
  overrides: Readonly<Record<string, string>> = {},
): T {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw unreadConfig(file, error);
  }
  return parseConfig(file, text, schema, examples, overrides);
}

/** What is said of a configuration file that cannot be read. */
export function unreadConfig(file: string, error: unknown): ConfigError {
  const { code, message } = error as NodeJS.ErrnoException;
  const mends: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file: write it (config/ has examples), or name yours with --config',
    EACCES: 'this user may not read it: run this as its owner or as root',
  };
  const fault = `the file cannot be read: ${mends[code ?? ''] ?? message}`;
  return new ConfigError(file, [fault], error);
}

/** The same for a text that is already in memory; `file` is only its name in messages. */
export function parseConfig<T>(
  file: string,
  text: string,
  schema: z.ZodType<T>,
  examples: Readonly<Record<string, string>> = {},
  overrides: Readonly<Record<string, string>> = {},
): T {
  if (Buffer.byteLength(text) > maxBytes) {
    throw new ConfigError(file, [`the file is larger than ${maxBytes / 1024} KiB`]);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  if (document.errors.length > 0) {
    throw new ConfigError(
      file,
      document.errors.map((error) => {
        const line = lines.linePos(error.pos[0]).line;
        return `line ${line}: not YAML: ${error.message.split('\n')[0] ?? ''}`;
      }),
    );
  }
  const misread = misreadNumbers(document, lines);
  for (const [name, value] of Object.entries(overrides)) document.setIn(name.split('.'), value);
  const parsed = schema.safeParse(document.toJS() ?? {});
  if (parsed.success && misread.length === 0) return parsed.data;
  if (parsed.success) throw new ConfigError(file, misread);
  const faults = parsed.error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) =>
          describe(document, lines, [...issue.path, key], 'unknown key; remove or correct it', {}),
        )
      : [describe(document, lines, issue.path, issue.message, examples)],
  );
  throw new ConfigError(file, [...misread, ...faults]);
}

/** Of a setting whose value no message may repeat. */
const secretName = /code$|secret|password/i;

/**
 * What YAML reads otherwise than a person here wrote it: `12.000` is twelve to YAML, and a barcode without quotes loses
 * its leading zeros.
 */
function misreadNumbers(document: Document, lines: LineCounter): string[] {
  const faults: string[] = [];
  const lineOfNode = (range: readonly number[] | null | undefined): string =>
    range?.[0] === undefined ? '' : `line ${lines.linePos(range[0]).line}: `;
  visit(document, {
    Pair(_key, pair) {
      if (!isScalar(pair.key) || typeof pair.key.value !== 'number') return;
      const written = pair.key.source ?? String(pair.key.value);
      faults.push(`${lineOfNode(pair.key.range)}put ${written} in quotes: "${written}"`);
    },
    Scalar(key, scalar, path) {
      if (key === 'key' || typeof scalar.value !== 'number') return;
      const written = scalar.source ?? '';
      if (!Number.isInteger(scalar.value) || /^-?(0|[1-9]\d*)$/.test(written)) return;
      const pair = path.at(-1);
      if (isPair(pair) && isScalar(pair.key) && secretName.test(String(pair.key.value))) {
        faults.push(`${lineOfNode(scalar.range)}${String(pair.key.value)}: put it in quotes`);
        return;
      }
      const meant = written.replace(/[._]/g, '');
      faults.push(
        `${lineOfNode(scalar.range)}${written} is read as ${scalar.value}: write ${meant} or ${scalar.value}, without a point`,
      );
    },
  });
  return faults;
}

function describe(
  document: Document,
  lines: LineCounter,
  path: readonly PropertyKey[],
  reason: string,
  examples: Readonly<Record<string, string>>,
): string {
  const name = path.map(String).join('.');
  const example = examples[name];
  const line = lineOf(document, lines, path);
  return [
    line === undefined ? '' : `line ${line}: `,
    `${name === '' ? 'the file' : name}: ${reason}`,
    example === undefined ? '' : ` (for example ${name.split('.').at(-1) ?? name}: ${example})`,
  ].join('');
}

/** The line of the deepest part of the path that the file has. */
function lineOf(
  document: Document,
  lines: LineCounter,
  path: readonly PropertyKey[],
): number | undefined {
  for (let depth = path.length; depth > 0; depth--) {
    const node = document.getIn(path.slice(0, depth), true);
    if (isNode(node) && node.range != null) return lines.linePos(node.range[0]).line;
  }
  return undefined;
}
