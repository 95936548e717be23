// Whatever is sent to the relay, by HTTP or MQTT, it answers in its own words, grows no larger, and its books stay as they
// are. KIOS_FUZZ_MINUTES=60 goes on for so long; KIOS_FUZZ_SEED repeats a run.
import { randomInt } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { problem } from '../../src/protocol/api.ts';
import { kioskTopics } from '../../src/protocol/topics.ts';
import { seededRandom } from '../../src/twin/random.ts';
import { connectFrame, publishFrame, subscribeFrame } from '../bench/mqtt-frames.ts';
import { chance, drawBytes, drawRequest, fuzzRoutes, type FuzzWorld } from './fuzz-requests.ts';
import { pay, serverKey, startSetting, type Setting, type TestKiosk } from './setting.ts';

const minutes = Number(process.env['KIOS_FUZZ_MINUTES'] ?? 0);
const seed = Number(process.env['KIOS_FUZZ_SEED'] ?? randomInt(2 ** 31));
const random = seededRandom(seed);
/** Of a run that no minutes are given to. */
const requests = 1_200;
const lines = 120;
const together = 8;
/** Garbage that is not collected yet, caches that fill up to their limits. */
const maxGrownBytes = 96 * 1024 * 1024;
/** The only faults of its own that the relay may name to such callers. */
const mayFail: readonly unknown[] = ['gateway-down', 'recovering'];

let bundles: string;
let setting: Setting;
let honest: TestKiosk;
/** Its two sales, one of them owed. */
let paid: string[];
let fuzzers: TestKiosk[];
let world: FuzzWorld;

beforeAll(async () => {
  bundles = mkdtempSync(join(tmpdir(), 'kios-fuzz-'));
  setting = await startSetting({
    ...{ http: { trustProxy: 1 }, overrides: { supportDir: bundles } },
  });
  honest = await setting.kiosk('hones');
  const sales = [honest.newSaleId(), honest.newSaleId()];
  for (const [at, saleId] of sales.entries()) {
    const { sale } = await honest.put(saleId, 15_000);
    await pay(setting, sale.qrString ?? '');
    await honest.until(saleId, 'paid');
    await honest.report(saleId, at === 0 ? 'done' : 'failed');
  }
  paid = sales;
}, 60_000);
afterAll(async () => {
  await setting.stop();
  rmSync(bundles, { recursive: true });
});

/** All money that the relay knows of, and what it owes. */
function books(): unknown {
  const db = new DatabaseSync(join(setting.dir, 'relay.db'), { readOnly: true });
  try {
    return [
      "SELECT sale_id, verdict, fulfilment, amount_idr FROM sales WHERE verdict IN ('paid', 'paid-late', 'refunded') ORDER BY sale_id",
      'SELECT sale_id, state, amount_idr FROM claims ORDER BY sale_id',
    ].map((query) => db.prepare(query).all());
  } finally {
    db.close();
  }
}

function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  return process.memoryUsage().heapUsed;
}

/** How many answers had which status: whoever only hears 401 has tried nothing. */
const answered = new Map<number, number>();

