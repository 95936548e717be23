// Whose word counts on an order that nobody heard the end of: only that of the dispenser that was given it.
import { expect, test } from 'vitest';
import { DeviceError, type Dispenser, type DispenseResult } from '../../drivers/device.ts';
import { createRecall, devicePatienceMs } from '../../src/kiosk/recall.ts';
import { silentLog as log } from '../../src/lib/log.ts';
import { VirtualClock } from '../lib/virtual-clock.ts';

type Memory = Readonly<Record<string, DispenseResult>>;
type Asked = Pick<Dispenser, 'lastResult'>;

const board = (memory: Memory): Asked => ({
  lastResult: (id) => Promise.resolve(memory[id] ?? 'never'),
});
const mute: Asked = { lastResult: () => Promise.reject(new DeviceError('timeout', 'no answer')) };

async function recalled(
  dispenser: () => Asked | undefined,
  lastCarriedOut: readonly string[] | undefined,
): Promise<string> {
  const clock = new VirtualClock();
  const { signal } = new AbortController();
  const parts = { dispenser, lastCarriedOut: () => lastCarriedOut, clock, log, signal };
  const recall = createRecall(parts);
  const answer = recall('now');
  await clock.advance(devicePatienceMs + 1_000);
  return answer;
}

const both: Memory = { a: 'done', b: 'done' };

test.each<[string, Memory, readonly string[] | undefined, string]>([
  ['what it says of the order itself counts', { now: 'done' }, ['a'], 'done'],
  ['"never", from one that knows the order before', { a: 'done' }, ['a'], 'never'],
  ['"never", from one that has only failed at it', { a: 'failed' }, ['a'], 'never'],
  ['"never", from one that does not know it: it is another one', {}, ['a'], 'unknown'],
  ['"never", where two may be the last, from one that knows both', both, ['a', 'b'], 'never'],
  ['"never", from one that was away for one of them', { b: 'done' }, ['a', 'b'], 'unknown'],
  ['"never", from one that was away for the other', { a: 'done' }, ['a', 'b'], 'unknown'],
  ['"never", before anything was ever sold: it may have been put there since', {}, [], 'unknown'],
  ['"never", with a journal that cannot be read', { a: 'done' }, undefined, 'unknown'],
])('%s', async (_name, memory, carriedOut, expected) => {
  expect(await recalled(() => board(memory), carriedOut)).toBe(expected);
});

test('one that is away or mute is waited for, and then nobody knows', async () => {
  expect(await recalled(() => undefined, ['a'])).toBe('unknown');
  expect(await recalled(() => mute, ['a'])).toBe('unknown');
  let looks = 0;
  const late = (): Asked | undefined => (++looks > 20 ? board({ now: 'done' }) : undefined);
  expect(await recalled(late, ['a'])).toBe('done');
});

test('one that remembers nothing knows nothing', async () => {
  expect(await recalled(() => ({}), [])).toBe('unknown');
});

test('one that goes away before it has shown that it knows us is not believed', async () => {
  let asked = 0;
  const leaving = (): Asked => (++asked > 1 ? mute : board({}));
  expect(await recalled(leaving, ['a'])).toBe('unknown');
});
