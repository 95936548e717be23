// One run: a seed decides everything. First faults strike while customers come and go, then all heals and the kiosks must
// find their way back to idle, with every rupiah accounted for, and sell again.
import { unsettled } from './checks.ts';
import type { Bug } from './bugs.ts';
import { Customers, startOperator } from './customers.ts';
import type { FaultKind } from './draw.ts';
import { SimKiosk } from './sim-kiosk.ts';
import { SimRelay } from './sim-relay.ts';
import { World } from './world.ts';

const salesAKiosk = 6;
const maxFaultyMs = 45 * 60_000;
/** A dead charge that was paid late without a word is asked about within the hour. */
const maxHealMs = 130 * 60_000;
const maxSaleMs = 5 * 60_000;
const lookMs = 5_000;

export interface Outcome {
  seed: number;
  broken: string | undefined;
  lines: readonly string[];
  on: readonly FaultKind[];
  struck: ReadonlyMap<FaultKind, number>;
  count: { sales: number; shown: number; crashes: number; pulses: number };
  virtualMs: number;
}

export async function run(seed: number, bug?: Bug): Promise<Outcome> {
  const world = new World(seed, bug);
  world.say('faults', world.faults.on.join(', '));
  const relay = new SimRelay(world);
  const names = world.draw.chance(400) ? ['ksk01', 'ksk02'] : ['ksk01'];
  const kiosks = names.map((name) => new SimKiosk(world, relay, name));
  relay.onPublish = (kioskId, said) =>
    kiosks.find((kiosk) => kiosk.kioskId === kioskId)?.session.publish(said);
  relay.onCrash = () => {
    for (const { session } of kiosks) session.relayDied();
  };
  const customers = kiosks.map((kiosk) => new Customers(world, relay, kiosk));
  startOperator(world, relay);
  await world.clock.run(maxFaultyMs, () => {
    const enough = customers.every(({ started }) => started >= salesAKiosk);
    return enough || world.broken !== undefined;
  });
  await heal(world, relay, kiosks, customers);
  const { lines, faults, count, broken, clock } = world;
  const { on, struck } = faults;
  return { seed, broken, lines, on, struck, count, virtualMs: clock.monotonicMs() };
}

async function heal(
  world: World,
  relay: SimRelay,
  kiosks: readonly SimKiosk[],
  customers: readonly Customers[],
): Promise<void> {
  world.say('world', 'heals');
  world.faults.healed = true;
  for (const customer of customers) customer.here = false;
  await waitFor(world, maxHealMs, () => unrest(relay, kiosks));
  for (const kiosk of kiosks) await sellAgain(world, relay, kiosk);
  if (world.broken === undefined) await waitFor(world, maxSaleMs, () => unrest(relay, kiosks));
}

/** What still keeps the world from being at rest. */
function unrest({ store, midtrans }: SimRelay, kiosks: readonly SimKiosk[]): string | undefined {
  for (const { state, kioskId } of kiosks) {
    if (state === undefined) return `${kioskId} is off`;
    if (state.phase.at !== 'idle') return `${kioskId} is ${state.phase.at}`;
    if (state.reports.length > 0) return `${kioskId} has reports that nobody took`;
    if (Object.values(state.parts).some(({ ok }) => !ok)) return `${kioskId} misses a part`;
  }
  const pulses = new Map(kiosks.flatMap(({ board }) => [...board.pulses]));
  return unsettled(store, midtrans.books, pulses);
}

async function waitFor(world: World, ms: number, what: () => string | undefined): Promise<void> {
  const { clock } = world;
  const untilMs = clock.monotonicMs() + ms;
  let missing = what();
  while (missing !== undefined && clock.monotonicMs() < untilMs && world.broken === undefined) {
    await clock.run(lookMs, () => world.broken !== undefined);
    missing = what();
  }
  if (missing !== undefined) world.broke(`after all healed, ${missing}`);
}

/** A plain sale, with no fault in it, ends with goods. */
async function sellAgain(world: World, relay: SimRelay, kiosk: SimKiosk): Promise<void> {
  if (world.broken !== undefined) return;
  const before = kiosk.board.pulses.size;
  kiosk.onShown = (_saleId, qrString) => {
    const charge = relay.midtrans.books.findByQr(qrString);
    if (charge !== undefined) world.clock.after(3_000, () => relay.midtrans.pay(charge, false));
  };
  const sold = (): string | undefined => {
    if (kiosk.board.pulses.size > before) return undefined;
    // A probe that was lost before all healed may still block it for a moment.
    if (kiosk.state?.phase.at === 'idle') {
      for (const key of ['1', '5', '000', 'enter'] as const) kiosk.press(key);
    }
    return `${kiosk.kioskId} does not sell`;
  };
  await waitFor(world, maxSaleMs, sold);
}
