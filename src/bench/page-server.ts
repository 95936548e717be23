// The bench's page on loopback: shows the virtual devices, passes keys, scans and the wallet's words on. Decides nothing.
import type { AddressInfo } from 'node:net';
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Frame, Key } from '../../drivers/device.ts';
import { paperPng, type Sheet } from '../../drivers/printer/simulator.ts';
import type { SwitchName, VirtualDevices } from './devices.ts';
import { refusal, securityHeaders } from './guard.ts';
import { DemoRefusal, products } from './options.ts';
import type { BenchState } from './page/state.ts';
import { pageFiles } from './page-files.ts';
import { askTwin, walletActions } from './wallet.ts';

export interface BenchPage {
  url: string;
  /** The kiosk is up. */
  opened(): void;
  close(): Promise<void>;
}

export interface BenchPageOptions {
  /** 0 takes a free one. */
  port: number;
  devices: VirtualDevices;
  twinPort: number;
}

/** Slips in the tray; the oldest is thrown away. */
const maxPapers = 12;
const maxBodyBytes = 16 * 1024;
/** A browser that does not read is cut off; it comes back by itself. */
const maxEventBacklog = 256 * 1024;

const switchNames = [
  'paper-out',
  'printer-unplugged',
  'display-unplugged',
  'dispenser-jam',
] as const;

const keys = [
  ...['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '00', '000'],
  ...['enter', 'backspace', 'clear', 'cancel', 'language'],
] as [Key, ...Key[]];
const keyBody = z.strictObject({ key: z.enum(keys) });
const scanBody = z.strictObject({ text: z.string().regex(/^[\x20-\x7e]{1,64}$/) });
const switchBody = z.strictObject({ name: z.enum(switchNames), on: z.boolean() });
const walletBody = z.strictObject({
  qrString: z.string().min(1).max(512),
  late: z.boolean().optional(),
});

/** Serves until `close`. @throws DemoRefusal when the port cannot be had */
export async function servePage(options: BenchPageOptions): Promise<BenchPage> {
  const { devices, twinPort } = options;
  const tray = new Tray(devices);
  const app = fastify({ bodyLimit: maxBodyBytes, forceCloseConnections: true });
  app.addHook('onRequest', async (request, reply) => {
    const { method, headers } = request;
    const { port } = app.server.address() as AddressInfo;
    const why = refusal({ method, host: headers.host, origin: headers.origin }, port);
    void reply.headers(securityHeaders);
    if (why !== undefined) await reply.code(403).send({ detail: why });
  });
  app.setErrorHandler(async (error, _request, reply) => {
    const bad =
      error instanceof z.ZodError || (error as { statusCode?: number }).statusCode === 400;
    await reply.code(bad ? 400 : 502).send({ detail: bad ? 'bad request' : 'Tidak ada jawaban.' });
  });
  shownRoutes(app, tray, devices);
  handRoutes(app, devices, twinPort);
  try {
    await app.listen({ host: '127.0.0.1', port: options.port });
  } catch (error) {
    tray.close();
    const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
    const why = taken ? 'is in use; take another, or leave --port out' : 'cannot be had';
    throw new DemoRefusal(`--port: port ${options.port} ${why}`, error);
  }
  const { port } = app.server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    opened: () => {
      tray.open();
    },
    close: async () => {
      tray.close();
      await app.close();
    },
  };
}

