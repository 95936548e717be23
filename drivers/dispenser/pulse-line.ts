// One wire that can be pulsed: what LED triggers, GPIO tools and relays have in common.
// It must never say `refused` for a train of which a pulse may have begun.
import type { DeviceError } from '../device.ts';
import type { PulseTrain } from './pulse-train.ts';

/**
 * `made`: the whole train went out · `refused`: not one pulse began · `lost`: nobody can say how many ·
 * `left`: we were called off, and the train goes on to its end without us.
 */
export type TrainOutcome = 'made' | 'refused' | 'lost' | 'left';

/** Single use, like a device. */
export interface PulseLine {
  readonly name: string;
  /** @throws DeviceError */
  open(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
  readonly closed: Promise<DeviceError | undefined>;
  /** Makes the train and waits for its end. Refuses while another one goes on, be it of an earlier run. */
  run(train: PulseTrain, signal: AbortSignal): Promise<TrainOutcome>;
  /** Capability: waits for the end of a train that an earlier run in this boot has started. */
  follow?(train: PulseTrain, signal: AbortSignal): Promise<'made' | 'lost' | 'left'>;
}
