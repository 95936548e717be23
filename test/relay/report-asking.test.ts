// How the day close asks Midtrans: at its pace, patient with a limit, and not for ever.
import { expect, test } from 'vitest';
import { type Theirs } from '../../src/relay/finding.ts';
import { type StatusOutcome } from '../../src/relay/midtrans/gateway.ts';
import { atOnce, createAsking } from '../../src/relay/report-asking.ts';
import { VirtualClock } from '../lib/virtual-clock.ts';
import { status } from './ledger-rows.ts';

const clock = (): VirtualClock => new VirtualClock();

/** Asks about `count` sales, a few at once, on a clock that goes on by itself. */
async function askAll(
  count: number,
  answer: (asked: number, id: string) => StatusOutcome,
  perSecond = 10,
): Promise<{ answers: Theirs[]; asked: string[]; tookMs: number }> {
  const time = clock();
  const asked: string[] = [];
  const gateway = {
    status: (id: string) => Promise.resolve(answer(asked.push(id), id)),
  };
  const ask = createAsking({ gateway, clock: time, random: () => 0, perSecond });
  const all = (async () => {
    const answers: Theirs[] = [];
    for (let i = 0; i < count; i += atOnce) {
      const few = Array.from({ length: Math.min(atOnce, count - i) }, (_, j) => `s${i + j}`);
      answers.push(...(await Promise.all(few.map((id) => ask(id, 'charge-1')))));
    }
    return answers;
  })();
  let over = false;
  void all.then(() => (over = true));
  while (!over) await time.advance(10);
  return { answers: await all, asked, tookMs: time.monotonicMs() };
}

test('keeps to its pace', async () => {
  const { asked, tookMs } = await askAll(50, () => status('settled'));
  expect(asked).toHaveLength(50);
  expect(tookMs).toBeGreaterThanOrEqual(4_900);
  expect(tookMs).toBeLessThan(5_200);
});

test('a rate limit hushes all questions and loses no answer', async () => {
  const limit: StatusOutcome = {
    kind: 'try-again',
    detail: 'rate limited',
    retryAfterMs: 20_000,
  };
  const { answers, tookMs } = await askAll(10, (asked) =>
    asked === 3 ? limit : status('settled'),
  );
  expect(answers.every(({ kind }) => kind === 'found')).toBe(true);
  expect(tookMs).toBeGreaterThan(20_000);
});

test('a gateway that does not answer is asked a few times, and the rest of the day is not waited for', async () => {
  const silent: StatusOutcome = { kind: 'unknown', answered: false, detail: 'no connection' };
  const { answers, asked } = await askAll(500, () => silent);
  expect(answers.every(({ kind }) => kind === 'silent')).toBe(true);
  expect(asked.length).toBeLessThan(40);
});

test('a refused Server Key is told, and nothing more is asked', async () => {
  const rejected: StatusOutcome = { kind: 'rejected', code: '401', detail: '' };
  const time = clock();
  let asked = 0;
  const gateway = { status: () => Promise.resolve((asked++, rejected)) };
  const ask = createAsking({ gateway, clock: time, random: () => 0, perSecond: 10 });
  expect(await ask('s1', null)).toMatchObject({
    detail: expect.stringContaining('401') as string,
  });
  expect(await ask('s2', null)).toMatchObject({ kind: 'silent' });
  expect(asked).toBe(1);
});

test('another charge under the sale’s id is told beside ours, which is asked for by its own id', async () => {
  const { answers, asked } = await askAll(1, (_asked, id) =>
    status('settled', { chargeId: id === 's0' ? 'charge-2' : 'charge-1' }),
  );
  expect(asked).toEqual(['s0', 'charge-1']);
  expect(answers[0]).toMatchObject({
    status: { chargeId: 'charge-1' },
    other: { chargeId: 'charge-2' },
  });
});
