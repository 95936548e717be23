// The requests of one task as root finds them: each is read once, taken away whatever it is, and answered by a file that
// the kiosk may read. A folder that a kiosk fills without end is emptied and not obeyed.
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import {
  maxAnswers,
  maxRequestBytes,
  maxWhy,
  rootAnswers,
  type RootAnswer,
  type RootTask,
} from '../protocol/root-request.ts';
import { writeDurably } from '../lib/durable.ts';
import { readGuardedJson } from './read-guarded.ts';
import type { RootPlaces } from './root-places.ts';

/** One kiosk asks one thing at a time. */
const maxPending = 8;

/** What came of a request, without its name. */
export type Outcome = Omit<RootAnswer, 'id'>;

/**
 * Takes the requests of a task away and gives those that have the right shape, oldest name first. What is not named as a
 * request wakes nobody, and is left.
 */
export function takeRequests<T>(places: RootPlaces, task: RootTask, shape: z.ZodType<T>): T[] {
  const folder = join(places.ask, task);
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  const taken: T[] = [];
  for (const [index, name] of names.sort().entries()) {
    const path = join(folder, name);
    if (index < maxPending) {
      const request = shape.safeParse(readGuardedJson(path, maxRequestBytes));
      if (request.success) taken.push(request.data);
    }
    take(path);
  }
  return taken;
}

/** Also what is no request: the path unit would start us for it again and again. */
function take(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch (error) {
    // A folder. Root must not walk through what somebody else may change meanwhile: it stays, and the unit's limit of
    // starts ends the asking.
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
  }
}

/** What was answered to a task, oldest first. */
export function readAnswers(places: RootPlaces, task: RootTask): RootAnswer[] {
  const path = join(places.answers, `${task}.json`);
  return rootAnswers.safeParse(readGuardedJson(path, maxRequestBytes)).data ?? [];
}

/** Adds an answer where the kiosk looks for it; the oldest go. */
export function answer(places: RootPlaces, task: RootTask, id: string, outcome: Outcome): void {
  const answers = [...readAnswers(places, task), { id, ...outcome }].slice(-maxAnswers);
  writeDurably(join(places.answers, `${task}.json`), `${JSON.stringify(answers)}\n`, 0o644);
}

export const done = (why: string): Outcome => ({ outcome: 'done', why });
export const refused = (why: string): Outcome => ({ outcome: 'refused', why });
export const failed = (why: string): Outcome => ({ outcome: 'failed', why: why.slice(0, maxWhy) });
