// Displays by their address: the contract on the page's simulator and on a framebuffer made of files, and the page's faults.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { createDisplay } from '../../drivers/display/display.ts';
import { encodeGeometry } from '../../drivers/display/page-codec.ts';
import { createDisplaySimulator } from '../../drivers/display/simulator.ts';
import type { Frame } from '../../drivers/device.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { plugFramebuffer, readFramebuffer, unplugFramebuffer } from './display-fake-fb.ts';
import { eventually, hastyClock } from './display-frames.ts';
import { stripes, testDisplay, type DisplayRig } from './display.contract.ts';

const never = new AbortController().signal;
const geometry = { width: 64, height: 40, widthMm: 30 };

async function pageRig(where: 'unix' | 'tcp'): Promise<DisplayRig> {
  const folder = await mkdtemp(join(tmpdir(), 'kios-display-'));
  const listen = where === 'unix' ? { path: join(folder, 'screen') } : { port: 0 };
  const simulator = await createDisplaySimulator({ listen, geometry });
  return {
    make: () => createDisplay({ at: simulator.at, clock: systemClock }),
    geometry,
    shown: (expected) => eventually(async () => Promise.resolve(simulator.frame()), expected),
    unplug: () => simulator.unplug(),
    plug: () => simulator.plug(),
    dispose: async () => {
      await simulator.unplug();
      await rm(folder, { recursive: true });
    },
  };
}

/** A framebuffer as far as files go: memory in `fb0`, the panel's shape in `sys/fb0`. */
async function framebufferRig(): Promise<DisplayRig> {
  const folder = await mkdtemp(join(tmpdir(), 'kios-display-'));
  const node = join(folder, 'fb0');
  const shape = { width: 64, height: 40, stride: 160, bitsPerPixel: 16 } as const;
  const plug = async (): Promise<void> => plugFramebuffer(folder, shape);
  await plug();
  return {
    make: () =>
      createDisplay({
        at: `fb:${node}`,
        clock: hastyClock,
        sysfsRoot: join(folder, 'sys'),
        panelWidthMm: 30,
      }),
    geometry,
    shown: async (expected) =>
      eventually(
        async (): Promise<Frame> => readFramebuffer(await readFile(node), shape),
        expected,
      ),
    unplug: async () => unplugFramebuffer(folder),
    plug,
    dispose: async () => rm(folder, { recursive: true }),
  };
}

testDisplay('the page over a unix socket', () => pageRig('unix'));
testDisplay('the page over TCP', () => pageRig('tcp'));
testDisplay('the framebuffer', framebufferRig);

const device = process.env['KIOS_TEST_DISPLAY'];
describe.skipIf(device === undefined)('the display named in KIOS_TEST_DISPLAY', () => {
  test('opens, shows two frames and closes', async () => {
    const display = createDisplay({ at: device ?? '', clock: systemClock });
    await display.open(never);
    await display.show(stripes(display.geometry, 1));
    await display.show(stripes(display.geometry, 2));
    await display.close();
    expect(await display.closed).toBeUndefined();
  });
});

describe('the page', () => {
  const undo: (() => Promise<void> | void)[] = [];
  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step();
  });

  async function listener(onConnect: (socket: Socket) => void): Promise<string> {
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined);
      onConnect(socket);
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    undo.push(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return `page:tcp:127.0.0.1:${address.port}`;
  }

  test('only the rows that changed come over the line', async () => {
    const simulator = await createDisplaySimulator({ listen: { port: 0 }, geometry });
    undo.push(() => simulator.unplug());
    const display = createDisplay({ at: simulator.at, clock: systemClock });
    await display.open(never);
    const first = stripes(geometry, 1);
    await display.show(first);
    await display.show(first);
    const second = { ...first, pixels: first.pixels.slice() };
    second.pixels[10 * 64] = 0;
    second.pixels[12 * 64] = 0;
    await display.show(second);
    await eventually(async () => Promise.resolve(simulator.frame()), second);
    expect(simulator.receivedPixels).toBe(64 * 40 + 64 * 3);
    await display.close();
  });

  test('becoming another size closes the display, so that it is opened anew', async () => {
    const simulator = await createDisplaySimulator({ listen: { port: 0 }, geometry });
    undo.push(() => simulator.unplug());
    const display = createDisplay({ at: simulator.at, clock: systemClock });
    await display.open(never);
    simulator.resize({ width: 32, height: 20 });
    expect(await display.closed).toMatchObject({ kind: 'disconnected' });
    const next = createDisplay({ at: simulator.at, clock: systemClock });
    await next.open(never);
    expect(next.geometry).toEqual({ width: 32, height: 20 });
    await next.close();
  });

  test('one that talks nonsense is refused', async () => {
    const at = await listener((socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const display = createDisplay({ at, clock: systemClock });
    await expect(display.open(never)).rejects.toMatchObject({ kind: 'protocol' });
  });

  test('one that says nothing is given up', async () => {
    const at = await listener(() => undefined);
    const display = createDisplay({ at, clock: hastyClock });
    await expect(display.open(never)).rejects.toMatchObject({ kind: 'timeout' });
  });

  test('one that takes no picture any more is given up, so that it is opened anew', async () => {
    const wide = { width: 4096, height: 4096 }; // More than the kernel holds for it.
    const at = await listener((socket) => {
      socket.write(encodeGeometry(wide));
      socket.pause();
    });
    const display = createDisplay({ at, clock: hastyClock });
    await display.open(never);
    const outcome = display.show(stripes(wide, 1));
    await expect(outcome).rejects.toMatchObject({ kind: 'timeout' });
    expect(await display.closed).toMatchObject({ kind: 'timeout' });
    expect(display.health()).toMatchObject({ state: 'down', fault: 'timeout' });
  });

  test('opening is called off while the page says nothing', async () => {
    const at = await listener(() => undefined);
    const display = createDisplay({ at, clock: systemClock });
    const stop = new AbortController();
    const opening = display.open(stop.signal);
    setTimeout(() => {
      stop.abort();
    }, 20);
    await expect(opening).rejects.toMatchObject({ kind: 'canceled' });
  });

  test('a kiosk that sends nonsense loses the simulator, which counts it', async () => {
    const simulator = await createDisplaySimulator({ listen: { port: 0 }, geometry });
    undo.push(() => simulator.unplug());
    const socket = connect(Number(simulator.at.split(':').at(-1)), '127.0.0.1');
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('data', () => undefined);
    socket.write('KF01 is not enough');
    await closed;
    expect(simulator.faults).toBe(1);
  });
});

test.each(['', 'fb:', 'fb:fb0', 'hdmi', 'page:', 'page:serial:/dev/ttyS0', 'terminal:1'])(
  'the address "%s" is refused with the forms that are understood',
  (at) => {
    expect(() => createDisplay({ at, clock: systemClock })).toThrow(/fb:\/dev\/fb0/);
  },
);

test('a framebuffer that is not there is not found', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kios-display-'));
  const display = createDisplay({ at: `fb:${join(folder, 'fb7')}`, clock: systemClock });
  await expect(display.open(never)).rejects.toMatchObject({ kind: 'not-found' });
  await writeFile(join(folder, 'fb7'), '');
  const shapeless = createDisplay({
    at: `fb:${join(folder, 'fb7')}`,
    clock: systemClock,
    sysfsRoot: join(folder, 'sys'),
  });
  await expect(shapeless.open(never)).rejects.toMatchObject({ kind: 'not-found' });
  await rm(folder, { recursive: true });
});
