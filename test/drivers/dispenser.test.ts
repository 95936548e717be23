// Dispensers at the end of real sockets: the contract, at most one movement an order, and honest doubt.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { Dispenser, DispenseOrder } from '../../drivers/device.ts';
import { createDispenser } from '../../drivers/dispenser/dispenser.ts';
import {
  createVendBoardSimulator,
  type VendBoardSimulator,
} from '../../drivers/dispenser/simulator.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { testDispenser } from './dispenser.contract.ts';

const never = new AbortController().signal;
const clock = systemClock;
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Ids that a real board has never heard of either, in this run or an earlier one. */
let lastId = 0;
const freshId = (): string => `test1-${clock.nowMs().toString(36).toUpperCase()}-${++lastId}`;

interface Bench {
  board: VendBoardSimulator;
  /** Opens one more connection to it. */
  connect: (vendTimeoutMs?: number) => Promise<Dispenser>;
  /** Calls once, in the middle of the next pulse. */
  onPulse: (call: () => void) => void;
}

async function bench(pulseMs = 5): Promise<Bench> {
  let next: (() => void) | undefined;
  const board = await createVendBoardSimulator({
    listen: { port: 0 },
    clock,
    pulseMs,
    onPulse: () => {
      const call = next;
      next = undefined;
      call?.();
    },
  });
  cleanups.push(() => board.close());
  return {
    board,
    connect: async (vendTimeoutMs = 10_000) => {
      const dispenser = createDispenser({ at: board.at, clock, vendTimeoutMs });
      cleanups.push(() => dispenser.close());
      await dispenser.open(never);
      return dispenser;
    },
    onPulse: (call) => {
      next = call;
    },
  };
}

const order = (id: string, pieces = 1): DispenseOrder => ({ id, pieces });

testDispenser('none', async () =>
  Promise.resolve({
    make: () => createDispenser({ at: 'none', clock }),
    freshId,
    dispose: async () => Promise.resolve(),
  }),
);

testDispenser('vend board on a unix socket', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'kios-vend-'));
  const board = await createVendBoardSimulator({
    listen: { path: join(dir, 'vend') },
    clock,
    pulseMs: 1,
  });
  return {
    make: () => createDispenser({ at: board.at, clock }),
    freshId,
    dispose: async () => {
      await board.close();
      await rm(dir, { recursive: true });
    },
  };
});

const real = process.env['KIOS_TEST_DISPENSER'];
if (real === undefined) {
  test.skip('dispenser contract: real board (name it: KIOS_TEST_DISPENSER=serial:/dev/…; it moves)', () =>
    undefined);
} else {
  testDispenser(real, async () =>
    Promise.resolve({
      make: () => createDispenser({ at: real, clock }),
      freshId,
      dispose: async () => Promise.resolve(),
    }),
  );
}

describe('an order', () => {
  test('moves as many items as the basket has', async () => {
    const { board, connect } = await bench();
    const dispenser = await connect();
    expect(await dispenser.dispense(order('k-1', 3), never)).toBe('done');
    expect(board.pulses('k-1')).toBe(3);
  });

  test('that is done in one breath is heard at once', async () => {
    const { connect } = await bench(0);
    const dispenser = await connect();
    const before = clock.monotonicMs();
    expect(await dispenser.dispense(order('k-1'), never)).toBe('done');
    expect(clock.monotonicMs() - before).toBeLessThan(500);
  });

  test('given twice moves the board once', async () => {
    const { board, connect } = await bench();
    const dispenser = await connect();
    expect(await dispenser.dispense(order('k-1', 2), never)).toBe('done');
    expect(await dispenser.dispense(order('k-1', 2), never)).toBe('done');
    expect(board.pulses('k-1')).toBe(2);
  });

  test('of nothing, of too much or with an id that is no word is never begun', async () => {
    const { board, connect } = await bench();
    const dispenser = await connect();
    for (const bad of [order('k-1', 0), order('k-1', 100), order('k-1', 0.5), order('k 1')]) {
      expect(await dispenser.dispense(bad, never)).toBe('never');
    }
    expect(await dispenser.dispense(order('k-1'), AbortSignal.abort())).toBe('failed');
    expect(board.pulses('k-1')).toBe(0);
  });

  test('during another one is refused, on the same line and by the board', async () => {
    const { board, connect, onPulse } = await bench(150);
    const [one, two] = [await connect(), await connect()];
    const started = Promise.withResolvers<undefined>();
    onPulse(() => {
      started.resolve(undefined);
    });
    const first = one.dispense(order('k-1', 2), never);
    await started.promise;
    board.setMute(true); // The line itself refuses: it does not need the board's word.
    expect(await one.dispense(order('k-2'), never)).toBe('failed');
    board.setMute(false);
    expect(await two.dispense(order('k-3'), never)).toBe('failed');
    expect(await first).toBe('done');
    expect([board.pulses('k-2'), board.pulses('k-3')]).toEqual([0, 0]);
  });
});

