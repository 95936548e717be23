// Midtrans' Idempotency-Key with its traps (reference §2): global over endpoints, blind to the body, successes only.
import type { Clock } from '../lib/clock.ts';
import type { Answer } from './answers.ts';

/** A longer key is ignored without a word. */
const maxKeyLength = 46;
const lifeMs = 5 * 60_000;
const maxKeys = 100_000;

/** HTTP 202 while the first request with the key still runs. What its body says is not documented. */
const stillRunning: Answer = {
  http: 202,
  body: { message: 'A request with the same Idempotency-Key is still being processed' },
};

interface Entry {
  startedAtMs: number;
  /** Absent while the first request runs. */
  answer?: Answer;
}

export interface IdempotencyKeys {
  /** Runs `action`, unless this key is running or already has a stored success. */
  run(key: string | undefined, action: () => Promise<Answer>): Promise<Answer>;
}

/** A body `status_code` of 200 or 201 is a success; nothing else is stored. */
function isSuccess(answer: Answer): boolean {
  const code = answer.body['status_code'];
  return code === '200' || code === '201';
}

export function createIdempotencyKeys(clock: Clock): IdempotencyKeys {
  // In order of insertion, so that the oldest entries come first.
  const entries = new Map<string, Entry>();

  function sweep(nowMs: number): void {
    for (const [key, entry] of entries) {
      if (nowMs - entry.startedAtMs < lifeMs && entries.size <= maxKeys) return;
      entries.delete(key);
    }
  }

  return {
    async run(key, action) {
      if (key === undefined || key === '' || key.length > maxKeyLength) return action();
      const nowMs = clock.monotonicMs();
      sweep(nowMs);
      const known = entries.get(key);
      if (known !== undefined) return known.answer ?? stillRunning;
      const entry: Entry = { startedAtMs: nowMs };
      entries.set(key, entry);
      let stored = false;
      try {
        const answer = await action();
        if (isSuccess(answer)) {
          entry.answer = answer;
          stored = true;
        }
        return answer;
      } finally {
        if (!stored && entries.get(key) === entry) entries.delete(key);
      }
    },
  };
}
