// Updates of the program: a bundle is unpacked, put on trial, and kept or taken back. At any moment `current` leads to a
// whole release, and `good` to one that has proved itself; whatever is killed, a later run goes on from there.
import { basename } from 'node:path';
import { wait, type Clock } from '../lib/clock.ts';
import { healthReport, maxWhy, type HealthReport } from '../protocol/root-request.ts';
import { readGuardedJson } from './read-guarded.ts';
import { done, failed, refused, type Outcome } from './requests.ts';
import type { RootPlaces } from './root-places.ts';
import { runTool, ToolError } from './run-tool.ts';
import {
  isFresh,
  isWell,
  judge,
  partsThatWork,
  trialLimits,
  type TrialLimits,
} from './update-judge.ts';
import {
  addStart,
  belowBase,
  beginTrial,
  countStarts,
  endTrial,
  holdGood,
  isOnTrial,
  linkOf,
  noteFailure,
  noteHeldOff,
  pruneReleases,
  readState,
  readTrial,
  runningTarget,
  switchTo,
  timesHeldOff,
  writeState,
  type Trial,
} from './update-state.ts';
import { unpackBundle } from './update-unpack.ts';
import { highestVersion } from './version-order.ts';

const maxHealthBytes = 16 * 1024;
const lookEveryMs = 1_000;
/** A customer has the time of a QR and of a slip; what is never idle is stuck. */
const idleLimitMs = 900_000;
/** Requests that a kiosk may outwait in a row: three hours of them. */
const maxHeldOff = 12;
/** A release that failed gets this long to finish a sale in hand: it will be taken up again by the other one. */
const lastIdleLimitMs = 60_000;

export interface Updating {
  places: RootPlaces;
  clock: Clock;
  bootId: string;
  /** Told what happens, a line each. */
  say: (line: string) => void;
  /** A folder tree that stands for the system: the kiosk of the machine itself is left alone. */
  isTree?: boolean;
  limits?: Partial<TrialLimits>;
}

/** From the bundle to the switch. The trial that it begins is judged by `watchTrial`. */
export async function applyBundle(
  updating: Updating,
  name: string,
  again = false,
): Promise<Outcome> {
  const { places, clock, bootId, say } = updating;
  const unpacked = await unpackBundle(places, name, again);
  if ('why' in unpacked) {
    return { outcome: unpacked.kind, why: unpacked.why.slice(0, maxWhy) };
  }
  if (unpacked.kind === 'there') return done(`${unpacked.release} runs already`);
  const { release, version, said } = unpacked;
  say(`${release} is unpacked and checked`);
  for (const line of said) say(`${release} says: ${line}`);
  if (!(await untilLetIn(updating, release))) {
    return failed(
      'the kiosk was never idle; ask again later, or stop it first: systemctl stop kios',
    );
  }
  const before = partsThatWork(freshHealth(updating));
  const previous = runningTarget(places);
  holdGood(places, previous);
  const sinceMs = clock.monotonicMs();
  beginTrial(places, { release, version, previous, before, bootId, sinceMs });
  switchTo(places, linkOf(release));
  await restartKiosk(updating);
  return done(`${release} is on trial`);
}

/**
 * Judges the release on trial until it has proved itself or failed; undefined: there is none. What was cut off before its
 * switch, or after its end, is only tidied up.
 */
export async function watchTrial(updating: Updating): Promise<Outcome | undefined> {
  const { places, clock, bootId } = updating;
  const limits = { ...trialLimits, ...updating.limits };
  const trial = readTrial(places);
  if (trial === undefined) return undefined;
  if (!isOnTrial(places, trial)) {
    // Cut off on the way in or out: what runs was there before, and was good.
    holdGood(places, runningTarget(places));
    endTrial(places);
    return undefined;
  }
  const sinceMs = trial.bootId === bootId ? trial.sinceMs : clock.monotonicMs();
  let wellSinceMs: number | undefined;
  for (;;) {
    const nowMs = clock.monotonicMs();
    // A start of the daemon has found a crash loop, or a person went back.
    if (!isOnTrial(places, trial)) return failed(`${trial.release} was taken back meanwhile`);
    if (!isWell(readHealth(places), trial, nowMs, limits)) wellSinceMs = undefined;
    else wellSinceMs ??= nowMs;
    const wellMs = wellSinceMs === undefined ? 0 : nowMs - wellSinceMs;
    const starts = countStarts(places);
    const verdict = judge({ starts, wellMs, elapsedMs: nowMs - sinceMs }, limits);
    if (verdict === 'confirm') return confirm(updating, trial);
    if (verdict !== 'wait') return takeBack(updating, trial, verdict);
    await wait(clock, lookEveryMs);
  }
}

