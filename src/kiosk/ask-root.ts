// The kiosk asks root for what it may not do itself: set the clock, take a release, join a Wi-Fi. It signs nothing and is
// believed in nothing; root verifies all of it again (docs/DESIGN.md §7).
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { wait, type Clock } from '../lib/clock.ts';
import { askRootAt } from '../lib/ask-root.ts';
import {
  askFolder,
  rootAnswers,
  type RootAnswer,
  type RootTask,
  type SignedRequest,
  type UpdateRequest,
} from '../protocol/root-request.ts';

const lookEveryMs = 500;

/** Asks, and answers what root says within `limitMs`; undefined: nothing, as on a laptop without root's units. */
export type AskRoot = (
  task: RootTask,
  request: SignedRequest | UpdateRequest,
  limitMs: number,
  signal?: AbortSignal,
) => Promise<RootAnswer | undefined>;

export function createAskRoot(clock: Clock, folder = askFolder): AskRoot {
  return async (task, request, limitMs, signal) => {
    if (!existsSync(join(folder, task))) return undefined;
    askRootAt(folder, task, request);
    const untilMs = clock.monotonicMs() + limitMs;
    while (clock.monotonicMs() < untilMs && signal?.aborted !== true) {
      const answer = readAnswer(folder, task, request.id);
      if (answer !== undefined) return answer;
      await wait(clock, lookEveryMs, signal);
    }
    return undefined;
  };
}

function readAnswer(folder: string, task: RootTask, id: string): RootAnswer | undefined {
  const path = join(folder, 'answers', `${task}.json`);
  if (!existsSync(path)) return undefined;
  // Root replaces the file by renaming, so it is whole.
  return rootAnswers.parse(JSON.parse(readFileSync(path, 'utf8'))).find((one) => one.id === id);
}
