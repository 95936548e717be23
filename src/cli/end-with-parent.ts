// A part that the demo started must not outlive it, however the demo ended. In production this does nothing.

/** Longer than any part needs to stop. */
const stopLimitMs = 10_000;

/** Only the demo opens a channel to its children; when that breaks, the parent is gone. */
export function endWithParent(): void {
  if (process.channel == null) return;
  process.once('disconnect', () => {
    setTimeout(() => process.exit(1), stopLimitMs).unref();
    process.kill(process.pid, 'SIGTERM');
  });
  process.channel.unref(); // The channel alone keeps nobody alive.
}
