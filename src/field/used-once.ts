// Which signed commands root has obeyed already: each serves once, until its own deadline ends it anyhow. What is full
// refuses; it never forgets one that could be shown again, also to a clock that goes back.
import { join } from 'node:path';
import { z } from 'zod';
import { requestId } from '../protocol/root-request.ts';
import { writeDurably } from '../lib/durable.ts';
import { readGuardedJson } from './read-guarded.ts';
import type { RootPlaces } from './root-places.ts';

const maxUsed = 256;
const maxBytes = 64 * 1024;
const entry = z.object({
  id: requestId,
  untilMs: z.number(),
  /** Of all whose deadline is over the one with the last: no other is remembered, and none that is older serves again. */
  over: z.literal(true).optional(),
});
const used = z.array(entry).max(maxUsed);

export interface OneUse {
  /** The id that was signed, not that of the request. */
  id: string;
  /** Wall clock, milliseconds. */
  deadlineMs: number;
}

const maxLifeMs = { console: 24 * 3_600_000 } as const;

/** Why it must not be obeyed; undefined: it may be. */
export function useFault(
  places: RootPlaces,
  task: keyof typeof maxLifeMs,
  use: OneUse,
  nowMs: number,
): string | undefined {
  if (use.deadlineMs <= nowMs) return 'its deadline is over';
  if (use.deadlineMs > nowMs + maxLifeMs[task]) return 'its deadline is too far away';
  const known = read(places, task, nowMs);
  if (known.some(({ id }) => id === use.id)) return 'it was obeyed before';
  if (known.some(({ over, untilMs }) => over === true && use.deadlineMs <= untilMs)) {
    return 'one with a later deadline is over';
  }
  return known.length < maxUsed ? undefined : 'too many requests are remembered';
}

/** To be called after it was obeyed: all of them may be obeyed twice, and none may be lost to a power cut. */
export function markUsed(
  places: RootPlaces,
  task: keyof typeof maxLifeMs,
  use: OneUse,
  nowMs: number,
): void {
  const known = [...read(places, task, nowMs), { id: use.id, untilMs: use.deadlineMs }];
  writeDurably(pathOf(places, task), `${JSON.stringify(known)}\n`);
}

function read(places: RootPlaces, task: string, nowMs: number): z.infer<typeof used> {
  const known = used.safeParse(readGuardedJson(pathOf(places, task), maxBytes)).data ?? [];
  const isOver = ({ over, untilMs }: z.infer<typeof entry>): boolean =>
    over === true || untilMs <= nowMs;
  const [last] = known.filter(isOver).sort((left, right) => right.untilMs - left.untilMs);
  const live = known.filter((one) => !isOver(one));
  return last === undefined ? live : [{ ...last, over: true }, ...live];
}

function pathOf(places: RootPlaces, task: string): string {
  return join(places.kept, `${task}-used.json`);
}
