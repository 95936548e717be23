// What a hand means by the keys that are down on a payment keypad: one press each, no ghosts, and no key that is stuck.
// PURE. It repeats nothing itself; it says what may be repeated.
import type { Key } from '../device.ts';
import { isModifier, pressesBetween } from './key-reports.ts';
import { keyOfPress } from './keys.ts';

/** A key that is down for longer than this is held by no finger. */
export const stuckMs = 30_000;
/**
 * A matrix without diodes shows a fourth key when three corners of a square are held. A hand that types fast overlaps two
 * keys, seldom three.
 */
const maxFingers = 3;
/** Cheap pads press NumLock around each digit (seen in input-remapper issue #486); it is no finger. */
const numLock = 0x53;

export interface Fingers {
  /** Takes the usages that are down now and answers the keys that were pressed. `nowMs` is monotonic. */
  take(down: readonly number[], nowMs: number): Key[];
  /** The key that a finger holds alone, if it is one that repeats. Only what erases repeats: money is typed key by key. */
  repeats(): Key | undefined;
  /** How many keys have been down for longer than a finger rests. */
  stuck(nowMs: number): number;
}

/** One for each connection. */
export function createFingers(): Fingers {
  let down: readonly number[] = [];
  const sinceMs = new Map<number, number>();
  let last: { usage: number; key: Key } | undefined;

  const isStuck = (usage: number, nowMs: number): boolean =>
    nowMs - (sinceMs.get(usage) ?? nowMs) >= stuckMs;

  return {
    take(next, nowMs) {
      for (const usage of sinceMs.keys()) if (!next.includes(usage)) sinceMs.delete(usage);
      for (const usage of next) if (!sinceMs.has(usage)) sinceMs.set(usage, nowMs);
      // A stuck Shift or Alt would turn every other key into none.
      const moving = next.filter((usage) => !isStuck(usage, nowMs));
      const fingers = moving.filter((usage) => !isModifier(usage) && usage !== numLock);
      const presses = pressesBetween(down, moving).filter(({ usage }) => usage !== numLock);
      down = next;
      if (last !== undefined && (!fingers.includes(last.usage) || presses.length > 0)) {
        last = undefined;
      }
      if (fingers.length > maxFingers) return [];
      return presses.flatMap((press) => {
        const key = keyOfPress(press);
        if (key === undefined) return [];
        last = { usage: press.usage, key };
        return [key];
      });
    },
    repeats: () => (last?.key === 'backspace' ? last.key : undefined),
    stuck: (nowMs) => down.filter((usage) => isStuck(usage, nowMs)).length,
  };
}
