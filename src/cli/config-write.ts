// Changes one group of a configuration file: comments and everything else stay, nothing is written that the schema refuses.
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { parseDocument } from 'yaml';
import type { z } from 'zod';
import { ConfigError, parseConfig, unreadConfig } from '../lib/config-file.ts';
import { isForgotten } from './forgotten.ts';

export interface ConfigChange<T> {
  file: string;
  schema: z.ZodType<T>;
  examples: Readonly<Record<string, string>>;
  /** The top-level group, such as `scanner`. */
  group: string;
  /** What is to stand in it; undefined takes a setting out. Others of the group stay. */
  settings: Readonly<Record<string, string | number | boolean | undefined>>;
}

/**
 * The file's text with the change in it, checked as a whole.
 * @throws ConfigError where the file cannot be read, is no YAML, or would not be a configuration
 */
export function changedConfig<T>(change: ConfigChange<T>): string {
  const { file, schema, examples, group, settings } = change;
  const document = parseDocument(readConfigText(file), { uniqueKeys: true });
  const notYaml = document.errors[0];
  if (notYaml !== undefined) {
    throw new ConfigError(file, [`not YAML: ${notYaml.message.split('\n')[0] ?? ''}`], notYaml);
  }
  for (const [name, value] of Object.entries(settings)) {
    if (value !== undefined) document.setIn([group, name], value);
    else if (document.hasIn([group, name])) document.deleteIn([group, name]);
  }
  const text = document.toString({ lineWidth: 0 });
  parseConfig(file, text, schema, examples);
  return text;
}

/**
 * Puts a text in the place of a file at once, with its owner and its rights.
 * @returns what a person must know of it, a line each; mostly nothing
 * @throws ConfigError where that is not permitted, or the disk is read-only
 */
export function replaceConfig(file: string, text: string): readonly string[] {
  try {
    const target = realpathSync(file);
    const beside = `${target}.new`;
    const { mode, uid, gid } = statSync(target);
    const written = openSync(beside, 'w', 0o600);
    try {
      writeFileSync(written, text);
      fchownSync(written, uid, gid);
      fchmodSync(written, mode & 0o7777);
      fsyncSync(written); // The name must not be there before the bytes are.
    } finally {
      closeSync(written);
    }
    renameSync(beside, target);
    return isForgotten(readFileSync('/proc/self/mounts', 'utf8'), target) ? notKept : [];
  } catch (error) {
    throw new ConfigError(file, [`it cannot be written: ${writeFault(error)}`], error);
  }
}

const notKept = [
  '! this kiosk has a read-only root: what was written is in memory, and gone at the next boot.',
  '  To keep it, boot once with overlayroot=disabled on the kernel command line and do this again.',
];

/** Why, and what to do. */
export function writeFault(error: unknown): string {
  const why = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EROFS') {
    return `${why}; the disk is read-only: make it writable (mount -o remount,rw), or look why it is not (dmesg)`;
  }
  return code === 'EACCES' || code === 'EPERM' ? `${why}; run it as root` : why;
}

/** @throws ConfigError */
export function readConfigText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw unreadConfig(file, error);
  }
}
