// What the kiosk says of itself in its runtime folder: by it root finds the moment for an update, and tells a release that
// serves from one that does not. No secrets; nothing is believed that is older than half a minute.
import { renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { wait, type Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { healthFile, type HealthReport } from '../protocol/root-request.ts';
import { toldParts } from './missing.ts';
import type { Rules } from './rules.ts';
import type { State } from './state.ts';

const everyMs = 5_000;
/** The folder of the release: a link that led here may lead elsewhere now. */
const release = basename(fileURLToPath(new URL('../..', import.meta.url)));

export type OwnHealth = Omit<HealthReport, 'atMs'>;

/** Idle is stricter than between two slips: somebody who types is a customer. */
export function ownHealth(state: State, rules: Rules, version: string): OwnHealth {
  const idle = state.phase.at === 'idle' || state.phase.at === 'blocked';
  // Whoever closes a kiosk while a release is on trial says nothing about the release.
  const { operator: _operator, ...parts } = toldParts(state, rules);
  return { release, version, idle, parts };
}

/** A kiosk that stands still can be updated: that may be what mends it. */
export function standingHealth(version: string): OwnHealth {
  return { release, version, idle: true, parts: { journal: { ok: false } } };
}

export interface TellHealthOptions {
  /** In memory, not on the card; undefined (no systemd): nobody asks. */
  folder: string | undefined;
  report: () => OwnHealth;
  clock: Clock;
  log: Log;
  signal: AbortSignal;
}

/** Tells it for as long as the kiosk runs. */
export async function tellHealth(options: TellHealthOptions): Promise<void> {
  const { folder, report, clock, log, signal } = options;
  if (folder === undefined) return;
  const path = join(folder, healthFile);
  while (!signal.aborted) {
    const said: HealthReport = { ...report(), atMs: clock.monotonicMs() };
    try {
      writeFileSync(`${path}.new`, JSON.stringify(said), { mode: 0o644 });
      renameSync(`${path}.new`, path);
    } catch (error) {
      // Selling does not depend on it: root hears nothing, and takes no release for good.
      log.warn({ err: error }, 'health.not-told');
    }
    await wait(clock, everyMs, signal);
  }
}
