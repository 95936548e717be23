// What root remembers of updates, and the two links: `current` runs, `good` has proved itself. Each change is one rename,
// so that a power cut leaves the state before it or after it, and both start a whole release.
import { appendFileSync, existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import {
  linkDurably,
  linkTarget,
  removeDurably,
  syncFolder,
  writeDurably,
} from '../lib/durable.ts';
import { readGuardedJson } from './read-guarded.ts';
import type { RootPlaces } from './root-places.ts';
import { highestVersion, versionFault } from './version-order.ts';

const maxBytes = 16 * 1024;
/** Releases that failed here, the newest. */
const maxFailed = 16;
/** A release that failed so often is not tried again: the network may have been away once or twice. */
export const maxTries = 3;

const releaseName = z.string().regex(/^[\w.-]{1,80}$/);
const stateShape = z.object({
  /** The highest version that was an update and ran well here; see floorOf. */
  floor: z.string().max(32).optional(),
  /** What `good` led to before: a person may go back to it. */
  previous: z.string().max(200).optional(),
  /** Requests in a row during which the kiosk was never idle. */
  heldOff: z.int().min(1).optional(),
  failed: z.array(z.object({ release: releaseName, tries: z.int().min(1) })).max(maxFailed),
});
export type UpdateState = z.infer<typeof stateShape>;

const trialShape = z.object({
  release: releaseName,
  version: z.string().max(32),
  /** Where `good` led when it began. */
  previous: z.string().max(200),
  /** The parts that worked then. */
  before: z.array(z.string().max(32)).max(32),
  bootId: z.string().max(64),
  /** Monotonic clock of that boot. */
  sinceMs: z.number(),
});
export type Trial = z.infer<typeof trialShape>;

const statePath = ({ kept }: RootPlaces): string => join(kept, 'update.json');
/** systemd/kios-update.path and the shim look for it. */
const trialPath = ({ kept }: RootPlaces): string => join(kept, 'trial.json');
const startsPath = ({ kept }: RootPlaces): string => join(kept, 'trial-starts');

export function readState(places: RootPlaces): UpdateState {
  return stateShape.safeParse(readGuardedJson(statePath(places), maxBytes)).data ?? { failed: [] };
}

export function writeState(places: RootPlaces, state: UpdateState): void {
  writeDurably(statePath(places), `${JSON.stringify(state)}\n`);
}

export function readTrial(places: RootPlaces): Trial | undefined {
  return trialShape.safeParse(readGuardedJson(trialPath(places), maxBytes)).data;
}

/** Before the link: what runs on trial is never without its judge. */
export function beginTrial(places: RootPlaces, trial: Trial): void {
  removeDurably(startsPath(places));
  writeDurably(trialPath(places), `${JSON.stringify(trial)}\n`);
}

export function endTrial(places: RootPlaces): void {
  removeDurably(trialPath(places));
}

/** One byte a start: nothing that is read and written again, so a judge that ends the trial just now loses no start. */
export function addStart(places: RootPlaces): void {
  appendFileSync(startsPath(places), 'x', { flush: true, mode: 0o600 });
}

export function countStarts(places: RootPlaces): number {
  return statSync(startsPath(places), { throwIfNoEntry: false })?.size ?? 0;
}

export function linkOf(release: string): string {
  return `releases/${release}`;
}

/** Where what runs now lies, as a link may say it: relative to the place of releases, or the base's own folder. */
export function runningTarget(places: RootPlaces): string {
  const current = linkTarget(places.current);
  if (current !== undefined) return current;
  const base = linkTarget(places.base);
  return base === undefined ? places.base : join(places.base, '..', base);
}

export function goodTarget(places: RootPlaces): string {
  return linkTarget(places.good) ?? runningTarget(places);
}

/**
 * Nothing older is taken as an update: the highest version that ran well here, that runs or is good now, and that
 * provisioning has installed. The last three by their folders' names, which a damaged card does not cut short.
 */
export function floorOf(places: RootPlaces): string | undefined {
  const targets = [runningTarget(places), goodTarget(places), linkTarget(places.base) ?? ''];
  return highestVersion([readState(places).floor, ...targets.map(versionOf)]);
}

/** By the name of its folder; undefined: it has none of ours. */
function versionOf(target: string): string | undefined {
  return /^([\d.]+)-/.exec(basename(target))?.[1];
}

/** Why a person may not go back to this release: what was provisioned since is newer. Undefined: they may. */
export function belowBase(places: RootPlaces, target: string): string | undefined {
  const version = versionOf(target);
  // What lies where provisioning put it has no folder of a release: it is the base itself.
  if (version === undefined) return undefined;
  const installed = versionOf(linkTarget(places.base) ?? '');
  const { floor } = readState(places);
  // Without a data partition updates move the link of provisioning: then it is theirs, unless it is newer than any.
  const isUpdate = places.base === places.current && highestVersion([floor, installed]) === floor;
  const base = isUpdate ? undefined : installed;
  if (versionFault(version, base) === undefined) return undefined;
  return `${basename(target)} is older than ${base ?? ''}, which was provisioned here since: kios update apply brings a newer one`;
}

export function isOnTrial(places: RootPlaces, trial: Trial): boolean {
  return linkTarget(places.current) === linkOf(trial.release);
}

export function switchTo(places: RootPlaces, target: string): void {
  linkDurably(target, places.current);
}

export function holdGood(places: RootPlaces, target: string): void {
  linkDurably(target, places.good);
}

export function triesOf({ failed }: UpdateState, release: string): number {
  return failed.find((one) => one.release === release)?.tries ?? 0;
}

export function timesHeldOff(places: RootPlaces): number {
  return readState(places).heldOff ?? 0;
}

/** @param times 0: it let an update in */
export function noteHeldOff(places: RootPlaces, times: number): void {
  const { heldOff = 0, ...state } = readState(places);
  if (times !== heldOff) writeState(places, times === 0 ? state : { ...state, heldOff: times });
}

export function noteFailure(places: RootPlaces, release: string): void {
  const state = readState(places);
  const others = state.failed.filter((one) => one.release !== release);
  const failed = [...others, { release, tries: triesOf(state, release) + 1 }].slice(-maxFailed);
  writeState(places, { ...state, failed });
}

/** Removes every release that no link and no way back leads to, and what was left half unpacked. */
export function pruneReleases(places: RootPlaces): string[] {
  if (!existsSync(places.releases)) return [];
  const { previous } = readState(places);
  const held = [runningTarget(places), goodTarget(places), previous, linkTarget(places.base)];
  const names = new Set(held.flatMap((target) => (target === undefined ? [] : [basename(target)])));
  const gone = readdirSync(places.releases).filter((name) => !names.has(name));
  for (const name of gone) rmSync(join(places.releases, name), { recursive: true, force: true });
  if (gone.length > 0) syncFolder(places.releases);
  return gone;
}
