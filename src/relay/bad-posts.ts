// A limit on recoveries that bring what this relay never signed: each costs hundreds of checks of signatures, and an honest
// journal has none of them. Held in memory: a restart forgives.
import { type Clock } from '../lib/clock.ts';

/** Posts of one kiosk with such proofs within `windowMs`, then its posts are not looked at until that is over. */
export const maxBadPosts = 20;
const windowMs = 3_600_000;
/** Kiosks that are remembered so; above it those who came first are forgotten. */
const maxRemembered = 1_000;

export interface BadPosts {
  /** Milliseconds until this kiosk's posts are looked at again; 0: they are. */
  leftMs(kioskId: string): number;
  /** Another bad one. */
  note(kioskId: string): void;
}

export function createBadPosts(clock: Pick<Clock, 'monotonicMs'>): BadPosts {
  const noted = new Map<string, { posts: number; untilMs: number }>();

  function present(kioskId: string): { posts: number; untilMs: number } | undefined {
    const entry = noted.get(kioskId);
    if (entry === undefined || clock.monotonicMs() < entry.untilMs) return entry;
    noted.delete(kioskId);
    return undefined;
  }

  return {
    leftMs(kioskId) {
      const entry = present(kioskId);
      if (entry === undefined || entry.posts < maxBadPosts) return 0;
      return Math.ceil(entry.untilMs - clock.monotonicMs());
    },
    note(kioskId) {
      const entry = present(kioskId);
      if (entry !== undefined) {
        entry.posts++;
        return;
      }
      const [oldest] = noted.keys();
      if (noted.size >= maxRemembered && oldest !== undefined) noted.delete(oldest);
      noted.set(kioskId, { posts: 1, untilMs: clock.monotonicMs() + windowMs });
    },
  };
}
