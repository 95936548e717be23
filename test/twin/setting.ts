// What the twin's tests stand on: a clock that is wound by hand, a twin of its own, and a merchant that listens.
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, type Clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { twinConfig, type TwinConfig } from '../../src/twin/config.ts';
import { seededRandom } from '../../src/twin/random.ts';
import { createTwin, type Twin, type TwinParts } from '../../src/twin/twin.ts';

export const serverKey = 'SB-Mid-server-EXAMPLEKEY';
export const authorization = `Basic ${Buffer.from(`${serverKey}:`).toString('base64')}`;

export const merchant = {
  id: 'G000000001',
  name: 'KIOS CONTOH',
  nmid: 'ID1099000000001',
  pan: '9360000000000000017',
  city: 'BANDUNG',
  postalCode: '40111',
  mcc: '5812',
};

/** 2026-01-01 10:00:00 in Jakarta. */
export const morningMs = Date.parse('2026-01-01T03:00:00Z');

/** Lets everything that is ready run: promises, and what they started on sockets that are already answered. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

export class HandClock implements Clock {
  private now = morningMs;
  private timers: { dueMs: number; call: () => void }[] = [];

  nowMs(): number {
    return this.now;
  }

  monotonicMs(): number {
    return this.now;
  }

  after(delayMs: number, call: () => void): () => void {
    const timer = { dueMs: this.now + Math.max(delayMs, 0), call };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((each) => each !== timer);
    };
  }

  get waiting(): number {
    return this.timers.length;
  }

  /** Fires what is due on the way, in order. */
  async wind(ms: number): Promise<void> {
    const end = this.now + ms;
    for (;;) {
      await settle();
      const next = this.timers
        .filter((each) => each.dueMs <= end)
        .sort((a, b) => a.dueMs - b.dueMs)[0];
      if (next === undefined) break;
      this.timers = this.timers.filter((each) => each !== next);
      this.now = Math.max(this.now, next.dueMs);
      next.call();
    }
    this.now = end;
  }
}

/** A configuration with its key in a directory of its own; `[Symbol.asyncDispose]` removes it. */
export async function writtenConfig(
  more: Record<string, unknown> = {},
): Promise<{ config: TwinConfig; directory: string } & AsyncDisposable> {
  const directory = await mkdtemp(join(tmpdir(), 'twin-'));
  const serverKeyFile = join(directory, 'server-key');
  await writeFile(serverKeyFile, `${serverKey}\n`);
  return {
    config: twinConfig.parse({ serverKeyFile, merchant, ...more }),
    directory,
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true }),
  };
}

export interface TestTwin extends AsyncDisposable {
  twin: Twin;
  /** A JSON call through `inject()`, authorised. */
  call(
    method: 'GET' | 'POST' | 'DELETE',
    url: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Called>;
}

export interface Called {
  http: number;
  body: Record<string, unknown>;
}

export async function testTwin(
  more: Record<string, unknown> = {},
  parts: Partial<TwinParts> = {},
): Promise<TestTwin> {
  const written = await writtenConfig(more);
  const twin = createTwin(written.config, {
    clock: systemClock,
    random: seededRandom(1),
    log: silentLog,
    ...parts,
  });
  return {
    twin,
    async call(method, url, body, headers = {}) {
      const response = await twin.app.inject({
        method,
        url,
        headers: { authorization, 'content-type': 'application/json', ...headers },
        ...(body === undefined
          ? {}
          : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      return { http: response.statusCode, body: response.json<Record<string, unknown>>() };
    },
    async [Symbol.asyncDispose]() {
      await twin.close();
      await written[Symbol.asyncDispose]();
    },
  };
}

export function chargeBody(
  orderId: string,
  more: Record<string, unknown> = {},
  amount: unknown = 15000,
): Record<string, unknown> {
  return {
    payment_type: 'qris',
    transaction_details: { order_id: orderId, gross_amount: amount },
    ...more,
  };
}

export interface Heard {
  path: string;
  headers: IncomingMessage['headers'];
  body: Record<string, unknown>;
}

export interface Merchant extends AsyncDisposable {
  url: string;
  heard: Heard[];
  /** Resolves when so many notifications came in all. */
  hears(count: number): Promise<Heard[]>;
}

/** A merchant's server. `answer` decides what a path gets: a status, a redirect, or nothing at all. */
export async function listeningMerchant(
  answer: (path: string) => { http: number; location?: string } | 'silence' = () => ({ http: 200 }),
): Promise<Merchant> {
  const heard: Heard[] = [];
  let woken = (): void => undefined;
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const path = request.url ?? '';
      const text = Buffer.concat(chunks).toString();
      heard.push({
        path,
        headers: request.headers,
        body: JSON.parse(text) as Record<string, unknown>,
      });
      const said = answer(path);
      if (said !== 'silence') {
        response.writeHead(
          said.http,
          said.location === undefined ? {} : { location: said.location },
        );
        response.end();
      }
      woken();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    heard,
    async hears(count) {
      while (heard.length < count) {
        await new Promise<void>((resolve) => {
          woken = resolve;
        });
      }
      return heard;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
