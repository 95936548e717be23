// The machine's rules as they stand in the journal: what was decided can be decided again only by the same ones. PURE.
import type { MachineMark } from './machine.ts';
import type { Rules } from './rules.ts';

/** The body of a `rules` entry. */
export interface WrittenRules {
  /** Of kios. */
  version: string;
  rules: unknown;
  /** Whose journal it is; undefined: the machine has no serial. */
  machine?: MachineMark;
}

export function writeRules(rules: Rules, version: string, machine?: MachineMark): WrittenRules {
  const bare: unknown = JSON.parse(
    JSON.stringify(rules, (_name, value: unknown) =>
      value instanceof Map ? { map: [...(value as Map<unknown, unknown>)] } : value,
    ),
  );
  return { version, rules: bare, ...(machine === undefined ? {} : { machine }) };
}

/** Undefined for what is no body of a `rules` entry. */
export function readRules(body: unknown): { version: string; rules: Rules } | undefined {
  if (typeof body !== 'object' || body === null || !('rules' in body)) return undefined;
  const version = 'version' in body ? String(body.version) : '';
  const text = JSON.stringify(body.rules);
  // The chain vouches that `writeRules` wrote it.
  const rules = JSON.parse(text, (_name, value: unknown) => {
    const pairs = typeof value === 'object' && value !== null && 'map' in value ? value.map : null;
    return Array.isArray(pairs) ? new Map(pairs as [unknown, unknown][]) : value;
  }) as Rules;
  return { version, rules };
}
