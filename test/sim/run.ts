// One run: a seed decides everything. First faults strike while customers come and go, then all heals and the kiosks must
// find their way back to idle, with every rupiah accounted for, and sell again.
import { startActs } from './acts.ts';
import type { Bug } from './bugs.ts';
import { Customers } from './customers.ts';
import type { FaultKind } from './draw.ts';
import { unrest } from './ends.ts';
import { enrol } from './identities.ts';
import { RelayFleet } from './relay-fleet.ts';
import { SimKiosk } from './sim-kiosk.ts';
import { SimStore } from './sim-store.ts';
import { anyPriceKeys } from './sim-rules.ts';
import { World } from './world.ts';

const mostSales = 4;
const maxFaultyMs = 30 * 60_000;
/** A customer who turns away from a healed kiosk leaves it ready for the next one. */
const maxBusyMs = 15 * 60_000;
/** A dead charge that was paid late without a word is asked about within the hour. */
const maxHealMs = 200 * 60_000;
const maxSaleMs = 15 * 60_000;
const lookMs = 5_000;
const leavesPermille = 750;

export interface Outcome {
  seed: number;
  broken: string | undefined;
  lines: readonly string[];
  struck: ReadonlyMap<FaultKind, number>;
  count: World['count'];
  virtualMs: number;
}

export async function run(seed: number, bug?: Bug): Promise<Outcome> {
  const world = new World(seed, bug);
  // What the product throws breaks the seed that made it, and not the process that runs it.
  const thrown = (error: unknown): void => {
    world.broke(
      `it threw: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
  };
  process.on('uncaughtException', thrown);
  process.on('unhandledRejection', thrown);
  try {
    await live(world);
  } catch (error) {
    thrown(error);
  } finally {
    process.off('uncaughtException', thrown);
    process.off('unhandledRejection', thrown);
  }
  const { lines, faults, count, broken, clock } = world;
  return {
    seed,
    broken,
    lines,
    struck: faults.struck,
    count,
    virtualMs: clock.monotonicMs(),
  };
}

async function live(world: World): Promise<void> {
  const { bug } = world;
  world.say('faults', world.faults.on.join(', '));
  const store = await SimStore.empty(world);
  const fleet = new RelayFleet(world, store);
  const { draw } = world;
  const names = draw.chance(350) ? ['ksk01', 'ksk02'] : ['ksk01'];
  for (const name of names) await enrol(store.store, name);
  await fleet.start();
  const kiosks = names.map((name) => new SimKiosk(world, fleet, name));
  fleet.onPublish = (kioskId, text) => {
    kiosks.find((kiosk) => kiosk.kioskId === kioskId)?.session.publish(text);
  };
  fleet.onReplaced = (kioskId, bootId) => {
    kiosks.find((kiosk) => kiosk.kioskId === kioskId)?.session.expelAllBut(bootId);
  };
  fleet.onChange = (relay) => {
    for (const { session } of kiosks) session.relayChanged(relay);
  };
  const customers = kiosks.map((kiosk) => new Customers(world, fleet, kiosk));
  // One that has a bug in it ends when it is found.
  const times = world.faults.focus === 'claims' ? 3 : 1;
  const most = bug === undefined ? mostSales * times : mostSales * 4;
  const sales = draw.between(most / 4, most) + names.length - 1;
  const copies: { copy: SimKiosk; of: SimKiosk }[] = [];
  startActs(world, fleet, kiosks, (of, image) => {
    const copy = new SimKiosk(world, fleet, of.kioskId, image);
    copies.push({ copy, of });
    customers.push(new Customers(world, fleet, copy));
  });
  await world.clock.run(maxFaultyMs, () => {
    const started = customers.reduce((sum, each) => sum + each.started, 0);
    return started >= sales || world.broken !== undefined;
  });
  for (const { copy, of } of copies) {
    copy.retire();
    // It is heard again when it starts anew.
    of.bootAnew();
  }
  await heal(world, fleet, kiosks, customers);
  for (const { disk } of [...kiosks, ...copies.map(({ copy }) => copy)]) disk.close();
}

async function heal(
  world: World,
  fleet: RelayFleet,
  kiosks: readonly SimKiosk[],
  customers: readonly Customers[],
): Promise<void> {
  world.say('world', 'heals');
  world.faults.healed = true;
  for (const customer of customers) customer.here = false;
  // What stands there until its time is over is waited for in some runs; in the others somebody walks away with a word.
  if (world.draw.chance(leavesPermille)) for (const kiosk of kiosks) kiosk.press('cancel');
  const busySinceMs = new Map<SimKiosk, number>();
  const rest = async (): Promise<string | undefined> => {
    for (const kiosk of kiosks) seeBusy(world, kiosk, busySinceMs);
    return unrest(world, fleet, kiosks);
  };
  await waitFor(world, maxHealMs, rest);
  for (const kiosk of kiosks) await sellAgain(world, fleet, kiosk);
  if (world.broken === undefined) await waitFor(world, maxSaleMs, rest);
}

/** A kiosk that is on and healed has no reason to keep the next customer waiting for long. */
function seeBusy(world: World, kiosk: SimKiosk, sinceMs: Map<SimKiosk, number>): void {
  const at = kiosk.state?.phase.at;
  if (at === undefined || at === 'idle') {
    sinceMs.delete(kiosk);
    return;
  }
  const nowMs = world.clock.monotonicMs();
  const since = sinceMs.get(kiosk) ?? nowMs;
  sinceMs.set(kiosk, since);
  if (nowMs - since > maxBusyMs) world.broke(`after all healed, ${kiosk.kioskId} stays ${at}`);
}

async function waitFor(
  world: World,
  ms: number,
  what: () => Promise<string | undefined> | string | undefined,
): Promise<void> {
  const { clock } = world;
  const untilMs = clock.monotonicMs() + ms;
  let missing = await what();
  while (missing !== undefined && clock.monotonicMs() < untilMs && world.broken === undefined) {
    await clock.run(lookMs, () => world.broken !== undefined);
    missing = await what();
  }
  if (missing !== undefined) world.broke(`after all healed, ${missing}`);
}

/** A plain sale, with no fault in it, ends with goods. */
async function sellAgain(world: World, fleet: RelayFleet, kiosk: SimKiosk): Promise<void> {
  if (world.broken !== undefined) return;
  const before = kiosk.board.pulses.size;
  kiosk.onShown = (_saleId, qrString) => {
    const charge = fleet.midtrans.books.findByQr(qrString);
    if (charge !== undefined) world.clock.after(3_000, () => fleet.midtrans.pay(charge, false));
  };
  const sold = (): string | undefined => {
    if (kiosk.board.pulses.size > before) return undefined;
    if (kiosk.state?.phase.at === 'asking') kiosk.press('enter');
    // A probe that was lost before all healed may still block it for a moment.
    if (kiosk.state?.phase.at === 'idle') {
      for (const key of anyPriceKeys) kiosk.press(key);
    }
    return `${kiosk.kioskId} does not sell`;
  };
  await waitFor(world, maxSaleMs, sold);
}
