// Makes a page's TypeScript into what a browser runs: the types are erased, nothing else changes.
import { stripTypeScriptTypes } from 'node:module';

/** @throws SyntaxError when the text has TypeScript that cannot be erased */
export function stripTypes(text: string): string {
  const emitWarning = process.emitWarning.bind(process);
  // Node says with each first use that this is experimental, which the person at the terminal can do nothing about.
  process.emitWarning = () => undefined;
  try {
    return stripTypeScriptTypes(text);
  } finally {
    process.emitWarning = emitWarning;
  }
}
