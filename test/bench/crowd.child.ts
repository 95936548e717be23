// A crowd of simulated kiosks in one process: each a raw MQTT connection that says who it is, listens to its sales, tells
// its status, acknowledges every verdict, and comes back with a kiosk's own backoff. No journal, no proof.
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext } from 'node:tls';
import { backoffMs } from '../../src/lib/backoff.ts';
import { systemClock, wait } from '../../src/lib/clock.ts';
import { signKioskToken } from '../../src/protocol/token.ts';
import { kioskTopics } from '../../src/protocol/topics.ts';
import { seededRandom } from '../../src/twin/random.ts';
import { readyChild } from './child.ts';
import { type CrowdAnswer, type CrowdCommand, type CrowdOptions } from './crowd.ts';
import {
  connectFrame,
  publishFrame,
  pubackFrame,
  readFrames,
  subscribeFrame,
  type Heard,
} from './mqtt-frames.ts';
import { benchBoot, benchPassword, kioskName } from './rows.ts';

const options = JSON.parse(process.argv[2] ?? '') as CrowdOptions;
const target = new URL(options.url);
const privateKey = createPrivateKey(options.privateKeyPem);
const secure =
  options.caFile === undefined
    ? undefined
    : createSecureContext({ ca: readFileSync(options.caFile) });
const random = seededRandom(1);

/** As in the kiosk's broker link. */
const reconnect = { firstMs: 500, maxMs: 30_000 };
const connectTimeoutMs = 10_000;
const keepaliveS = 600;
/** One address has 28 000 ports, and Mosquitto's kernel queue is one an address. */
const addresses = 20;
const status = (online: boolean): string =>
  JSON.stringify({ online, bootId: benchBoot, connection: 1, version: '0.1.0', selling: true });

interface Simulated {
  socket: Socket | undefined;
  up: boolean;
  password: string;
}
const kiosks = Array.from({ length: options.count }, (): Simulated => ({
  socket: undefined,
  up: false,
  password: benchPassword,
}));
let watched = -1;

/** Tokens live five minutes: made before a storm, and not a part of it. */
async function preparePasswords(from: number, to: number): Promise<void> {
  if (!options.tokens) return;
  for (let at = from; at < to; at++) {
    const who = { kioskId: kioskName(at), bootId: benchBoot };
    const token = await signKioskToken(who, privateKey, systemClock.nowMs(), 'kios-broker');
    const kiosk = kiosks[at];
    if (kiosk !== undefined) kiosk.password = token;
  }
}

function openSocket(at: number): Socket {
  const where = { host: target.hostname, port: Number(target.port) };
  const localAddress = `127.0.0.${2 + (at % addresses)}`;
  const socket = connect({ ...where, localAddress, noDelay: true });
  return secure === undefined
    ? socket
    : connectTls({ socket, host: target.hostname, secureContext: secure });
}

/** One try. True: it is connected, subscribed, and its status is acknowledged. */
function tryOnce(at: number, kiosk: Simulated): Promise<boolean> {
  const socket = openSocket(at);
  kiosk.socket = socket;
  const kioskId = kioskName(at);
  const topics = kioskTopics(kioskId);
  return new Promise((resolve) => {
    const limit = setTimeout(() => socket.destroy(), connectTimeoutMs);
    const settle = (up: boolean): void => {
      clearTimeout(limit);
      kiosk.up = up;
      resolve(up);
    };
    let rest: Buffer = Buffer.alloc(0);
    socket.once(secure === undefined ? 'connect' : 'secureConnect', () => {
      const will = { topic: topics.status, payload: status(false) };
      socket.write(connectFrame({ kioskId, password: kiosk.password, will, keepaliveS }));
    });
    const steps: Partial<Record<Heard['kind'], (heard: Heard) => void>> = {
      connack: (heard) => {
        if (heard.kind === 'connack' && heard.code !== 0) socket.destroy();
        else socket.write(subscribeFrame(1, [topics.sale, topics.command]));
      },
      suback: (heard) => {
        if (heard.kind === 'suback' && heard.refused) socket.destroy();
        else socket.write(publishFrame(2, topics.status, status(true), true));
      },
      puback: () => {
        if (!kiosk.up) settle(true);
      },
      publish: (heard) => {
        if (heard.kind === 'publish') takeVerdict(at, socket, heard);
      },
    };
    socket.on('data', (bytes: Buffer) => {
      const read = readFrames(rest.length === 0 ? bytes : Buffer.concat([rest, bytes]));
      rest = read.rest;
      for (const heard of read.heard) steps[heard.kind]?.(heard);
    });
    socket.on('error', () => undefined); // 'close' follows.
    socket.once('close', () => {
      settle(false);
    });
  });
}

function takeVerdict(at: number, socket: Socket, heard: Heard & { kind: 'publish' }): void {
  const atMs = systemClock.monotonicMs();
  socket.write(pubackFrame(heard.packetId));
  const { saleId, verdict, seq, ledgerId } = JSON.parse(heard.payload) as Record<string, unknown>;
  const ack = JSON.stringify({ ledgerId, upTo: seq });
  socket.write(publishFrame(3, kioskTopics(kioskName(at)).ack, ack));
  if (at === watched) process.send?.({ told: { saleId, verdict, atMs } });
}

/** Brings one kiosk back, however often it takes. */
async function bringBack(at: number, untilMs: number): Promise<number> {
  const kiosk = kiosks[at];
  if (kiosk === undefined) return 0;
  for (let tries = 1; systemClock.monotonicMs() < untilMs; tries++) {
    if (await tryOnce(at, kiosk)) return tries;
    await wait(systemClock, backoffMs(reconnect, tries, random()));
  }
  return 0;
}

/** All from `from` to `to` that are not up, each at its own moment within `spreadMs`. */
async function storm(command: CrowdCommand & { do: 'connect' }): Promise<CrowdAnswer> {
  const { from, to, spreadMs, limitMs } = command;
  await preparePasswords(from, to);
  const sinceMs = systemClock.monotonicMs();
  let lastMs = 0;
  const tries = await Promise.all(
    kiosks.slice(from, to).map(async (kiosk, index) => {
      if (kiosk.up) return 1;
      await wait(systemClock, random() * spreadMs);
      const count = await bringBack(from + index, sinceMs + limitMs);
      lastMs = systemClock.monotonicMs() - sinceMs;
      return count;
    }),
  );
  const up = kiosks.slice(from, to).filter((kiosk) => kiosk.up).length;
  return { tookMs: lastMs, up, tries: tries.reduce((sum, count) => sum + count, 0) };
}

async function drop(from: number, to: number): Promise<CrowdAnswer> {
  for (const kiosk of kiosks.slice(from, to)) kiosk.socket?.destroy();
  await wait(systemClock, 0);
  return { tookMs: 0, up: kiosks.filter((kiosk) => kiosk.up).length, tries: 0 };
}

async function obey(command: CrowdCommand): Promise<CrowdAnswer> {
  switch (command.do) {
    case 'connect':
      return storm(command);
    case 'drop':
      return drop(command.from, command.to);
    case 'watch':
      watched = command.kiosk;
      return { tookMs: 0, up: 0, tries: 0 };
  }
}

process.on('message', (command: CrowdCommand) => {
  void obey(command).then((answer) => process.send?.({ answer }));
});
readyChild({ up: true });
