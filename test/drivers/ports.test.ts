// Byte ports: addresses, and what a line says when it cannot be opened, dies or is closed. Real sockets and a real pty.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DeviceError } from '../../drivers/device.ts';
import { openError, openPort, parsePortAddress, type BytePort } from '../../drivers/ports.ts';
import { serialOptions } from '../../drivers/serial-line.ts';

let folder: string;
let cleanups: (() => unknown)[];
const never = new AbortController().signal;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kios-ports-'));
  cleanups = [];
});
afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
  await rm(folder, { recursive: true });
});

async function listen(where: { path: string } | { port: 0 }): Promise<Server> {
  const server = createServer();
  server.listen('path' in where ? where : { ...where, host: '127.0.0.1' });
  await once(server, 'listening');
  cleanups.push(() => server.close());
  return server;
}

async function openTo(server: Server): Promise<{ port: BytePort; far: Socket; got: Buffer[] }> {
  const got: Buffer[] = [];
  const accepted = once(server, 'connection');
  const at = server.address();
  const address = typeof at === 'string' ? `unix:${at}` : `tcp:127.0.0.1:${at?.port ?? 0}`;
  const port = await openPort(
    parsePortAddress(address),
    (bytes) => got.push(Buffer.from(bytes)),
    never,
  );
  cleanups.push(() => port.close());
  const [far] = (await accepted) as [Socket];
  far.on('error', () => undefined); // A reset is how a line ends on which we wrote.
  cleanups.push(() => far.destroy());
  return { port, far, got };
}

async function refusal(promise: Promise<unknown>): Promise<DeviceError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof DeviceError)) throw new Error('it opened', { cause: error });
  return error;
}

test('a serial line has its flow control, is locked, and lets no DTR fall when it is closed', () => {
  const line = { path: '/dev/ttyS0', baudRate: 19_200, rtscts: true };
  expect(serialOptions(line)).toMatchObject({ ...line, xon: false, lock: true, hupcl: false });
  const soft = serialOptions({ ...line, rtscts: false, xonxoff: true });
  expect(soft).toMatchObject({ rtscts: false, xon: true, xoff: true });
});

describe('addresses', () => {
  test.each([
    ['tcp:10.0.0.9:9100', { kind: 'tcp', host: '10.0.0.9', port: 9100 }],
    ['tcp:[::1]:4001', { kind: 'tcp', host: '::1', port: 4001 }],
    [
      'serial:/dev/ttyS0?rtscts=0&xonxoff=1',
      { kind: 'serial', path: '/dev/ttyS0', baudRate: 9600, rtscts: false, xonxoff: true },
    ],
    ['unix:/run/kios/pad', { kind: 'unix', path: '/run/kios/pad' }],
    ['serial:/dev/ttyS0', { kind: 'serial', path: '/dev/ttyS0', baudRate: 9600, rtscts: false }],
    [
      'serial:/dev/serial/by-path/x:1.0?baudRate=115200&rtscts=1',
      { kind: 'serial', path: '/dev/serial/by-path/x:1.0', baudRate: 115_200, rtscts: true },
    ],
  ])('%s', (text, address) => {
    expect(parsePortAddress(text)).toEqual(address);
  });

  test('a host without a port is one only where the caller knows the port: a board is no printer', () => {
    const printer = { kind: 'tcp', host: 'printer.local', port: 9100 };
    expect(parsePortAddress('tcp:printer.local', 9100)).toEqual(printer);
    expect(parsePortAddress('tcp:printer.local:4001', 9100)).toEqual({ ...printer, port: 4001 });
    for (const host of ['tcp:board.local', 'tcp:[::1]']) {
      expect(() => parsePortAddress(host)).toThrow(/name its port; write tcp:HOST:PORT/);
    }
  });

  test('a setting of a serial line that is unknown is named, with those that there are', () => {
    expect(() => parsePortAddress('serial:/dev/ttyS0?baud=19200')).toThrow(
      /"baud" is unknown or twice; there are baudRate, rtscts, xonxoff/,
    );
    expect(() => parsePortAddress('serial:/dev/ttyS0?rtscts=true')).toThrow(/rtscts is 0 or 1/);
  });

  test.each([
    '',
    'usb',
    'tcp:',
    'tcp:host:0',
    'tcp:host:65536',
    'tcp:a b:1',
    'unix:relative',
    'serial:ttyS0',
    'serial:/dev/ttyS0?baudRate=',
    'serial:/dev/ttyS0?baudRate=fast',
    'serial:/dev/ttyS0?baudRate=1e9',
    'serial:/dev/ttyS0?baudRate=0x2580',
    'serial:/dev/ttyS0?baud=19200',
    'serial:/dev/ttyS0?baudrate=19200',
    'serial:/dev/ttyS0?baudRate=9600&baudRate=19200',
    'serial:/dev/ttyS0?rtscts=true',
    'serial:/dev/ttyS0?xonxoff=on',
    'serial:/dev/ttyS0?rtscts=',
    'tcp:printer.local?rtscts=1',
  ])('"%s" is refused with the forms that are understood', (text) => {
    expect(() => parsePortAddress(text)).toThrow(
      expect.objectContaining({
        kind: 'not-found',
        message: expect.stringContaining('serial:/dev/PATH?baudRate=9600') as string,
      }),
    );
  });
});