/** What is wrong with the answer to one drawn request; undefined: nothing. */
async function faultOf(): Promise<string | undefined> {
  const drawn = drawRequest(random, world);
  const { method, path, headers, body } = drawn;
  let answer: Response;
  try {
    answer = await fetch(setting.relayUrl + path, {
      ...{ method, headers },
      ...(body === undefined ? {} : { body }),
    });
  } catch (error) {
    // The client's own refusal to send it; the relay has not seen it.
    return String(error).includes('fetch failed') ? `${method} ${path}: no answer` : undefined;
  }
  const text = await answer.text();
  answered.set(answer.status, (answered.get(answer.status) ?? 0) + 1);
  if (answer.status < 300 && paid.some((saleId) => path.includes(saleId))) {
    return `${method} ${path}: ${answer.status}, and it is another kiosk's`;
  }
  if (answer.status < 400 || method === 'HEAD') return undefined;
  // It says in its own words which part of it is not ready; a machine with too much to do may be late once in an hour.
  if (path.startsWith('/readyz') && answer.status === 503) return undefined;
  const told = problem.safeParse(parsed(text)).data;
  if (told === undefined) return `${method} ${path}: ${answer.status} is no problem document`;
  if (answer.status < 500 || mayFail.includes(told.code)) return undefined;
  return `${method} ${path}: ${answer.status} ${told.code} to ${JSON.stringify(drawn).slice(0, 2_000)}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** One bare connection to the broker, of a stranger or of a kiosk whose key was stolen; resolves when it is over. */
async function speakMqtt(): Promise<void> {
  const kiosk = fuzzers[chance(random, 0.5) ? 0 : 1];
  const { kioskId = 'none' } = kiosk ?? {};
  const password = chance(random, 0.7)
    ? ((await kiosk?.token({ audience: 'kios-broker' })) ?? '')
    : 'x';
  const topics = kioskTopics(kioskId);
  const will = { topic: topics.status, payload: '{}' };
  const packets = [
    connectFrame({ ...{ kioskId, password, will }, keepaliveS: 60 }),
    subscribeFrame(1, [topics.sale, topics.command, 'kios/1/hones/sale', '#', '$SYS/#']),
    publishFrame(2, topics.ack, JSON.stringify({ ledgerId: 'x', upTo: 2 ** 53 })),
    publishFrame(
      3,
      topics.status,
      '{"online":true,"bootId":"b","connection":1,"version":"1"}',
      true,
    ),
    publishFrame(4, 'kios/1/hones/ack', '{}'),
    publishFrame(5, topics.echo, 'x'.repeat(200)),
  ];
  const socket = connect(Number(new URL(setting.mqttUrl).port), '127.0.0.1');
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => undefined);
  socket.end(drawBytes(random, packets));
  socket.resume();
  const ended = new Promise((resolve) => setTimeout(resolve, lingerMs));
  await Promise.race([closed, ended]);
  socket.destroy();
}
/** The broker waits ten seconds for a packet that was announced: nobody here does. */
const lingerMs = 200;

/** Kiosks of this round alone: the limits of one kiosk must not answer everything. */
async function beginRound(round: number): Promise<void> {
  fuzzers = [];
  for (const letter of ['f', 'g']) fuzzers.push(await setting.kiosk(`${letter}uz${round}`));
  const good = await Promise.all(fuzzers.map((one) => one.token()));
  const other = await Promise.all(fuzzers.map((one) => one.token({ audience: 'kios-broker' })));
  const own = fuzzers.flatMap((one) => Array.from({ length: 8 }, () => one.newSaleId()));
  world = {
    serverKey,
    kioskIds: [...fuzzers.map(({ kioskId }) => kioskId), 'hones', 'x'],
    saleIds: [...paid, ...paid, ...paid, ...paid, ...own, 'x', `${'a'.repeat(9)}-0`],
    tokens: [...good, ...good, ...other, 'x', 'a.b.c', 'e30.e30.e30'],
  };
}

test('the list of routes is the relay’s own', () => {
  const folder = join(import.meta.dirname, '../../src/relay/routes');
  const named = readdirSync(folder).flatMap((name) =>
    [
      ...readFileSync(join(folder, name), 'utf8').matchAll(
        /'(\/(?:v1|healthz|readyz|metrics)[^' ]*)'/g,
      ),
    ].map(([, path = '']) => path.replace(/:\w+/g, ':')),
  );
  const listed = fuzzRoutes.map(({ path }) => path.replace(/\?.*/, '').replace(/:\w+/g, ':'));
  expect([...new Set(named)].toSorted()).toEqual([...new Set(listed)].toSorted());
});

test(
  `junk changes nothing (KIOS_FUZZ_SEED=${seed})`,
  async () => {
    process.stdout.write(`KIOS_FUZZ_SEED=${seed}\n`);
    const before = books();
    expect(before).toMatchObject([[{ verdict: 'paid' }, { verdict: 'paid' }], [{ state: 'open' }]]);
    const untilMs = systemClock.monotonicMs() + minutes * 60_000;
    const faults: string[] = [];
    let startBytes: number | undefined;
    let sent = 0;
    for (let round = 10; ; round++) {
      await beginRound(round);
      for (let at = 0; at < requests; at += together) {
        const found = await Promise.all(Array.from({ length: together }, faultOf));
        faults.push(...found.filter((one) => one !== undefined));
      }
      for (let at = 0; at < lines; at += together) {
        await Promise.all(Array.from({ length: together }, speakMqtt));
      }
      sent += requests + lines;
      // An hour of it would be counted as the relay's own memory.
      setting.forgetLog();
      // From the first round on: until then it learns, compiles and fills its caches.
      startBytes ??= heapBytes();
      expect(faults).toEqual([]);
      if (systemClock.monotonicMs() >= untilMs) break;
    }
    const grownBytes = heapBytes() - startBytes;
    const counts = [...answered].map(([status, count]) => `${status}: ${count}`).join(', ');
    process.stdout.write(`${sent} sent (${counts}); the heap grew by ${grownBytes} bytes\n`);
    for (const status of [200, 400, 401, 403, 404, 409]) expect(answered.has(status)).toBe(true);
    expect(grownBytes).toBeLessThan(maxGrownBytes);
    expect(books()).toEqual(before);
  },
  minutes * 60_000 + 120_000,
);

test('and an honest kiosk sells as before', async () => {
  const line = await honest.connect();
  const saleId = honest.newSaleId();
  const { sale } = await honest.put(saleId, 20_000);
  await pay(setting, sale.qrString ?? '');
  expect(
    (await line.next((one) => one.saleId === saleId && one.verdict === 'paid')).amountIdr,
  ).toBe(20_000);
  await line.client.endAsync();
});
