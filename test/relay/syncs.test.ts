// A notice costs the relay one sync before its 200, and many together share theirs: counted from outside, by strace.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { flood, httpRequest, openHttpLines } from '../bench/http-line.ts';
import { noticeRequest } from '../bench/notices.ts';
import { startRelay } from '../bench/relay-process.ts';
import { kioskName, layKiosks, layPendingSales, openRows, sharedKey } from '../bench/rows.ts';
import {
  attachTrace,
  countSyncs,
  noticeRead,
  okWritten,
  whyForbidden,
  whyNoTrace,
} from '../bench/trace.ts';
import { startMidtrans } from './scripted-midtrans.ts';

/** Why nothing can be counted here, or undefined. */
const missing = (await whyNoTrace()) ?? whyForbidden();
const together = 50;

async function syncsUntilAnswered(notices: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'kios-syncs-'));
  const midtrans = await startMidtrans();
  // It never answers: no confirmation falls among the notices.
  for (const kind of ['status', 'cancel', 'expire'] as const) {
    midtrans.on(kind, () => new Promise(() => undefined));
  }
  const relay = await startRelay({ folder, midtransUrl: midtrans.url });
  onTestFinished(async () => {
    midtrans.close();
    await relay.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const kioskIds = Array.from({ length: notices }, (_, at) => kioskName(at));
  const database = await openRows(relay.store);
  await layKiosks(database, kioskIds, sharedKey().publicX);
  const saleIds = await layPendingSales(database, kioskIds, notices);
  await database.close();
  const { lines, close } = await openHttpLines(relay.url, notices);
  await flood(lines, Array<Buffer>(notices).fill(httpRequest('GET', '/healthz')), 200);
  const trace = await attachTrace(relay.pid());
  await flood(
    lines,
    saleIds.map((saleId) => noticeRequest(saleId)),
    200,
  );
  const traced = await trace.end();
  close();
  const from = traced.findIndex((line) => noticeRead.test(line));
  const to = traced.findLastIndex((line) => okWritten.test(line));
  expect(from).toBeGreaterThanOrEqual(0);
  expect(to).toBeGreaterThan(from);
  return countSyncs(traced.slice(from, to + 1));
}

if (missing !== undefined) test.skip(`syncs of a notice: ${missing}`);

test.skipIf(missing !== undefined)('one notice: one sync before its 200', async () => {
  expect(await syncsUntilAnswered(1)).toBe(1);
});

test.skipIf(missing !== undefined)(
  `${together} notices at once: fewer syncs than notices, and at least one`,
  async () => {
    const syncs = await syncsUntilAnswered(together);
    expect(syncs).toBeGreaterThanOrEqual(1);
    expect(syncs).toBeLessThan(together);
  },
);