describe('doubt', () => {
  test('a jam before the first item is failed, after it unknown', async () => {
    const { board, connect } = await bench();
    const dispenser = await connect();
    board.jamAt(1);
    expect(await dispenser.dispense(order('k-1', 2), never)).toBe('failed');
    expect(board.pulses('k-1')).toBe(0);
    board.jamAt(2);
    expect(await dispenser.dispense(order('k-2', 2), never)).toBe('unknown');
    expect(board.pulses('k-2')).toBe(1);
    expect(await dispenser.lastResult?.('k-1', never)).toBe('failed');
    expect(await dispenser.lastResult?.('k-2', never)).toBe('unknown');
  });

  test('a mute board is unknown, moves once, and its line goes down', async () => {
    const { board, connect } = await bench();
    const dispenser = await connect();
    board.setMute(true);
    expect(await dispenser.dispense(order('k-1'), never)).toBe('unknown');
    expect(board.pulses('k-1')).toBe(1);
    expect(await dispenser.closed).toMatchObject({ kind: 'timeout' });
    await expect(connect()).rejects.toMatchObject({ kind: 'timeout' });
    board.setMute(false);
    expect(await (await connect()).lastResult?.('k-1', never)).toBe('done');
  });

  test('a board that starts anew when its line is opened, and hears nothing for two seconds, is waited for', async () => {
    const { board, connect } = await bench();
    board.setMute(true);
    clock.after(2_000, () => {
      board.setMute(false);
    });
    const dispenser = await connect();
    expect(await dispenser.dispense(order('k-1'), never)).toBe('done');
  });

  test('a board whose last word was lost is asked', async () => {
    const { board, connect, onPulse } = await bench(300);
    const dispenser = await connect();
    onPulse(() => {
      board.setMute(true);
      clock.after(600, () => {
        board.setMute(false);
      });
    });
    expect(await dispenser.dispense(order('k-1'), never)).toBe('done');
    expect(board.pulses('k-1')).toBe(1);
  });

  test('an unplug in mid-vend is unknown; after it the board says what came of it', async () => {
    const { board, connect, onPulse } = await bench(50);
    const dispenser = await connect();
    let unplugged: Promise<void> | undefined;
    onPulse(() => {
      unplugged = board.unplug();
    });
    expect(await dispenser.dispense(order('k-1', 3), never)).toBe('unknown');
    expect(await dispenser.closed).toMatchObject({ kind: 'disconnected' });
    await expect(dispenser.lastResult?.('k-1', never)).rejects.toMatchObject({
      kind: 'disconnected',
    });
    await unplugged;
    await board.plug();
    // It may still run: the answer waits for its end.
    expect(await (await connect()).lastResult?.('k-1', never)).toBe('done');
    expect(board.pulses('k-1')).toBe(3);
  });

  test('a kiosk that died in mid-vend learns the result and does not move again', async () => {
    const { board, connect, onPulse } = await bench(50);
    const dead = await connect();
    const started = Promise.withResolvers<undefined>();
    onPulse(() => {
      started.resolve(undefined);
    });
    const lost = dead.dispense(order('k-1', 2), never);
    await started.promise;
    await dead.close();
    expect(await lost).toBe('unknown');
    const reborn = await connect();
    expect(await reborn.lastResult?.('k-1', never)).toBe('done');
    expect(await reborn.dispense(order('k-1', 2), never)).toBe('done');
    expect(board.pulses('k-1')).toBe(2);
  });

  test('an abort in mid-vend is unknown at once', async () => {
    const { connect, onPulse } = await bench(500);
    const dispenser = await connect();
    const abort = new AbortController();
    onPulse(() => {
      abort.abort();
    });
    expect(await dispenser.dispense(order('k-1'), abort.signal)).toBe('unknown');
  });

  test('an abort, or a line that is lost, before the board has answered is unknown at once', async () => {
    for (const breakIt of ['abort', 'unplug'] as const) {
      const { board, connect, onPulse } = await bench();
      const dispenser = await connect();
      board.setMute(true);
      const abort = new AbortController();
      const brokenMs = Promise.withResolvers<number>();
      onPulse(() => {
        brokenMs.resolve(clock.monotonicMs());
        if (breakIt === 'abort') abort.abort();
        else void board.unplug();
      });
      expect(await dispenser.dispense(order('k-1'), abort.signal)).toBe('unknown');
      expect(clock.monotonicMs() - (await brokenMs.promise)).toBeLessThan(400);
    }
  });

  test("a power cut of the board's in mid-vend is unknown for ever", async () => {
    const { board, connect, onPulse } = await bench(50);
    const dispenser = await connect();
    onPulse(() => {
      clock.after(10, () => {
        board.cutPower();
      });
    });
    expect(await dispenser.dispense(order('k-1', 5), never)).toBe('unknown');
    expect(await dispenser.dispense(order('k-1', 5), never)).toBe('unknown');
    expect(board.pulses('k-1')).toBe(1);
  });

  test('an order that runs too long is unknown', async () => {
    const { connect } = await bench(5000);
    const dispenser = await connect(200);
    expect(await dispenser.dispense(order('k-1'), never)).toBe('unknown');
  });
});

test('it works over a serial line', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'kios-vend-'));
  cleanups.push(async () => rm(dir, { recursive: true }));
  const listen = { path: join(dir, 'vend') };
  const board = await createVendBoardSimulator({ listen, clock, pulseMs: 1 });
  cleanups.push(() => board.close());
  const tty = join(dir, 'tty');
  const socat = spawn('socat', [`PTY,link=${tty},rawer`, `UNIX-CONNECT:${listen.path}`]);
  cleanups.push(async () => {
    socat.kill();
    await once(socat, 'exit');
  });
  const there = (): Promise<boolean> =>
    access(tty).then(
      () => true,
      () => false,
    );
  await expect.poll(there, { timeout: 5000 }).toBe(true);
  const dispenser = createDispenser({ at: `serial:${tty}?baudRate=9600`, clock });
  cleanups.push(() => dispenser.close());
  await dispenser.open(never);
  expect(await dispenser.dispense(order('k-1', 2), never)).toBe('done');
  expect(board.pulses('k-1')).toBe(2);
});

test('an address that is none is told with the forms that are', () => {
  expect(() => createDispenser({ at: 'gpio:17', clock })).toThrow(/write /);
});
