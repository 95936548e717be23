// How often the real kiosk and the real relay wait for the disk on their way: counted by strace from outside, so no
// noise of the machine is in it and no line of kios is written for it.
import assert from 'node:assert';
import { World } from '../e2e/world.ts';
import { partsOf } from '../e2e/house.ts';
import { against, median, type Outcome } from './figures.ts';
import {
  attachTrace,
  countSyncs,
  noticeRead,
  okWritten,
  syncsBetween,
  whyNoTrace,
  type Trace,
} from './trace.ts';

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
  return {
    title: 'Syncs on the way (fsync and fdatasync)',
    how: `${sales} sales over real processes (kiosk, relay, twin), strace -f on two of them; median and range`,
    head: ['way', 'syncs', 'range', 'bound'],
    rows: [
      row(
        'kiosk: Enter read → PUT of the sale written',
        syncsBetween(kioskLines, enterRead, putWritten),
        1,
      ),
      row(
        'kiosk: `paid` read → order to the vend board written',
        syncsBetween(kioskLines, paidRead, vendWritten),
        1,
      ),
      row(
        'relay: notification read → its 200 written',
        syncsBetween(relayLines, noticeRead, okWritten),
        1,
      ),
      row(
        'relay: PUT read → charge sent to Midtrans',
        syncsBetween(relayLines, putRead, chargeWritten),
        1,
      ),
      row(
        'relay: charge answered → 201 written',
        syncsBetween(relayLines, midtransRead, createdWritten),
        1,
      ),
      row(
        'relay: get-status answered → `paid` published',
        syncsBetween(relayLines, midtransRead, paidPublished),
        1,
      ),
      row('relay: ack read → PUBACK written', syncsBetween(relayLines, ackRead, pubackWritten), 1),
      row(
        'relay: report read → its 200 written',
        syncsBetween(relayLines, reportRead, okWritten),
        1,
      ),
      ['kiosk: all of a sale', (countSyncs(kioskLines) / sales).toFixed(1), '', ''],
      ['relay: all of a sale', (countSyncs(relayLines) / sales).toFixed(1), '', ''],
    ],
  };
}

function row(what: string, counts: readonly number[], bound?: number): string[] {
  // The last sale's report may be on its way when the tracer lets go.
  assert(counts.length >= sales - 1, `${what}: seen ${counts.length} times in ${sales} sales`);
  const spread = `${Math.min(...counts)}–${Math.max(...counts)}`;
  const kept = bound === undefined ? '' : against(`= ${bound}`, median(counts) === bound);
  return [what, String(median(counts)), spread, kept];
}

/** From the first key to the idle screen. */
export async function sell(world: World): Promise<void> {
  const mark = world.kiosk.mark;
  world.press('1', '5', '000', 'enter');
  await world.phase('paying', mark);
  await world.nextFrame();
  await world.pay(await world.qrOnScreen());
  await world.phase('result', mark);
  await world.toIdle();
}

/** The boot keyboard report of Enter on the pad (usage 0x58), at the keypad's port. */
export const enterRead = /read\(.*\\0\\0X\\0\\0/;
export const putWritten = /(write|send).*"PUT \/v1\/sales\//;
export const paidRead = /read\(.*\\"verdict\\":\\"paid\\"/;
export const vendWritten = /write.*"V ksk01-/;
/** The row exists before Midtrans is called. */
const putRead = /read.*"PUT \/v1\/sales\//;
const chargeWritten = /(write|send).*"POST \/v2\/charge/;
const midtransRead = /read.*"HTTP\/1\.1 (200|201) /;
const createdWritten = /(write|send).*"HTTP\/1\.1 201 /;
const paidPublished = /(write|send).*\\"verdict\\":\\"paid/;
const reportRead = /read.*"POST \/v1\/sales\/[^ ]+\/fulfilment/;
const ackRead = /read.*kios\/1\/ksk01\/ack/;
/** PUBACK: type 4, the first byte 0x40; the rest may come in a write of its own. */
const pubackWritten = /(write|send).*"@/;
