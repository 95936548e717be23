// Repeats a key while it is held: ours, because a pad's own repeat cannot be told from a hand. It ends by itself.
import type { Key, KeySink } from '../device.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { stuckMs } from './fingers.ts';

/** As keyboards do it: a pause in which a finger may leave, then ten a second. */
const firstRepeatMs = 500;
const nextRepeatMs = 100;
/** No finger holds a key for longer than this; what does is stuck. */
const maxRepeats = Math.floor((stuckMs - firstRepeatMs) / nextRepeatMs);

export interface KeyRepeat {
  /** Repeats this key from now on, and no other; undefined ends it. Said again of the same key it goes on. */
  hold(key: Key | undefined): void;
}

export function createKeyRepeat(clock: Clock, onKey: KeySink): KeyRepeat {
  let held: Key | undefined;
  let cancel: (() => void) | undefined;
  const repeat = (key: Key, count: number): void => {
    if (count > maxRepeats) return;
    cancel = clock.after(count === 1 ? firstRepeatMs : nextRepeatMs, () => {
      repeat(key, count + 1);
      onKey(key);
    });
  };
  return {
    hold(key) {
      if (key === held) return;
      cancel?.();
      cancel = undefined;
      held = key;
      if (key !== undefined) repeat(key, 1);
    },
  };
}
