// What keeps a kiosk from being alive.
import { describe, expect, test } from 'vitest';
import type { Health } from '../../drivers/device.ts';
import type { Part } from '../../src/kiosk/state.ts';
import { whyNotAlive } from '../../src/kiosk/watchdog.ts';

const patienceMs = 20_000;
const up: Health = { state: 'up' };
const down: Health = { state: 'down', fault: 'timeout', detail: 'no answer' };
const opening: Health = { state: 'opening' };
const of = (...healths: readonly Health[]): readonly [Part, Health][] =>
  healths.map((health) => ['printer', health]);

describe('nothing', () => {
  test.each<[string, number | undefined, readonly Health[]]>([
    ['while nothing is owed and every device is up', undefined, [up, up]],
    ['in a device that is known to be down', undefined, [up, down]],
    ['in a journal on a slow card', patienceMs, [up]],
    ['where there is neither', undefined, []],
  ])('%s', (_name, owesMs, healths) => {
    expect(whyNotAlive(owesMs, of(...healths))).toBeUndefined();
  });
});

test('a journal that has not answered for too long', () => {
  expect(whyNotAlive(patienceMs + 1, of(up))).toBe('the journal has not answered for 20001 ms');
});

test('a device of which nobody knows', () => {
  expect(whyNotAlive(undefined, of(up, opening))).toBe('the printer is neither up nor down');
});
