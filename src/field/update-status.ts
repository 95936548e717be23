// What of the program runs, what has proved itself, and what is on trial: for `kios update status`. Changes nothing.
import { basename } from 'node:path';
import type { RootPlaces } from './root-places.ts';
import {
  countStarts,
  floorOf,
  goodTarget,
  isOnTrial,
  readState,
  readTrial,
  runningTarget,
} from './update-state.ts';

export interface UpdateStatus {
  current: string;
  good: string;
  /** Where `kios update rollback` leads. */
  previous?: string;
  trial?: { release: string; starts: number };
  /** Nothing older is taken as an update. */
  floor?: string;
  failed: readonly { release: string; tries: number }[];
}

export function updateStatus(places: RootPlaces): UpdateStatus {
  const { previous, failed } = readState(places);
  const floor = floorOf(places);
  const trial = readTrial(places);
  return {
    current: basename(runningTarget(places)),
    good: basename(goodTarget(places)),
    ...(previous === undefined ? {} : { previous: basename(previous) }),
    ...(trial === undefined || !isOnTrial(places, trial)
      ? {}
      : { trial: { release: trial.release, starts: countStarts(places) } }),
    ...(floor === undefined ? {} : { floor }),
    failed,
  };
}
