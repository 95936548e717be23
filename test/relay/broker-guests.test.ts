// Who stays at the broker inside when an enrolment changes, and what a subscription finds there.
import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { createGuests, type Guest } from '../../src/relay/broker/guests.ts';
import { createRetained } from '../../src/relay/broker/retained.ts';

function guest(id: string): Guest & { closed: boolean } {
  const one = {
    id,
    closed: false,
    conn: new EventEmitter(),
    close: () => {
      one.closed = true;
    },
  };
  return one;
}

test('of two boots with one key the replaced one ends, the living one stays', () => {
  const guests = createGuests();
  const [old, fresh] = [guest('ksk01'), guest('ksk02')];
  guests.shows(old, 'key', 'boot-a');
  guests.shows(fresh, 'key', 'boot-b');
  for (const one of [old, fresh]) guests.arrived(one);
  for (const id of ['ksk01', 'ksk02', 'ksk03']) guests.keepOnly(id, 'boot-b');
  expect([old.closed, fresh.closed]).toEqual([true, false]);
});

test('who connected with the new key stays when the broker is told of the enrolment late', () => {
  const guests = createGuests();
  const [old, fresh] = [guest('ksk01'), guest('ksk02')];
  for (const one of [old, fresh]) guests.arriving(one);
  guests.shows(old, 'old-key', 'boot');
  guests.shows(fresh, 'new-key', 'boot');
  for (const one of [old, fresh]) guests.arrived(one);
  guests.showOut('ksk01', 'new-key');
  guests.showOut('ksk02', 'new-key');
  expect([old.closed, fresh.closed]).toEqual([true, false]);
});

test('who was let in with the old key while the enrolment changed does not stay', () => {
  const guests = createGuests();
  const [old, fresh] = [guest('ksk01'), guest('ksk02')];
  for (const one of [old, fresh]) guests.arriving(one);
  guests.showOut('ksk01', 'new-key');
  guests.showOut('ksk02', 'new-key');
  guests.shows(old, 'old-key', 'boot');
  guests.shows(fresh, 'new-key', 'boot');
  for (const one of [old, fresh]) guests.arrived(one);
  expect([old.closed, fresh.closed]).toEqual([true, false]);
});

test('who is revoked goes, whatever key it shows', () => {
  const guests = createGuests();
  const one = guest('ksk01');
  guests.arriving(one);
  guests.shows(one, 'key', 'boot');
  guests.arrived(one);
  guests.showOut('ksk01');
  expect(one.closed).toBe(true);
});

test('a subscription finds the last message of its own topics, and none that was taken away', async () => {
  const retained = createRetained();
  const at = (topic: string, text: string): Promise<void> =>
    retained.storeRetained({ topic, payload: Buffer.from(text) });
  await at('a/status', 'first');
  await at('a/status', 'last');
  await at('b/status', 'another');
  await at('c/status', 'gone');
  await at('c/status', '');
  const found: string[] = [];
  for await (const packet of retained.createRetainedStreamCombi(['a/status', 'c/status', '#'])) {
    found.push(String((packet as { payload: Buffer }).payload));
  }
  expect(found).toEqual(['last']);
});
