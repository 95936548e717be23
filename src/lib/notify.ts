// Tells systemd how a service is doing (sd_notify(3)), through the systemd-notify program: Node has no unix datagrams.
import { execFile } from 'node:child_process';
import { wait, type Clock } from './clock.ts';
import type { Log } from './log.ts';

/** systemd-notify takes 7–21 ms; a hung one must not pile up. */
const timeoutMs = 5000;

/**
 * Sends assignments such as `READY=1`, `WATCHDOG=1`, `STATUS=…`. Without NOTIFY_SOCKET (no systemd) it does nothing.
 * The unit needs `NotifyAccess=all`: the datagram comes from the child. Resolves false when systemd-notify failed.
 */
export async function notifySystemd(...assignments: string[]): Promise<boolean> {
  if (process.env['NOTIFY_SOCKET'] === undefined) return true;
  return new Promise((resolve) => {
    execFile('systemd-notify', assignments, { timeout: timeoutMs }, (error) => {
      resolve(error === null);
    });
  });
}

/**
 * Feeds systemd's watchdog (WATCHDOG=1) at half of its interval until the signal, as long as nothing is wrong; does nothing
 * where systemd asked for none. Silence ends in a restart. That the loop turns is shown by asking at all.
 * @param whyNot says what is wrong; undefined: nothing
 */
export async function feedWatchdog(
  whyNot: () => string | undefined,
  log: Log,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const everyMs = watchdogIntervalMs();
  if (everyMs === undefined) return;
  // READY=1 was the first word; meanwhile the devices open.
  for (;;) {
    await wait(clock, everyMs, signal);
    if (signal.aborted) return;
    const why = whyNot();
    if (why === undefined) await notifySystemd('WATCHDOG=1');
    else log.warn({ why }, 'watchdog.not-fed');
  }
}

/** Half of the watchdog's interval in milliseconds, as systemd asked for it; undefined when it asked for none. */
function watchdogIntervalMs(): number | undefined {
  const usec = Number(process.env['WATCHDOG_USEC']);
  return Number.isFinite(usec) && usec > 0 ? usec / 2000 : undefined;
}
