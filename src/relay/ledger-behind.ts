// Tells the operator when a kiosk has heard more of this very ledger than the database knows: it was put back from a
// backup, and `kios relay restored` was not run. It decides nothing: one kiosk with a good key may say so falsely.
import { type Clock } from '../lib/clock.ts';
import { type Log } from '../lib/log.ts';
import { type Metrics } from './metrics.ts';
import { createQuietLog } from './quiet-log.ts';

/** A kiosk has shown a number of this ledger that it was never given, or that belongs to something else. */
export type TellBehind = (kioskId: string, seq: number) => void;

export function createTellBehind(parts: {
  clock: Pick<Clock, 'monotonicMs'>;
  log: Log;
  metrics: Pick<Metrics, 'faults'>;
}): TellBehind {
  const warn = createQuietLog(parts.clock, parts.log);
  return (kioskId, seq) => {
    parts.metrics.faults.inc({ place: 'ledger-behind' });
    warn('ledger.behind', kioskId, { kioskId, seq, mend: 'kios relay restored' });
  };
}
