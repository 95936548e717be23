// What is looked at again and again while a kiosk runs: the relay, the devices' complaints, systemd's watchdog.
import { wait, type Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { notifySystemd, watchdogIntervalMs } from '../lib/notify.ts';
import type { Devices } from './devices.ts';
import type { Kiosk } from './kiosk.ts';
import type { RelayClient } from './relay-client.ts';
import { statfs } from 'node:fs/promises';
import type { Part, PartHealth } from './state.ts';

/** While the relay is away it is tried this often; while it is there, this often suffices. */
const probeDownMs = 2000;
const probeUpMs = 30_000;
const healthEveryMs = 10_000;
const diskEveryMs = 10_000;
/** Some thousand sales of journal; a sale in hand needs a few kilobytes. */
const minFreeBytes = 32 * 1024 * 1024;

/** Asks whether the relay is there, often while it is not: the next customer must not be the one to find out. */
export async function watchRelay(
  client: RelayClient,
  onPart: (part: Part, health: PartHealth) => void,
  kiosk: Kiosk,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const answer = await client.probe();
    onPart('relay', answer.ok ? { ok: true } : { ok: false, code: answer.failure.code });
    await wait(clock, kiosk.state().parts.relay.ok ? probeUpMs : probeDownMs, signal);
  }
}

/** A device that is open and complains (a keypad that speaks nonsense, paper that is low) is told in the log. */
export async function watchHealth(
  devices: Devices,
  log: Log,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const told = new Map<string, string | undefined>();
  while (!signal.aborted) {
    for (const [part, health] of devices.healths()) {
      if (health.state === 'up' && told.get(part) !== health.detail) {
        log.warn({ device: part, detail: health.detail ?? 'well again' }, 'device.complaint');
        told.set(part, health.detail);
      }
    }
    await wait(clock, healthEveryMs, signal);
  }
}

/** The loop turns, so the watchdog is fed; a stuck loop is restarted by systemd. */
export async function pingWatchdog(clock: Clock, signal: AbortSignal): Promise<void> {
  const everyMs = watchdogIntervalMs();
  if (everyMs === undefined) return;
  while (!signal.aborted) {
    await notifySystemd('WATCHDOG=1');
    await wait(clock, everyMs, signal);
  }
}

/** Nothing is sold that could not be written down to its end (rule 8). */
export async function watchDisk(
  stateDir: string,
  onPart: (part: Part, health: PartHealth) => void,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const { bavail, bsize } = await statfs(stateDir);
    onPart(
      'journal',
      bavail * bsize < minFreeBytes ? { ok: false, code: 'disk-full' } : { ok: true },
    );
    await wait(clock, diskEveryMs, signal);
  }
}
