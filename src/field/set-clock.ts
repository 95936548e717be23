// Sets the system clock, for a kiosk whose network blocks NTP: at boot to what is known to be over, and later to what the
// relay has signed. Never on anybody else's word.
import { statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../lib/clock.ts';
import { timeClaims } from '../protocol/proof.ts';
import { signedRequest, type SignedRequest } from '../protocol/root-request.ts';
import { raisedMs, timeFault } from './clock-rule.ts';
import { writeDurably } from '../lib/durable.ts';
import { readGuardedJson } from './read-guarded.ts';
import { answer, done, refused, takeRequests, type Outcome } from './requests.ts';
import type { RootPlaces } from './root-places.ts';
import { runTool } from './run-tool.ts';
import { openSigned } from './trust.ts';

const believed = z.object({ timeMs: z.number() });
const maxBytes = 1024;

/** Obeys the pending requests of the task `clock`. */
export async function obeyClock(places: RootPlaces, clock: Clock): Promise<void> {
  for (const request of takeRequests(places, 'clock', signedRequest)) {
    answer(places, 'clock', request.id, await setSigned(places, clock, request));
  }
}

/** Raises a clock that stands before something that has happened. */
export async function raiseClock(places: RootPlaces, clock: Clock): Promise<void> {
  const { journal } = places;
  const known = [lastBelieved(places), changedMs(journal), changedMs(`${journal}-wal`)];
  const raised = raisedMs(
    clock.nowMs(),
    known.flatMap((ms) => (ms === undefined ? [] : [ms])),
  );
  if (raised !== undefined) await set(places, raised);
}

async function setSigned(
  places: RootPlaces,
  clock: Clock,
  request: SignedRequest,
): Promise<Outcome> {
  const claims = await openSigned(places, request, 'kios-time', timeClaims);
  if (claims === undefined) return refused('it is not signed by the relay of this kiosk');
  const timeMs = Date.parse(claims.time);
  const waitedMs = clock.monotonicMs() - (request.heardAtMs ?? Infinity);
  const fault = timeFault({ timeMs, waitedMs }, lastBelieved(places));
  if (fault !== undefined) return refused(fault);
  await set(places, timeMs + waitedMs);
  writeDurably(believedPath(places), JSON.stringify({ timeMs } satisfies z.infer<typeof believed>));
  return done('the clock is set');
}

async function set({ timesync }: RootPlaces, timeMs: number): Promise<void> {
  const seconds = (timeMs / 1000).toFixed(3);
  await runTool('date', ['--utc', `--set=@${seconds}`]);
  // By this file's time systemd raises the clock at the next boot, long before us.
  if (changedMs(timesync) !== undefined) utimesSync(timesync, timeMs / 1000, timeMs / 1000);
}

function lastBelieved(places: RootPlaces): number | undefined {
  return believed.safeParse(readGuardedJson(believedPath(places), maxBytes)).data?.timeMs;
}

function believedPath({ kept }: RootPlaces): string {
  return join(kept, 'believed-time.json');
}

function changedMs(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}
