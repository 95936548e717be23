// A real kiosk with its relay and twin, all of its lines tapped, its syncs as slow as asked: one sale, hop by hop, on one
// clock. What is measured is told from outside; no line of kios is written for it.
import assert from 'node:assert';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Frame } from '../../drivers/device.ts';
import { createVendBoardSimulator } from '../../drivers/dispenser/simulator.ts';
import { systemClock, wait } from '../../src/lib/clock.ts';
import { keysOf } from '../e2e/chaos-customer.ts';
import { unitEnvironment } from '../e2e/unit-environment.ts';
import { readQr, World } from '../e2e/world.ts';
import { freePorts } from './machine.ts';
import { makeSlowCard, readSyncs, type Sync } from './slow-sync.ts';
import { openTap } from './tap.ts';

/** When each hop of one sale was, seen from outside of the kiosk. */
export interface Hops {
  enterMs: number;
  /** The charge request on the wire. */
  putMs: number;
  /** Its answer, with the QR. */
  answerMs: number;
  /** The whole QR at the screen's end of its line. */
  qrMs: number;
  /** The verdict on its way to the kiosk. */
  paidMs: number;
  /** The order at the vend board. */
  vendMs: number;
}

export interface KioskHouse {
  world: World;
  sell(amountIdr: number): Promise<Hops>;
  /** Every sync of the kiosk so far. */
  syncs(): Promise<Sync[]>;
}

const quietMs = 120;

export const whyNoCard = 'cc is missing: apt-get install gcc libc6-dev';

/** Undefined: no C compiler. Everything ends with `undo`. @param syncMs what each sync of the kiosk takes longer */
export async function openKioskHouse(
  undo: AsyncDisposableStack,
  syncMs: number,
): Promise<KioskHouse | undefined> {
  const folder = undo.adopt(await mkdtemp(join(tmpdir(), 'kios-bench-')), (one) =>
    rm(one, { recursive: true }),
  );
  const card = await makeSlowCard(folder);
  if (card === undefined) return undefined;
  const log = join(folder, 'syncs');
  let vended: ((atMs: number) => void) | undefined;
  const board = undo.adopt(
    await createVendBoardSimulator({
      listen: { port: 0 },
      clock: systemClock,
      pulseMs: 1,
      onPulse: () => vended?.(systemClock.monotonicMs()),
    }),
    (one) => one.close(),
  );
  const [mqttPort = 0] = await freePorts(1);
  const broker = undo.adopt(await openTap(mqttPort), (one) => one.close());
  let http: Awaited<ReturnType<typeof openTap>> | undefined;
  const world = undo.adopt(
    await World.start({
      relay: {
        mqtt: { ...local(mqttPort), publicUrl: `mqtt://127.0.0.1:${broker.port}` },
      },
      kiosk: { dispenser: { at: board.at, anyAmount: true } },
      launch: { env: { ...(await unitEnvironment()), ...card.env(syncMs, log) } },
      relayFor: async (port) => {
        http = undo.adopt(await openTap(port), (one) => one.close());
        return `http://127.0.0.1:${http.port}`;
      },
    }),
    (one) => one.end(),
  );
  assert(http !== undefined, 'the relay was never asked for');
  const calls = http;
  let lastQr: string | undefined;
  /** What was written before is on the disk, and nothing more is on its way there: a customer is slower than a bench. */
  const quiet = async (): Promise<void> => {
    for (;;) {
      const last = (await readSyncs(log)).at(-1);
      if (systemClock.monotonicMs() - (last?.endMs ?? 0) > syncMs + quietMs) return;
      await wait(systemClock, quietMs / 4);
    }
  };
  return {
    world,
    syncs: () => readSyncs(log),
    sell: async (amountIdr) => {
      const mark = world.kiosk.mark;
      world.press(...keysOf(amountIdr));
      await world.phase('entering', mark);
      await quiet();
      const put = calls.heard('up', 'PUT /v1/sales/');
      const answer = calls.heard('down', '"verdict":"pending"');
      const paid = broker.heard('down', '"verdict":"paid"');
      const vend = new Promise<number>((resolve) => (vended = resolve));
      const frames = watchFrames(world);
      const enterMs = systemClock.monotonicMs();
      world.press('enter');
      const [putMs, answerMs] = [await put, await answer];
      await world.phase('paying', mark);
      const { qrMs, text } = await frames.qrAfter(answerMs, lastQr);
      lastQr = text;
      await quiet();
      await world.pay(text);
      const hops = { enterMs, putMs, answerMs, qrMs, paidMs: await paid, vendMs: await vend };
      await world.phase('result', mark);
      world.press('enter');
      await world.phase('idle', mark);
      return hops;
    },
  };
}

function local(port: number): { host: string; port: number } {
  return { host: '127.0.0.1', port };
}

/** Frames as they come, judged afterwards: reading a QR takes longer than what is measured. */
function watchFrames(world: World): {
  /** @param not the QR of the sale before, which may still stand there */
  qrAfter: (sinceMs: number, not?: string) => Promise<{ qrMs: number; text: string }>;
} {
  const came: { atMs: number; frame: Frame }[] = [];
  let watching = true;
  void (async () => {
    while (watching) {
      const frame = await world.nextFrame();
      came.push({ atMs: systemClock.monotonicMs(), frame });
    }
  })();
  return {
    qrAfter: async (sinceMs, not) => {
      let looked = 0;
      for (;;) {
        const next = came[looked];
        if (next === undefined) {
          await world.nextFrame();
          continue;
        }
        looked += 1;
        if (next.atMs < sinceMs) continue;
        const text = readQr(next.frame);
        if (text === undefined || text === not) continue;
        watching = false;
        return { qrMs: next.atMs, text };
      }
    },
  };
}
