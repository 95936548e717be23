// What the kiosk itself adds between Enter and the QR: from the key to the request on the wire, and from its answer to the
// last pixel. The relay and Midtrans are not in it.
import { against, median, percentile, type Outcome } from './figures.ts';
import { openKioskHouse, whyNoCard } from './kiosk-house.ts';

const defaults = { sales: 100 };
/** One frame of a 60 Hz screen. */
const boundMs = 16.7;

export async function kioskQr(sizes = defaults): Promise<Outcome> {
  await using undo = new AsyncDisposableStack();
  const house = await openKioskHouse(undo, 0);
  if (house === undefined) return { skipped: whyNoCard };
  const [request, pixels, both]: [number[], number[], number[]] = [[], [], []];
  await house.sell(1000);
  for (let sale = 1; sale <= sizes.sales; sale++) {
    const { enterMs, putMs, answerMs, qrMs } = await house.sell(1000 + sale);
    request.push(putMs - enterMs);
    pixels.push(qrMs - answerMs);
    both.push(putMs - enterMs + qrMs - answerMs);
  }
  const row = (what: string, values: readonly number[], bound = ''): string[] => [
    what,
    `${median(values).toFixed(1)} ms`,
    `${percentile(values, 0.99).toFixed(1)} ms`,
    bound,
  ];
  const p99 = percentile(both, 0.99);
  return {
    title: 'From Enter to the QR, the kiosk alone',
    how: `${sizes.sales} sales over real processes, this machine's own disk, 800×480; the lines tapped outside of the kiosk, the QR read back out of the frame that is timed`,
    head: ['hop', 'p50', 'p99', 'bound'],
    rows: [
      row('Enter → charge request on the wire, one sync', request),
      row('answer → QR pixels', pixels),
      row('both', both, against(`p99 ≤ ${boundMs} ms`, p99 <= boundMs)),
    ],
  };
}
