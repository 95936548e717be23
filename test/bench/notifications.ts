// How many notifications a second the real relay answers, beside a bare node:http server with SQLite that does the least
// that a promise to keep them needs.
import assert from 'node:assert';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../src/lib/clock.ts';
import { serverKey, World } from '../e2e/world.ts';
import { interleave, median, ratio, type Report, type Variant } from './figures.ts';
import { settledNotice } from './notices.ts';
import { saleName } from './rows.ts';

const rounds = 5;
const noticesARound = 400;
const connections = 32;

export async function notifications(): Promise<Report> {
  await using undo = new AsyncDisposableStack();
  const world = undo.adopt(await World.start(), async (one) => one.end());
  await world.kiosk.stop(); // Nobody sells meanwhile.
  const floor = undo.adopt(await startFloor(join(world.folder, 'floor.sqlite')), async (one) =>
    one.end(),
  );
  const agent = undo.adopt(new Agent({ keepAlive: true, maxSockets: connections }), (one) => {
    one.destroy();
  });
  const relayUrl = `${world.relayUrl}/v1/notifications/midtrans`;
  const measured = await interleave(
    { floor: answered(agent, floor.url), relay: answered(agent, relayUrl) },
    rounds,
  );
  const perSecond = (values: readonly number[]): string => Math.round(median(values)).toString();
  return {
    title: 'Notifications answered a second',
    how: `${connections} connections, ${noticesARound} notices a round, each of another sale that the relay does not know (what it does after the 200 runs meanwhile and is not waited for), interleaved, median of ${rounds} rounds`,
    head: ['server', 'a second', 'to the floor'],
    rows: [
      ['floor: node:http + SQLite FULL, a commit each', perSecond(measured.floor), '1.00x'],
      ['relay', perSecond(measured.relay), ratio(measured.relay, measured.floor).text],
    ],
  };
}

async function startFloor(path: string): Promise<{ url: string; end: () => Promise<void> }> {
  const child = fork(fileURLToPath(new URL('floor-server.child.ts', import.meta.url)), [path]);
  const [port] = (await once(child, 'message')) as [number];
  return {
    url: `http://127.0.0.1:${port}/`,
    end: async () => {
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}

let notice = 0;

/** Answers a second, from the first byte to the last answer of a round. */
function answered(agent: Agent, url: string): Variant {
  return async () => {
    const bodies = Array.from({ length: noticesARound }, () =>
      settledNotice(saleName('ksk99', ++notice), serverKey),
    );
    const sinceMs = systemClock.monotonicMs();
    await Promise.all(bodies.map(async (body) => post(agent, url, body)));
    return (1000 * noticesARound) / (systemClock.monotonicMs() - sinceMs);
  };
}

async function post(agent: Agent, url: string, body: string): Promise<void> {
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const sent = request(url, { method: 'POST', agent, headers });
  const answer = new Promise<number | undefined>((resolve, reject) => {
    sent.once('error', reject);
    sent.once('response', (response) => {
      response.resume();
      response.once('end', () => {
        resolve(response.statusCode);
      });
    });
  });
  sent.end(body);
  assert.equal(await answer, 200);
}
