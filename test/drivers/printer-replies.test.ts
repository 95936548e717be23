// What comes back from a printer, cut anywhere, damaged anywhere, and from one that only babbles: no answer is ever made up,
// and nobody waits for ever.
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Replies } from '../../drivers/printer/replies.ts';
import { parseAsb, parseFence, parseStatus, replyKind } from '../../drivers/printer/status.ts';
import { statusTopics } from '../../drivers/printer/status.ts';
import type { BytePort } from '../../drivers/ports.ts';
import type { Clock } from '../../src/lib/clock.ts';

const kinds = ['status', 'fence', 'asb', 'clear'] as const;
type Kind = (typeof kinds)[number];

/** A clock that stands still; what waits on it is called when the test says that the time is over. */
function standingClock(): Clock & { fire(): void } {
  const waiting = new Set<() => void>();
  return {
    nowMs: () => 0,
    monotonicMs: () => 0,
    after: (_delayMs, call) => {
      waiting.add(call);
      return () => waiting.delete(call);
    },
    fire: () => {
      for (const call of [...waiting]) {
        waiting.delete(call);
        call();
      }
    },
  };
}

/** The first answer of that kind in what came, as it is handed to whoever waits for one. */
async function heard(kind: Kind, pieces: Iterable<Uint8Array>): Promise<number[] | undefined> {
  const clock = standingClock();
  const replies = new Replies(clock);
  const answer = replies.next(kind, 1, new AbortController().signal);
  for (const piece of pieces) replies.take(piece);
  clock.fire();
  const bytes = await answer;
  return bytes === undefined ? undefined : [...bytes];
}

/** The same by the letters of the kinds: an `a` has three tails, a `c` two, and what else comes between belongs to none. */
function expected(kind: Kind, stream: Uint8Array): number[] | undefined {
  if (kind === 'status') {
    const byte = stream.find((one) => replyKind(one) === 'status');
    return byte === undefined ? undefined : [byte];
  }
  const kept = [...stream].filter((byte) => ['asb', 'clear', 'fence'].includes(replyKind(byte)));
  const letters = kept.map((byte) => replyKind(byte).charAt(0)).join('');
  const whole = { asb: 4, clear: 3, fence: 1 }[kind];
  for (const { 0: found, index } of letters.matchAll(/af{0,3}|cf{0,2}|f/g)) {
    if (found.length === whole && found.startsWith(kind.charAt(0))) {
      return kept.slice(index, index + whole);
    }
  }
  return undefined;
}

const one = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);
const answers = {
  status: one(0x16),
  fence: one(0x0c),
  asb: one(0x38, 0x00, 0x63, 0x0f),
  clear: one(0x37, 0x25, 0x00),
};
/** Noise among which much looks like answers: whole ones, their heads, and XON and XOFF. */
const pieces = fc.array(
  fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    fc.constantFrom(...Object.values(answers), one(0x10), one(0x37), one(0x11), one(0x13)),
  ),
  { maxLength: 12 },
);
const joined = (all: readonly Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(all));

describe('an answer', () => {
  test.each(kinds)('%s is the same however what came is cut', async (kind) => {
    await fc.assert(
      fc.asyncProperty(pieces, async (all) => {
        const stream = joined(all);
        const first = expected(kind, stream);
        expect(await heard(kind, [stream])).toEqual(first);
        expect(await heard(kind, all)).toEqual(first);
        expect(
          await heard(
            kind,
            Array.from(stream, (byte) => one(byte)),
          ),
        ).toEqual(first);
        const at = Math.floor(stream.length / 2);
        expect(await heard(kind, [stream.subarray(0, at), stream.subarray(at)])).toEqual(first);
      }),
    );
  });

  test.each(kinds)(
    '%s behind any noise is found: what had begun ends with three bytes more',
    async (kind) => {
      await fc.assert(
        fc.asyncProperty(pieces, async (noise) => {
          const clock = standingClock();
          const replies = new Replies(clock);
          for (const piece of [...noise, one(0, 0, 0)]) replies.take(piece);
          const answer = replies.next(kind, 1, new AbortController().signal);
          replies.take(answers[kind]);
          expect(await answer).toEqual([...answers[kind]]);
        }),
      );
    },
  );

  test.each(kinds)('%s with any byte changed is none, or what its bytes then say', async (kind) => {
    const good = answers[kind];
    for (let at = 0; at < good.length; at++) {
      for (let byte = 0; byte < 256; byte++) {
        const bad = Uint8Array.from(good);
        bad[at] = byte;
        expect(await heard(kind, [bad])).toEqual(expected(kind, bad));
      }
    }
  });

  test('is read from any bytes without an error, and only where all fixed bits are right', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(255), { maxLength: 6 }), (bytes) => {
        const [head = 0xff, ...tail] = bytes.map(replyKind);
        const isAsb =
          bytes.length === 4 && head === 'asb' && tail.every((kind) => kind === 'fence');
        expect(parseAsb(bytes) !== undefined).toBe(isAsb);
        for (const byte of bytes) {
          parseFence(byte);
          for (const topic of statusTopics) parseStatus(topic, byte);
        }
      }),
    );
  });
});

describe('a printer that babbles', () => {
  /** Asks it while it says these pieces, one at each turn, and then nothing any more. */
  async function asked(
    way: 'dle-eot' | 'gs-r' | 'asb',
    said: readonly Uint8Array[],
  ): Promise<{ requests: number; turns: number }> {
    const clock = standingClock();
    const replies = new Replies(clock);
    let requests = 0;
    const port: BytePort = {
      write: () => {
        requests += 1;
        return Promise.resolve();
      },
      close: () => Promise.resolve(),
      closed: new Promise(() => undefined),
    };
    const ended = new AbortController();
    const status = replies.status(port, way, new AbortController().signal);
    void status.then(() => {
      ended.abort();
    });
    let turns = 0;
    while (!ended.signal.aborted && turns < 200) {
      const piece = said[turns];
      if (piece === undefined) clock.fire();
      else replies.take(piece);
      turns += 1;
      await setImmediate();
    }
    if (ended.signal.aborted) await status; // Never rejects.
    return { requests, turns };
  }

  test.each(['dle-eot', 'gs-r', 'asb'] as const)(
    'asked by %s is asked four times at most, and given up after sixteen answers too many',
    async (way) => {
      await fc.assert(
        fc.asyncProperty(pieces, async (said) => {
          const { requests, turns } = await asked(way, said);
          expect(requests).toBeLessThanOrEqual(4);
          expect(turns).toBeLessThanOrEqual(said.length + 5);
        }),
      );
      const answer = { 'dle-eot': answers.status, 'gs-r': answers.fence, asb: answers.asb }[way];
      const { turns } = await asked(
        way,
        Array.from({ length: 200 }, () => answer),
      );
      expect(turns).toBeLessThanOrEqual(18);
    },
  );
});