describe.each([
  ['tcp', () => ({ port: 0 }) as const],
  ['unix', () => ({ path: join(folder, 'line') })],
])('an open %s line', (_kind, where) => {
  test('carries bytes both ways', async () => {
    const { port, far, got } = await openTo(await listen(where()));
    const atFar = once(far, 'data');
    await port.write(Uint8Array.of(1, 2, 3));
    expect((await atFar)[0]).toEqual(Buffer.from([1, 2, 3]));
    far.end(Buffer.from('abc'));
    await port.closed;
    expect(Buffer.concat(got).toString()).toBe('abc');
  });

  test('says disconnected when the other side goes, and refuses writes from then on', async () => {
    const { port, far } = await openTo(await listen(where()));
    far.destroy();
    expect(await port.closed).toMatchObject({ kind: 'disconnected' });
    await expect(port.write(Uint8Array.of(1))).rejects.toMatchObject({ kind: 'disconnected' });
  });

  test('says nothing when we close it, and a write then is canceled', async () => {
    const { port } = await openTo(await listen(where()));
    await port.close();
    await port.close();
    expect(await port.closed).toBeUndefined();
    await expect(port.write(Uint8Array.of(1))).rejects.toMatchObject({ kind: 'canceled' });
  });

  test('one that ends while we write is dropped, not delivered', async () => {
    const { port, far, got } = await openTo(await listen(where()));
    far.pause();
    const outcome = refusal(port.write(Buffer.alloc(64 * 1024 * 1024)));
    far.end('x');
    expect(await port.closed).toMatchObject({ kind: 'disconnected' });
    expect((await outcome).kind).toBe('disconnected');
    expect(Buffer.concat(got).toString()).toBe('x');
  });

  test('a write that is under way when we close it is canceled', async () => {
    const { port, far } = await openTo(await listen(where()));
    far.pause();
    const outcome = refusal(port.write(Buffer.alloc(64 * 1024 * 1024)));
    await port.close();
    expect((await outcome).kind).toBe('canceled');
  });
});

test.each([
  ['deliver', undefined],
  ['drop', 'ECONNRESET'],
] as const)('a network line that is closed to %s', async (rest, code) => {
  const { port, far } = await openTo(await listen({ port: 0 }));
  const ended = new Promise<string | undefined>((resolve) => {
    far.on('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code);
    });
    far.on('end', () => {
      resolve(undefined);
    });
  });
  far.pause();
  await port.write(Buffer.alloc(1000));
  await port.close(rest);
  await port.close('deliver'); // The first word on it counts.
  far.resume();
  expect(await ended).toBe(code);
});

describe('a line that does not open', () => {
  const to = (text: string, signal = never, timeoutMs?: number): Promise<DeviceError> =>
    refusal(openPort(parsePortAddress(text), () => undefined, signal, timeoutMs));

  test('a refused connection is not-found, with what to look at', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    expect(await to(`tcp:127.0.0.1:${port}`)).toMatchObject({
      kind: 'not-found',
      message: `127.0.0.1:${port}: nothing answers there; is it switched on and in this network?`,
      retryable: true,
    });
  });

  test('a socket that is not there is not-found', async () => {
    expect(await to(`unix:${folder}/none`)).toMatchObject({
      kind: 'not-found',
      message: `${folder}/none: nothing is there; is it plugged in and switched on?`,
    });
  });

  test('a serial port that is not there is not-found', async () => {
    expect(await to(`serial:${folder}/ttyX`)).toMatchObject({ kind: 'not-found' });
  });

  test('a file that is no serial port is named as such', async () => {
    await writeFile(join(folder, 'file'), '');
    expect(await to(`serial:${folder}/file`)).toMatchObject({
      kind: 'not-found',
      message: expect.stringContaining('no serial port') as string,
    });
  });

  test('one that never answers ends in timeout', async () => {
    const deaf = await deafListener();
    expect(await to(`tcp:127.0.0.1:${deaf}`, never, 200)).toMatchObject({
      kind: 'timeout',
      message: `127.0.0.1:${deaf} did not open within 0.2 s`,
    });
  });

  test('one that is called off while it opens is canceled', async () => {
    const deaf = await deafListener();
    const stop = new AbortController();
    const outcome = to(`tcp:127.0.0.1:${deaf}`, stop.signal);
    stop.abort();
    expect(await outcome).toMatchObject({ kind: 'canceled' });
  });

  test('one that was called off before is canceled without trying', async () => {
    expect(await to(`unix:${folder}/none`, AbortSignal.abort())).toMatchObject({
      kind: 'canceled',
    });
  });

  test.each([
    ['EACCES', 'busy', 'add the user of kios to the group'],
    ['EBUSY', 'busy', 'another program uses it'],
    ['ENODEV', 'not-found', 'is it plugged in'],
    ['EHOSTUNREACH', 'not-found', 'in this network'],
    ['EIO', 'disconnected', 'EIO'],
  ])('%s is %s', (code, kind, sentence) => {
    const error = openError('/dev/x', Object.assign(new Error(`${code}: broken`), { code }));
    expect(error).toMatchObject({ kind, message: expect.stringContaining(sentence) as string });
    expect(error.cause).toBeInstanceOf(Error);
  });
});