/** At each start of the daemon: a release that keeps dying is taken back before it starts once more. */
export function noteStart({ places, say, limits }: Updating): void {
  const trial = readTrial(places);
  if (trial === undefined || !isOnTrial(places, trial)) return;
  addStart(places);
  const { maxStarts } = { ...trialLimits, ...limits };
  if (countStarts(places) <= maxStarts) return;
  say(`${trial.release} is taken back: it does not stay up`);
  undo(places, trial);
}

/** A person goes back to what ran before. */
export async function rollBack(updating: Updating): Promise<Outcome> {
  const { places } = updating;
  const trial = readTrial(places);
  if (trial !== undefined && isOnTrial(places, trial)) {
    return takeBack(updating, trial, 'by hand');
  }
  const state = readState(places);
  const { previous } = state;
  if (previous === undefined) return refused('there is no release to go back to');
  const below = belowBase(places, previous);
  if (below !== undefined) return refused(below);
  // Not the way forward again: a second roll-back must not bring back what was left.
  const { previous: _gone, ...kept } = state;
  switchTo(places, previous);
  holdGood(places, previous);
  writeState(places, kept);
  pruneReleases(places);
  const release = basename(previous);
  const fault = await restartFault(updating);
  return fault === undefined
    ? done(`${release} runs again`)
    : failed(`${release} is current; ${fault}`);
}

/** The order lets each step be repeated after a power cut: the trial is the last thing to go. */
function confirm({ places, say }: Updating, trial: Trial): Outcome {
  const { release, version, previous } = trial;
  const state = readState(places);
  const others = state.failed.filter((one) => one.release !== release);
  const floor = highestVersion([version, state.floor]);
  writeState(places, { floor, previous, failed: others });
  holdGood(places, linkOf(release));
  endTrial(places);
  for (const gone of pruneReleases(places)) say(`${gone} is removed`);
  return done(`${release} has proved itself`);
}

async function takeBack(updating: Updating, trial: Trial, why: string): Promise<Outcome> {
  const { places } = updating;
  await untilIdle(updating, lastIdleLimitMs);
  undo(places, trial);
  const fault = await restartFault(updating);
  const more = fault === undefined ? '' : `; ${basename(trial.previous)} is current; ${fault}`;
  return failed(`${trial.release} was taken back: ${why}${more}`);
}

/** By the trial's own word: a power cut while it was confirmed may have led `good` to it already. */
function undo(places: RootPlaces, { release, previous }: Trial): void {
  switchTo(places, previous);
  holdGood(places, previous);
  noteFailure(places, release);
  endTrial(places);
  // Not its folder: the daemon that runs from it has yet to end. The next update removes it.
}

/** False: it serves. One that says so over hours of requests is stuck: a sale in hand outlives the restart. */
async function untilLetIn(updating: Updating, release: string): Promise<boolean> {
  const { places, say } = updating;
  const isIdle = await untilIdle(updating);
  const times = isIdle ? 0 : timesHeldOff(places) + 1;
  const isEnough = times > maxHeldOff;
  noteHeldOff(places, isEnough ? 0 : times);
  if (isEnough) say(`${release} waits no longer: the kiosk was never idle in ${times} requests`);
  return isIdle || isEnough;
}

/** False: it never was. A kiosk that says nothing serves nobody. */
export async function untilIdle(updating: Updating, limitMs = idleLimitMs): Promise<boolean> {
  const { clock } = updating;
  const untilMs = clock.monotonicMs() + limitMs;
  while (freshHealth(updating)?.idle === false) {
    if (clock.monotonicMs() >= untilMs) return false;
    await wait(clock, lookEveryMs);
  }
  return true;
}

function freshHealth({ places, clock, limits }: Updating): HealthReport | undefined {
  const health = readHealth(places);
  const { freshMs } = { ...trialLimits, ...limits };
  return health !== undefined && isFresh(health, clock.monotonicMs(), freshMs) ? health : undefined;
}

function readHealth({ health }: RootPlaces): HealthReport | undefined {
  return healthReport.safeParse(readGuardedJson(health, maxHealthBytes)).data;
}

/** The way back is gone by now, and the links are right: what is left to do is told, in place of a failure. */
async function restartFault(updating: Updating): Promise<string | undefined> {
  try {
    await restartKiosk(updating);
    return undefined;
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    return `the restart failed, do it by hand: systemctl restart kios (${error.message})`;
  }
}

async function restartKiosk({ isTree }: Updating): Promise<void> {
  if (isTree === true) return;
  // Without a wait: the start of a release that hangs is the judge's business.
  await runTool('systemctl', ['--no-block', 'restart', 'kios.service']);
}
