// What keeps a kiosk from being alive, for systemd's watchdog: it is fed only while the loop turns, the journal answers and
// every device is up or known to be down. It must never be fed by a timer alone. PURE.
import type { Health } from '../../drivers/device.ts';
import type { Part } from './state.ts';

/** A card may take a second for a write, and a dying one a few; a customer waits no longer than this. */
const journalPatienceMs = 20_000;

/** Says what is wrong. @param owesMs for how long the journal has owed an answer; undefined: it owes none, or there is none */
export function whyNotAlive(
  owesMs: number | undefined,
  healths: readonly (readonly [Part, Health])[],
): string | undefined {
  if (owesMs !== undefined && owesMs > journalPatienceMs) {
    return `the journal has not answered for ${Math.round(owesMs)} ms`;
  }
  const opening = healths.find(([, { state }]) => state === 'opening');
  return opening === undefined ? undefined : `the ${opening[0]} is neither up nor down`;
}
