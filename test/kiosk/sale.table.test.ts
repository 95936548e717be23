// The table of the machine: every phase × every event, by name. What is not in `sale.table.txt` changes nothing; with
// UPDATE_TABLE=1 the file is written anew, to be read before it is believed.
import { readFileSync, writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { NewEvent } from '../../src/kiosk/kiosk.ts';
import { nextWake, step } from '../../src/kiosk/sale.ts';
import type { Phase, State } from '../../src/kiosk/state.ts';
import { rules } from './machine.ts';
import { events, nowMs, phases, stateIn } from './sale.table.ts';

const file = new URL('sale.table.txt', import.meta.url);
const nothing = 'nothing';
const strict = { ...rules, technicianCode: '314159' };

/** `paying` the phase after it, `!look` an effect, `~parts` another piece of the state. */
function outcome(before: State, event: NewEvent, atMs = nowMs): string {
  const [after, effects] = step(before, { ...event, atMs }, strict);
  expect(JSON.parse(JSON.stringify(after))).toEqual(after);
  const wake = nextWake(after);
  expect(wake === undefined || Number.isFinite(wake)).toBe(true);
  const said = effects.map((effect) =>
    effect.kind === 'print' ? `!print-${effect.slip}` : `!${effect.kind}`,
  );
  const keys = Object.keys({ ...before, ...after }) as (keyof State)[];
  const changed = keys.filter((key) => !isDeepStrictEqual(before[key], after[key]));
  const others = changed.filter((key) => key !== 'phase').map((key) => `~${key}`);
  const words = [...(changed.includes('phase') ? [nameOf(after.phase)] : []), ...said, ...others];
  return words.length === 0 ? nothing : words.join(' ');
}

function nameOf(phase: Phase): string {
  return phase.at === 'result' ? `result:${phase.outcome}` : phase.at;
}

const pairs = events.flatMap(([name, event]) =>
  Object.entries(phases).map(([at, phase]) => ({ name, at, event, phase })),
);

/** An event on a line; below it, indented, each outcome with the phases that lead to it. */
function written(): string {
  const lines = events.flatMap(([name, event]) => {
    const groups = Map.groupBy(Object.entries(phases), ([, phase]) =>
      outcome(stateIn(phase), event),
    );
    groups.delete(nothing);
    const said = [...groups].map(
      ([what, them]) => `  ${what}: ${namesOf(new Set(them.map(([at]) => at)))}`,
    );
    return [name, ...said];
  });
  return `${lines.join('\n')}\n`;
}

/** The fewer words of the two: who they are, or who they are not. */
function namesOf(them: ReadonlySet<string>): string {
  const all = Object.keys(phases);
  const others = all.filter((at) => !them.has(at));
  if (others.length > all.length / 2) return [...them].join(' ');
  return ['all', ...(others.length === 0 ? [] : ['but', ...others])].join(' ');
}

function phasesOf(names: string): readonly string[] {
  if (!names.startsWith('all')) return names.split(' ');
  const others = names.split(' ').slice(2);
  return Object.keys(phases).filter((at) => !others.includes(at));
}

function read(): Map<string, string> {
  const expected = new Map<string, string>();
  let event = '';
  for (const line of readFileSync(file, 'utf8').trimEnd().split('\n')) {
    if (!line.startsWith('  ')) event = line;
    else {
      const [what = '', whom = ''] = line.trim().split(/: (?=[^:]*$)/);
      for (const at of phasesOf(whom)) expected.set(`${at} / ${event}`, what);
    }
  }
  return expected;
}

if (process.env['UPDATE_TABLE'] === '1') writeFileSync(file, written());
const expected = read();

describe('every phase × every event', () => {
  test.each(pairs)('$at / $name', ({ at, name, event, phase }) => {
    expect(outcome(stateIn(phase), event)).toBe(expected.get(`${at} / ${name}`) ?? nothing);
  });

  test('the table speaks of no pair that there is not', () => {
    const known = new Set(pairs.map(({ at, name }) => `${at} / ${name}`));
    expect([...expected.keys()].filter((pair) => !known.has(pair))).toEqual([]);
  });

  test('a woke long after everything is due leaves no phase that waits for the past', () => {
    const lateMs = 10_000_000;
    for (const phase of Object.values(phases)) {
      const [after] = step(stateIn(phase), { kind: 'woke', atMs: lateMs }, strict);
      expect(nextWake(after) ?? Infinity, phase.at).toBeGreaterThan(lateMs);
    }
  });
});