describe('a serial line, on a pty', () => {
  test('is given back by close, so that it opens again at once, and dies with its cable', async () => {
    const { near, far, socat } = await ptyPair();
    // A pty whose last reader leaves hangs up; a real line does not. This keeps it up in between.
    const keeper = await open(near, 'r+');
    const address = parsePortAddress(`serial:${near}?baudRate=115200`);
    const first = await openPort(address, () => undefined, never);
    const second = openPort(address, () => undefined, never);
    expect(await refusal(second)).toMatchObject({ kind: 'busy' });
    await first.close();
    expect(await first.closed).toBeUndefined();

    const got = Promise.withResolvers<string>();
    const again = await openPort(
      address,
      (bytes) => {
        got.resolve(Buffer.from(bytes).toString());
      },
      never,
    );
    await keeper.close();
    const cable = await open(far, 'r+');
    await cable.write('x');
    expect(await got.promise).toBe('x');
    await again.write(Buffer.from('yz'));
    expect((await cable.read(Buffer.alloc(2), 0, 2)).buffer.toString()).toBe('yz');
    await cable.close();
    socat.kill();
    expect(await again.closed).toMatchObject({ kind: 'disconnected' });
    await again.close();
  });

  test('says disconnected also when the cable is pulled while bytes are coming', async () => {
    const { near, far, socat } = await ptyPair();
    const port = await openPort(
      parsePortAddress(`serial:${near}`),
      () => {
        // The line hangs up while this turn of the loop runs, so the next read finds it hung up.
        socat.kill('SIGKILL');
        waitUntilDead(socat.pid ?? 0);
      },
      never,
    );
    const cable = await open(far, 'r+');
    cleanups.push(() => cable.close());
    await cable.write('half of a co');
    expect(await port.closed).toMatchObject({ kind: 'disconnected' });
  });

  test('one that is called off while it opens is given back too', async () => {
    const { near } = await ptyPair();
    const keeper = await open(near, 'r+');
    cleanups.push(() => keeper.close());
    const address = parsePortAddress(`serial:${near}`);
    const stop = new AbortController();
    const outcome = refusal(openPort(address, () => undefined, stop.signal));
    stop.abort();
    expect((await outcome).kind).toBe('canceled');
    // The kernel ends the first opening in its own time, so only the second or a later try must succeed.
    let port: BytePort | undefined;
    for (let attempt = 0; attempt < 100 && port === undefined; attempt++) {
      port = await openPort(address, () => undefined, never).catch(() => undefined);
    }
    expect(port).toBeDefined();
    await port?.close();
  });
});

/** Blocks until a process has let go of its files; it is a zombie until we look for its exit. */
function waitUntilDead(pid: number): void {
  for (let look = 0; look < 1_000_000; look++) {
    if (readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')) return;
  }
  throw new Error(`process ${pid} does not die`);
}

/** Two ptys that are joined, as a cable joins two serial ports. */
async function ptyPair(): Promise<{ near: string; far: string; socat: ChildProcess }> {
  const near = join(folder, 'near');
  const far = join(folder, 'far');
  const pty = (link: string): string => `PTY,raw,echo=0,link=${link}`;
  const socat = spawn('socat', ['-d', '-d', pty(near), pty(far)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(socat, 'exit');
  cleanups.push(async () => {
    socat.kill();
    await exited;
  });
  for await (const chunk of socat.stderr) {
    if (String(chunk).includes('starting data transfer loop')) break;
  }
  return { near, far, socat };
}

/** A port whose program listens and never accepts: the kernel's queue is full and a connection hangs. */
async function deafListener(): Promise<number> {
  const program = `
    const server = require('node:net').createServer();
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      require('node:fs').writeSync(1, String(server.address().port));
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  cleanups.push(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const [text] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(text.toString());
  // Linux lets backlog + 1 connections wait to be accepted.
  for (let waiting = 0; waiting < 2; waiting++) {
    const filler = connect(port, '127.0.0.1');
    cleanups.push(() => filler.destroy());
    await once(filler, 'connect');
  }
  return port;
}
