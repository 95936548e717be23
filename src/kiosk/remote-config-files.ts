// What a kiosk keeps of configurations from afar, as three small files, so that damage to one costs that one alone: the last
// that was good, the next one (waiting, or on trial), and the highest that was refused. Each is whole after a power cut.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../lib/parse-json.ts';
import { removeDurably, writeDurably } from '../lib/durable.ts';
import { claimsUnverified } from '../protocol/jws.ts';
import { configClaims, maxConfigToken } from '../protocol/remote-config.ts';
import { configReport } from '../protocol/topics.ts';
import { journalFault } from './journal-fault.ts';

/** A token and the few words around it. */
const maxFileBytes = maxConfigToken + 1024;

const token = z.string().max(maxConfigToken);
const good = z.object({ token });
const next = z.object({
  token,
  /** It was taken into use: a start that finds this has seen the one before it end without a word. */
  begun: z.boolean(),
});
const refused = configReport.shape.refused.unwrap().extend({
  /** For whom and by which key it was signed: after another enrolment it says nothing. */
  kioskId: z.string().max(9),
  kid: z.string().max(64),
});

const files = {
  good: { name: 'config-good.json', shape: good },
  next: { name: 'config-next.json', shape: next },
  refused: { name: 'config-refused.json', shape: refused },
} as const;
type Which = keyof typeof files;

export interface KeptConfigs {
  good?: z.infer<typeof good>;
  next?: z.infer<typeof next>;
  refused?: z.infer<typeof refused>;
  /** Files that are there and cannot be used. */
  damaged: string[];
}

/** Never throws: what cannot be read is as good as not there. */
export function readConfigs(stateDir: string): KeptConfigs {
  const kept: KeptConfigs = { damaged: [] };
  const read = <T>(which: Which, shape: z.ZodType<T>): T | undefined => {
    const text = textOf(pathOf(stateDir, which));
    if (text === undefined) return undefined;
    const value = shape.safeParse(parseJson(text)).data;
    if (value === undefined) kept.damaged.push(files[which].name);
    return value;
  };
  const found = {
    good: read('good', good),
    next: read('next', next),
    refused: read('refused', refused),
  };
  if (found.good !== undefined) kept.good = found.good;
  if (found.next !== undefined) kept.next = found.next;
  if (found.refused !== undefined) kept.refused = found.refused;
  return kept;
}

/** @throws KiosError as the journal, when it is not on the disk */
export function writeConfig<W extends Which>(
  stateDir: string,
  which: W,
  content: z.infer<(typeof files)[W]['shape']>,
): void {
  const path = pathOf(stateDir, which);
  try {
    writeDurably(path, `${JSON.stringify(content)}\n`);
  } catch (error) {
    throw journalFault(error, path, 'be written');
  }
}

/** @throws KiosError as `writeConfig` */
export function removeNext(stateDir: string): void {
  const path = pathOf(stateDir, 'next');
  try {
    removeDurably(path);
  } catch (error) {
    throw journalFault(error, path, 'be removed');
  }
}

interface KeptVersion {
  /** Left out: it is not what was written. */
  version?: number;
  /** The settings by name. */
  sets?: string[];
}

/** What lies there, for a person; nothing of it is proved. No settings' values. */
export interface KeptVersions {
  good?: KeptVersion;
  /** `at`: when it came, or its trial began; by the wall clock, a label. */
  next?: KeptVersion & { begun: boolean; at?: string };
  refused?: { version: number; why: string };
  damaged?: string[];
}

export function keptVersions(stateDir: string): KeptVersions {
  const { good: last, next: coming, refused: bad, damaged } = readConfigs(stateDir);
  return {
    ...(last === undefined ? {} : { good: versionIn(last.token) }),
    ...(coming === undefined
      ? {}
      : {
          next: { ...versionIn(coming.token), begun: coming.begun, ...writtenAt(stateDir, 'next') },
        }),
    ...(bad === undefined ? {} : { refused: { version: bad.version, why: bad.why } }),
    ...(damaged.length === 0 ? {} : { damaged }),
  };
}

/** Each change of what it says writes it anew. */
function writtenAt(stateDir: string, which: Which): { at?: string } {
  const file = statSync(pathOf(stateDir, which), { throwIfNoEntry: false });
  return file === undefined ? {} : { at: file.mtime.toISOString() };
}

function versionIn(signed: string): KeptVersion {
  const shape = configClaims.pick({ version: true, settings: true });
  const claims = shape.safeParse(claimsUnverified(signed)).data;
  if (claims === undefined) return {};
  return { version: claims.version, sets: Object.keys(claims.settings) };
}

const pathOf = (stateDir: string, which: Which): string => join(stateDir, files[which].name);

/** Undefined: there is none. One that cannot be read, or is too large, is empty. */
function textOf(path: string): string | undefined {
  try {
    const file = statSync(path, { throwIfNoEntry: false });
    if (file === undefined) return undefined;
    return file.size > maxFileBytes ? '' : readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error) return '';
    throw error;
  }
}
