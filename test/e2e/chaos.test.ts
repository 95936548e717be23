// The real thing beside the simulation: kiosk, relay, broker and database are killed at random while customers buy, the
// line between kiosk and relay is cut and slowed; then everything heals, and the books balance by rule 9.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemRandom } from '../../src/cli/run-process.ts';
import { systemClock, wait } from '../../src/lib/clock.ts';
import { findPostgres } from '../relay/postgres-server.ts';
import { Draw } from '../sim/draw.ts';
import { audit } from './chaos-books.ts';
import { letIn } from './chaos-customer.ts';
import { ChaosHouse } from './chaos-house.ts';
import { killable, planOf } from './chaos-plan.ts';
import { runKios } from './program.ts';

/** `KIOS_CHAOS_ROUNDS=200` for the long run. */
const rounds = Number(process.env['KIOS_CHAOS_ROUNDS'] ?? 30);
/** The build machine repeats one schedule, so that what fails there is the change's doing; everybody else gets a new one. */
const anySeed = process.env['CI'] === 'true' ? 77 : Math.floor(systemRandom() * 2 ** 31);
const seed = Number(process.env['KIOS_CHAOS_SEED'] ?? anySeed);
const again = `KIOS_CHAOS_SEED=${seed} KIOS_CHAOS_ROUNDS=${rounds} npm run test:e2e -- test/e2e/chaos.test.ts`;
/** The shortest that a relay takes. */
const expiresInMs = 20_000;
const tellEvery = 25;
/** A round is 4 s in the middle; a loaded machine may take three times that. */
const limitMs = 120_000 + rounds * 12_000;
/** A relay that does not answer by then is asked again. */
const answerMs = 5_000;
/** Everything that was begun has come to its end within this. */
const healMs = 90_000;

const postgres = findPostgres();
let house: ChaosHouse | undefined;
beforeAll(async () => {
  if (postgres === undefined) return;
  house = await ChaosHouse.start(expiresInMs);
  say(`${rounds} rounds by ${house.wire.means}; again: ${again}`);
}, 120_000);
afterAll(async () => {
  await house?.end();
});

function say(text: string): void {
  process.stderr.write(`chaos: ${text}\n`);
}

test('the same seed breaks the same things at the same times, and none of them is spared', () => {
  const plan = planOf(seed, 30);
  expect(planOf(seed, 30)).toEqual(plan);
  expect(planOf(seed + 1, 30)).not.toEqual(plan);
  expect(new Set(plan.flatMap(({ kills }) => kills.map(({ part }) => part)))).toEqual(
    new Set(killable),
  );
});

test.skipIf(postgres === undefined)(
  `kill -9 in ${rounds} rounds loses no money, gives nothing away, and everything sells again`,
  async () => {
    if (house === undefined) throw new Error('there is no house');
    const { world, died } = house;
    const days = new Set([today()]);
    const draw = new Draw(seed);
    const customers = letIn(world, draw);
    for (const [at, round] of planOf(seed, rounds).entries()) {
      if (at > 0 && at % tellEvery === 0) say(`${at} rounds, ${customers.paid} paid`);
      await house.suffer(round).catch((error: unknown) => {
        customers.flee();
        throw new Error(`in round ${at}; again: ${again}`, { cause: error });
      });
    }
    await customers.stop();
    await settled(house);
    const [seen, paid] = [customers.seen, customers.paid];

    // Alive, not only consistent: the next customer is served at once.
    const goods = world.pulses.length;
    const next = letIn(world, draw, true);
    await until('goods for the next customer', () => Promise.resolve(world.pulses.length > goods));
    await next.stop();
    await settled(house);
    expect(died, again).toEqual([]);
    expect(await world.kiosk.stop()).toBe(0);

    const books = await audit(world, house.databaseUrl);
    say(
      `${books.orders} charges, ${seen} QRs seen, ${paid} paid by a wallet; ` +
        `at Midtrans ${books.paid} (Rp ${books.paidIdr}) = goods ${books.goods} (Rp ${books.goodsIdr}) + claims ${books.owed} (Rp ${books.owedIdr})`,
    );
    expect(books.differences, again).toEqual([]);
    expect(books.paid, again).toBe(paid + next.paid);

    // What is owed is paid back, as an operator does it; then the day closes without a word.
    await payBack(world.folder);
    days.add(today());
    for (const day of days) {
      const report = await relay(world.folder, 'report', '--day', day);
      expect(report, again).toMatchObject({ code: 0 });
    }
  },
  limitMs,
);

if (postgres === undefined) test.skip('kill -9 of everything: PostgreSQL is not installed here');

/** Nothing is being sold and nothing is on its way. */
async function settled({ world }: ChaosHouse): Promise<void> {
  await until('an idle kiosk and empty queues', async () => {
    const { lastPhase } = world.kiosk;
    if (lastPhase !== undefined && lastPhase !== 'idle') return false;
    const signal = AbortSignal.timeout(answerMs);
    const answer = await fetch(`${world.relayUrl}/metrics`, { signal }).catch(() => undefined);
    const text = (await answer?.text().catch(() => '')) ?? '';
    return ['outbox', 'notices', 'openSales'].every((what) =>
      text.includes(`kios_depth{what="${what}"} 0`),
    );
  });
}

async function payBack(folder: string): Promise<void> {
  const listed = await relay(folder, 'claims', '--json');
  const owed = listed.output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => (JSON.parse(line) as { saleId: string }).saleId);
  for (const saleId of owed) {
    const { code, output } = await relay(folder, 'claim', 'refund', '--sale', saleId);
    expect({ code, output }).toMatchObject({ code: 0 });
  }
  await until('every refund', async () =>
    (await relay(folder, 'claims')).output.includes('0 claims'),
  );
}

function relay(folder: string, ...args: string[]): ReturnType<typeof runKios> {
  return runKios('relay', '--config', `${folder}/relay.yaml`, ...args);
}

/** In the report's zone, WIB. */
function today(): string {
  return new Date(systemClock.nowMs() + 7 * 3_600_000).toISOString().slice(0, 10);
}

/** Asks again and again, without hurry, until it is so; bounded. */
async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const endMs = systemClock.monotonicMs() + healMs;
  while (!(await isSo())) {
    if (systemClock.monotonicMs() > endMs) throw new Error(`waited in vain for ${what}; ${again}`);
    await wait(systemClock, 250);
  }
}
