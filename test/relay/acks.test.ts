// Acknowledgements of one kiosk go into the store one after the other, together where they can; each waits for its own.
import { expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createAcks, type TakeAck } from '../../src/relay/fleet/acks.ts';
import { createLetters } from '../../src/relay/letters.ts';
import { createMetrics } from '../../src/relay/metrics.ts';

/** A store whose steps end when they are told to. Numbers up to 100 were given. */
function slowStore(): {
  take: TakeAck;
  asked: string[];
  end: (error?: Error) => Promise<void>;
} {
  const asked: string[] = [];
  const ends: ((error?: Error) => void)[] = [];
  const metrics = createMetrics();
  const take = createAcks({
    store: {
      ledgerId: 'ledger-1',
      acked: (kioskId, upTo) =>
        new Promise((resolve, reject) => {
          asked.push(`${kioskId} ${upTo}`);
          ends.push((error) => {
            if (error === undefined) resolve(upTo <= 100);
            else reject(error);
          });
        }),
    },
    ...{ clock: systemClock, log: silentLog, metrics },
    letters: createLetters(systemClock, metrics),
  });
  return {
    ...{ take, asked },
    async end(error) {
      ends.shift()?.(error);
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

const ack = (upTo: number, ledgerId = 'ledger-1'): { ledgerId: string; upTo: number } => ({
  ...{ ledgerId, upTo },
});

test('a thousand at once are two steps of the store, and none is told before its own is through', async () => {
  const { take, asked, end } = slowStore();
  const told: number[] = [];
  const all = Array.from({ length: 1_000 }, (_, at) =>
    take('ksk01', ack(at % 100)).then(() => told.push(at)),
  );
  expect(asked).toEqual(['ksk01 0']);
  await end();
  expect(told).toEqual([0]);
  expect(asked).toEqual(['ksk01 0', 'ksk01 99']);
  await end();
  await Promise.all(all);
  expect(asked).toHaveLength(2);
});

test('another kiosk does not wait for them', async () => {
  const { take, asked } = slowStore();
  void take('ksk01', ack(1));
  void take('ksk01', ack(2));
  void take('ksk02', ack(7));
  await Promise.resolve();
  expect(asked).toEqual(['ksk01 1', 'ksk02 7']);
});

test('a number never given takes no true one with it', async () => {
  const { take, asked, end } = slowStore();
  const all = [take('ksk01', ack(1)), take('ksk01', ack(900_000)), take('ksk01', ack(5))];
  for (let i = 0; i < 3; i++) await end();
  expect(await Promise.all(all)).toEqual([true, false, true]);
  expect(asked).toEqual(['ksk01 1', 'ksk01 900000', 'ksk01 5']);
});

test('a store that is down fails those that it was asked for, and the next is asked again', async () => {
  const { take, asked, end } = slowStore();
  const failing = take('ksk01', ack(1));
  const next = take('ksk01', ack(2));
  const failed = expect(failing).rejects.toThrow('down');
  await end(new Error('down'));
  await failed;
  await end();
  expect(await next).toBe(true);
  expect(asked).toHaveLength(2);
});

test('one of another ledger does not reach the store', async () => {
  const { take, asked } = slowStore();
  expect(await take('ksk01', ack(1, 'ledger-2'))).toBe(false);
  expect(asked).toEqual([]);
});
