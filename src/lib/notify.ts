// Tells systemd how a service is doing (sd_notify(3)), through the systemd-notify program: Node has no unix datagrams.
import { execFile } from 'node:child_process';

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

/** Half of the watchdog's interval in milliseconds, as systemd asked for it; undefined when it asked for none. */
export function watchdogIntervalMs(): number | undefined {
  const usec = Number(process.env['WATCHDOG_USEC']);
  return Number.isFinite(usec) && usec > 0 ? usec / 2000 : undefined;
}
