// One kiosk process that sells for a long time: its memory and its open files must stay as they are.
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { keysOf } from './chaos-customer.ts';
import { unitEnvironment } from './unit-environment.ts';
import { World } from './world.ts';

/** `KIOS_SOAK_SALES=2000` for the long run. */
const sales = Number(process.env['KIOS_SOAK_SALES'] ?? 300);
const tenths = 10;
/**
 * What a sale may leave behind, in bytes of the heap and of buffers after a collection: code that is compiled late makes 1 kB
 * over the first hundreds. A listener that each slip left on a signal was three; one picture is 768 kB.
 */
const heapBytesASale = sales >= 1000 ? 1500 : 6000;
/** Resident memory also holds what V8 and the C library's arenas keep for later, as far as the kiosk's unit lets them. */
const residentBytes = 40 * 1024 * 1024;
/** Sockets come and go by one or two. */
const fileSlack = 3;

interface Look {
  heapUsed: number;
  external: number;
  rss: number;
  files: number;
}

let world: World;
let lastQr: string | undefined;
beforeAll(async () => {
  const probe = new URL('soak-probe.child.ts', import.meta.url).href;
  const unit = await unitEnvironment();
  const options = `${unit['NODE_OPTIONS'] ?? ''} --import ${probe}`;
  world = await World.start({ launch: { env: { ...unit, NODE_OPTIONS: options } }, pulseMs: 1 });
});
afterAll(async () => {
  await world.end();
});

/** One customer, as fast as the kiosk lets them. */
async function sell(amountIdr: number): Promise<void> {
  const mark = world.kiosk.mark;
  world.press(...keysOf(amountIdr), 'enter');
  await world.phase('paying', mark);
  await world.pay(await newQr());
  expect((await world.phase('result', mark))['outcome']).toBe('done');
  world.press('enter');
  await world.phase('idle', mark);
}

/** The screen may still show the sale before. */
async function newQr(): Promise<string> {
  let qr = await world.qrOnScreen();
  while (qr === lastQr) {
    await world.nextFrame();
    qr = await world.qrOnScreen();
  }
  lastQr = qr;
  return qr;
}

async function look(): Promise<Look> {
  const { kiosk } = world;
  const mark = kiosk.mark;
  process.kill(kiosk.pid, 'SIGUSR2');
  const { heapUsed, external, rss } = await kiosk.waitForMessage('soak.memory', mark);
  return {
    heapUsed: Number(heapUsed),
    external: Number(external),
    rss: Number(rss),
    files: readdirSync(`/proc/${kiosk.pid}/fd`).length,
  };
}

test(
  `memory and open files are flat over ${sales} sales`,
  async () => {
    const looks: Look[] = [];
    for (let sale = 0; sale < sales; sale++) {
      await sell(1000 + sale);
      if ((sale + 1) % Math.floor(sales / tenths) === 0) looks.push(await look());
    }
    const [second, last] = [looks[1], looks.at(-1)];
    if (second === undefined || last === undefined) throw new Error('too few sales');
    const between = sales - 2 * Math.floor(sales / tenths);
    const slope = (last.heapUsed + last.external - second.heapUsed - second.external) / between;
    const text = `heap ${second.heapUsed} → ${last.heapUsed}, resident ${second.rss} → ${last.rss}, files ${second.files} → ${last.files}, ${slope.toFixed(0)} B a sale`;
    const heaps = looks.map(({ heapUsed }) => (heapUsed / 1e6).toFixed(2)).join(' ');
    process.stderr.write(`soak: ${sales} sales: ${text}; heap in MB by tenths: ${heaps}\n`);
    expect(slope, text).toBeLessThan(heapBytesASale);
    expect(last.rss - second.rss, text).toBeLessThan(residentBytes);
    expect(last.files - second.files, text).toBeLessThanOrEqual(fileSlack);
    expect(world.pulses).toHaveLength(sales);
  },
  60_000 + sales * 3_000,
);
