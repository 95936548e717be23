// The broker inside knows the kiosks of its own process alone. A second one on the same database would be told to publish to
// kiosks that it does not have; so there is one, and whoever wants more relays runs a broker outside.
import { wait, type Clock } from '../../lib/clock.ts';
import { SettingFault } from '../setting-fault.ts';
import { type KioskHold } from '../store/database.ts';
import { type Store } from '../store/store.ts';

/** No kiosk can have this name. */
const holdName = '~broker-inside';
/** A relay that was killed just now may still be held for alive by its database. */
const tries = 12;
const retryMs = 500;

/** Resolves with the right to be the one. @throws SettingFault when another relay has it. */
export async function holdBrokerInside(store: Store, clock: Clock): Promise<KioskHold> {
  for (let left = tries; left > 0; left--) {
    const hold = await store.holdKiosk(holdName);
    if (hold !== undefined) return hold;
    await wait(clock, retryMs);
  }
  throw new SettingFault(
    'mqtt',
    'another relay with a broker inside runs on this database; for many relays name a broker outside (broker:)',
  );
}
