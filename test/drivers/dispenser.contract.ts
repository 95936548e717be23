// What every dispenser must do, simulated or real. `testDispenser` is called by the tests that know how to make one.
import { describe, expect, test } from 'vitest';
import type { Dispenser, DispenseOrder } from '../../drivers/device.ts';

export interface DispenserBench {
  /** A new, unopened connection. */
  make: () => Dispenser;
  /** An id that this dispenser has never heard of. */
  freshId: () => string;
  dispose: () => Promise<void>;
}

const never = new AbortController().signal;

export function testDispenser(name: string, set: () => Promise<DispenserBench>): void {
  const withDispenser = async (
    use: (dispenser: Dispenser, order: () => DispenseOrder) => Promise<void>,
  ): Promise<void> => {
    const bench = await set();
    const dispenser = bench.make();
    try {
      await use(dispenser, () => ({ id: bench.freshId(), pieces: 1 }));
    } finally {
      await dispenser.close();
      await bench.dispose();
    }
  };

  describe(`dispenser contract: ${name}`, () => {
    test('is opening, then up, then down', async () => {
      await withDispenser(async (dispenser) => {
        expect(dispenser.health().state).toBe('opening');
        await dispenser.open(never);
        expect(dispenser.health().state).toBe('up');
        expect(dispenser.name).toMatch(/^dispenser /);
        await dispenser.close();
        await dispenser.close();
        expect(dispenser.health().state).toBe('down');
        expect(await dispenser.closed).toBeUndefined();
      });
    });

    test('moves for an order, and says the same when it is asked later', async () => {
      await withDispenser(async (dispenser, order) => {
        await dispenser.open(never);
        const first = order();
        expect(await dispenser.dispense(first, never)).toBe('done');
        if (dispenser.lastResult === undefined) return;
        expect(await dispenser.lastResult(first.id, never)).toBe('done');
        expect(await dispenser.lastResult(order().id, never)).toBe('never');
      });
    });

    test('before open and after close an order fails', async () => {
      await withDispenser(async (dispenser, order) => {
        expect(await dispenser.dispense(order(), never)).toBe('failed');
        await dispenser.open(never);
        await dispenser.close();
        expect(await dispenser.dispense(order(), never)).toBe('failed');
      });
    });
  });
}