/** What can be looked at. */
function shownRoutes(app: FastifyInstance, tray: Tray, devices: VirtualDevices): void {
  for (const [path, { type, body }] of pageFiles()) {
    app.get(path, (_request, reply) => reply.type(type).send(body));
  }
  app.get('/screen', (_request, reply) => {
    const frame = devices.frame();
    return frame === undefined ? reply.code(204).send() : sendFrame(reply, frame);
  });
  app.get<{ Params: { n: string } }>('/paper/:n', async (request, reply) => {
    const sheet = tray.sheet(Number(request.params.n));
    if (sheet === undefined) return reply.code(404).send();
    return reply.type('image/png').send(await paperPng(sheet));
  });
  app.get('/events', (_request, reply) => {
    reply.hijack();
    const { raw } = reply;
    raw.writeHead(200, { ...securityHeaders, 'content-type': 'text/event-stream' });
    const send = (state: BenchState): void => {
      if (raw.writableLength > maxEventBacklog) raw.destroy();
      else raw.write(`data: ${JSON.stringify(state)}\n\n`);
    };
    const end = tray.follow(send);
    raw.on('error', () => undefined); // `close` follows.
    raw.on('close', end);
  });
}

/** What a hand can do, at the kiosk and on the phone. */
function handRoutes(app: FastifyInstance, devices: VirtualDevices, twinPort: number): void {
  app.post('/keys', async (request, reply) => {
    const taken = devices.press(keyBody.parse(request.body).key);
    return reply.code(taken ? 204 : 409).send();
  });
  app.post('/scans', async (request, reply) => {
    const taken = devices.scan(scanBody.parse(request.body).text);
    return reply.code(taken ? 204 : 409).send();
  });
  app.post('/switches', async (request, reply) => {
    const { name, on } = switchBody.parse(request.body);
    await devices.turn(name, on);
    return reply.code(204).send();
  });
  for (const action of walletActions) {
    app.post(`/wallet/${action}`, async (request, reply) => {
      const { status, json } = await askTwin(twinPort, action, walletBody.parse(request.body));
      return reply.code(status).send(json);
    });
  }
}

/** Raw RGB565, little endian, as the kiosk sent it; the page turns it into what its canvas takes. */
function sendFrame(reply: FastifyReply, frame: Frame): FastifyReply {
  const { width, height, pixels } = frame;
  const bytes = Buffer.from(pixels.buffer, pixels.byteOffset, pixels.byteLength);
  return reply
    .headers({ 'x-width': String(width), 'x-height': String(height) })
    .type('application/octet-stream')
    .send(bytes);
}

/** What came out so far, and who is looking. */
class Tray {
  readonly #devices: VirtualDevices;
  readonly #followers = new Set<(state: BenchState) => void>();
  readonly #sheets = new Map<number, Sheet>();
  readonly #unwatch: () => void;
  #stage: BenchState['stage'] = 'starting';
  #frames = 0;
  #papers = 0;
  #pulses = 0;

  constructor(devices: VirtualDevices) {
    this.#devices = devices;
    this.#unwatch = devices.watch((happening) => {
      if (happening.kind === 'frame') this.#frames += 1;
      else if (happening.kind === 'pulse') this.#pulses += 1;
      else if (happening.kind === 'paper') this.#keep(happening.sheet);
      this.#tell();
    });
  }

  sheet(number: number): Sheet | undefined {
    return this.#sheets.get(number);
  }

  open(): void {
    this.#stage = 'open';
    this.#tell();
  }

  follow(follower: (state: BenchState) => void): () => void {
    this.#followers.add(follower);
    follower(this.#state());
    return () => this.#followers.delete(follower);
  }

  close(): void {
    this.#unwatch();
    this.#followers.clear();
  }

  #keep(sheet: Sheet): void {
    this.#papers += 1;
    this.#sheets.set(this.#papers, sheet);
    this.#sheets.delete(this.#papers - maxPapers);
  }

  #tell(): void {
    const state = this.#state();
    for (const follower of this.#followers) follower(state);
  }

  #state(): BenchState {
    const switched = (name: SwitchName): boolean | null => this.#devices.switched(name) ?? null;
    return {
      stage: this.#stage,
      frame: this.#devices.frame() === undefined ? null : this.#frames,
      papers: [...this.#sheets.keys()].toReversed(),
      pulses: this.#pulses,
      switches: Object.fromEntries(switchNames.map((name) => [name, switched(name)])),
      products: products.map(({ barcode, name, priceIdr }) => ({ barcode, name, priceIdr })),
    };
  }
}
