// Whole sales at a steady pace, as a fleet makes them: charged, paid, fulfilled. It runs beside whatever is measured.
import assert from 'node:assert';
import { type KeyObject } from 'node:crypto';
import { systemClock, wait } from '../../src/lib/clock.ts';
import { signReport } from '../../src/protocol/report.ts';
import { signKioskToken } from '../../src/protocol/token.ts';
import { httpRequest, openHttpLine, openHttpLines, type HttpLine } from './http-line.ts';
import { amountIdr, noticeRequest } from './notices.ts';
import { benchBoot, saleName } from './rows.ts';

export interface SalesLoad {
  /** Stops, and answers how many sales a second were carried through, and how many steps failed. */
  stop(): Promise<{ perSecond: number; failed: number }>;
}

/** What a kiosk shows, and signs with. */
export interface Seller {
  token: string;
  privateKey: KeyObject;
}

/** Sales that may be in work at once; a relay that is too slow for the pace then gets fewer. */
const lines = 24;
const beginEveryMs = 10;
/** From the customer's money to the kiosk's report; a real one takes seconds. */
const handOverMs = 50;
/** Numbers of sales that nobody else has laid. */
let next = 5_000_000;

/** @param kioskIds dealt round, so each must be free again by its next turn. */
export async function startSalesLoad(
  relayUrl: string,
  kioskIds: readonly string[],
  privateKey: KeyObject,
  perSecond: number,
): Promise<SalesLoad> {
  const sellers = new Map<string, Seller>();
  for (const kioskId of kioskIds) {
    const who = { kioskId, bootId: benchBoot };
    const token = await signKioskToken(who, privateKey, systemClock.nowMs());
    sellers.set(kioskId, { token, privateKey });
  }
  const open = await openHttpLines(relayUrl, lines);
  const free = [...open.lines];
  const inWork = new Set<Promise<void>>();
  const ended = new AbortController();
  const counted = { done: 0, failed: 0 };
  const sinceMs = systemClock.monotonicMs();

  function begin(): void {
    const line = free.pop();
    if (line === undefined) return;
    next++;
    const kioskId = kioskIds[next % kioskIds.length] ?? '';
    const seller = sellers.get(kioskId);
    assert(seller !== undefined, 'every kiosk sells');
    const work = oneSale(line, saleName(kioskId, next), seller)
      .then(
        (done) => (done ? counted.done++ : counted.failed++),
        () => counted.failed++,
      )
      .then(() => {
        free.push(line);
        inWork.delete(work);
      });
    inWork.add(work);
  }

  async function run(): Promise<void> {
    let begun = 0;
    while (!ended.signal.aborted) {
      const due = ((systemClock.monotonicMs() - sinceMs) * perSecond) / 1000;
      for (; begun < due; begun++) begin();
      await wait(systemClock, beginEveryMs, ended.signal);
    }
  }
  const running = run();
  return {
    async stop() {
      ended.abort();
      await running;
      const tookMs = systemClock.monotonicMs() - sinceMs;
      await Promise.all(inWork);
      open.close();
      return { perSecond: (1000 * counted.done) / tookMs, failed: counted.failed };
    },
  };
}

async function oneSale(line: HttpLine, saleId: string, seller: Seller): Promise<boolean> {
  const { token, privateKey } = seller;
  const headers = { authorization: `Bearer ${token}` };
  const path = `/v1/sales/${saleId}`;
  const put = httpRequest('PUT', path, JSON.stringify({ amountIdr }), headers);
  if ((await line.ask(put)).status !== 201) return false;
  if ((await line.ask(noticeRequest(saleId))).status !== 200) return false;
  await wait(systemClock, handOverMs);
  const result = 'done';
  const signed = signReport({ saleId, result }, privateKey, systemClock.nowMs());
  const done = JSON.stringify({ result, signed });
  return (await line.ask(httpRequest('POST', `${path}/fulfilment`, done, headers))).status === 200;
}

/** What one whole sale sends and gets over HTTP, in bytes, without TLS and TCP. */
export async function httpBytesOfASale(
  relayUrl: string,
  saleId: string,
  seller: Seller,
): Promise<{ sent: number; received: number }> {
  const line = await openHttpLine(relayUrl);
  await oneSale(line, saleId, seller);
  const bytes = line.bytes();
  line.close();
  return bytes;
}
