// How often the real kiosk and the real relay wait for the disk on their way: counted by strace from outside, so no
// noise of the machine is in it and no line of kios is written for it.
import assert from 'node:assert';
import { World } from '../e2e/world.ts';
import { partsOf } from '../e2e/house.ts';
import { against, median, type Outcome } from './figures.ts';
import { attachTrace, whyNoTrace, type Trace } from './trace.ts';

const sales = 5;

export async function syncs(): Promise<Outcome> {
  const skipped = await whyNoTrace();
  if (skipped !== undefined) return { skipped };
  await using undo = new AsyncDisposableStack();
  const world = undo.adopt(await World.start(), async (one) => one.end());
  await sell(world); // A new WAL syncs its own head once.
  const trace = async (part: string): Promise<Trace> => {
    const pid = partsOf(process.pid).find(({ name }) => name === part)?.pid;
    assert(pid !== undefined, `no process ${part}`);
    return undo.adopt(await attachTrace(pid), async (one) => one.dispose());
  };
  const [kiosk, relay] = [await trace('kiosk'), await trace('relay')];
  for (let sale = 0; sale < sales; sale++) await sell(world);
  const [kioskLines, relayLines] = [await kiosk.end(), await relay.end()];
  const row = (what: string, counts: readonly number[], bound?: number): string[] => {
    assert(counts.length >= sales, `${what}: seen ${counts.length} times in ${sales} sales`);
    const spread = `${Math.min(...counts)}–${Math.max(...counts)}`;
    const kept = bound === undefined ? '' : against(`= ${bound}`, median(counts) === bound);
    return [what, String(median(counts)), spread, kept];
  };
  return {
    title: 'Syncs on the way (fsync and fdatasync)',
    how: `${sales} sales over real processes (kiosk, relay, twin), strace -f on two of them; median and range`,
    head: ['way', 'syncs', 'range', 'bound'],
    rows: [
      row(
        'kiosk: Enter read → PUT of the sale written',
        between(kioskLines, enterRead, putWritten),
        1,
      ),
      row(
        'kiosk: `paid` read → order to the vend board written',
        between(kioskLines, paidRead, vendWritten),
        1,
      ),
      row(
        'relay: notification read → its 200 written',
        between(relayLines, noticeRead, okWritten),
        1,
      ),
      ['kiosk: all of a sale', (countSyncs(kioskLines) / sales).toFixed(1), '', ''],
      ['relay: all of a sale', (countSyncs(relayLines) / sales).toFixed(1), '', ''],
    ],
  };
}

/** From the first key to the idle screen. */
async function sell(world: World): Promise<void> {
  const mark = world.kiosk.mark;
  world.press('1', '5', '000', 'enter');
  await world.phase('paying', mark);
  await world.nextFrame();
  await world.pay(await world.qrOnScreen());
  await world.phase('result', mark);
  await world.toIdle();
}

const sync = /^\d+ +(fsync|fdatasync)\(/;
/** The boot keyboard report of Enter on the pad (usage 0x58), at the keypad's port. */
const enterRead = /read\(.*\\0\\0X\\0\\0/;
const putWritten = /(write|send).*"PUT \/v1\/sales\//;
const paidRead = /read\(.*\\"verdict\\":\\"paid\\"/;
const vendWritten = /write.*"V ksk01-/;
const noticeRead = /read.*"POST \/v1\/notifications\/midtrans /;
const okWritten = /(write|send).*"HTTP\/1\.1 200 /;

function countSyncs(lines: readonly string[]): number {
  return lines.filter((line) => sync.test(line)).length;
}

/** For each `to`: the syncs since the last `from` before it. Whatever has no `from` of its own is left out. */
function between(lines: readonly string[], from: RegExp, to: RegExp): number[] {
  const counts: number[] = [];
  let count: number | undefined;
  for (const line of lines) {
    if (from.test(line)) count = 0;
    else if (count !== undefined && sync.test(line)) count += 1;
    else if (count !== undefined && to.test(line)) {
      counts.push(count);
      count = undefined;
    }
  }
  return counts;
}
