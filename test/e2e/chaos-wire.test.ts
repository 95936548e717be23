// The line that the chaos tests cut: what is sent in a cut arrives after it, a refused line breaks, a slow one is only slow.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { afterEach, expect, test } from 'vitest';
import { openWire, type Wire } from './chaos-wire.ts';

let wire: Wire | undefined;
let server: Server | undefined;
afterEach(async () => {
  await wire?.end();
  server?.close();
});

/** A door to a server that sends back each line that it gets. */
async function echoDoor(own: boolean): Promise<{ wire: Wire; port: number }> {
  const echo = createServer((socket) => socket.on('error', () => undefined).pipe(socket));
  server = echo;
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
  wire = openWire(own);
  return { wire, port: await wire.door((echo.address() as AddressInfo).port) };
}

async function line(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

async function heard(socket: Socket): Promise<string> {
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  return bytes.toString();
}

async function closed(socket: Socket): Promise<void> {
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => {
    socket.once('close', () => {
      resolve();
    });
  });
}

test('what is sent in a cut arrives when it heals', async () => {
  const { wire: cut, port } = await echoDoor(false);
  const socket = await line(port);
  socket.write('before');
  expect(await heard(socket)).toBe('before');
  cut.strike({ kind: 'cut' });
  let early = '';
  socket.on('data', (bytes) => (early += bytes.toString()));
  socket.write('within');
  // Another line goes the same way, and is as silent: nothing passes while it is cut.
  const other = await line(port);
  other.write('as well');
  expect(early).toBe('');
  cut.heal();
  expect(await heard(other)).toBe('as well');
  socket.destroy();
  other.destroy();
});

test('a refused line breaks, and a new one is not taken until it heals', async () => {
  const { wire: refusing, port } = await echoDoor(false);
  const socket = await line(port);
  const broken = closed(socket);
  refusing.strike({ kind: 'refuse' });
  await broken;
  await closed(connect(port, '127.0.0.1'));
  refusing.heal();
  const healed = await line(port);
  healed.write('again');
  expect(await heard(healed)).toBe('again');
  healed.destroy();
});

test('a slow line loses nothing and keeps the order', async () => {
  const { wire: slow, port } = await echoDoor(false);
  slow.strike({ kind: 'slow', slowMs: 5 });
  const socket = await line(port);
  const all = 'abcdefgh';
  for (const letter of Array.from(all)) socket.write(letter);
  let came = '';
  while (came.length < all.length) came += await heard(socket);
  expect(came).toBe(all);
  socket.destroy();
});

const mayMake = canMake();
test.skipIf(!mayMake)(
  'in a network namespace of its own the kiosk has no other way, and its link goes down',
  async () => {
    const { wire: own, port } = await echoDoor(true);
    expect(own.means).toBe('network namespace');
    const [command = '', ...args] = [
      ...own.through,
      process.execPath,
      ...['-e', talker, own.host, String(port), String((server?.address() as AddressInfo).port)],
    ];
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    expect((await lines.next()).value).toBe('no other way');
    child.stdin.write('before\n');
    expect((await lines.next()).value).toBe('before');
    own.strike({ kind: 'cut' });
    child.stdin.write('within\n');
    own.heal();
    expect((await lines.next()).value).toBe('within');
    child.kill('SIGKILL');
    await once(child, 'exit');
  },
);
if (!mayMake) test.skip('a network namespace: this user or this kernel does not let us make one');

/** Says whether our loopback is out of its reach, then passes on what it is told. */
const talker = `
const { connect } = require('node:net');
const [host, port, hidden] = process.argv.slice(1);
connect(Number(hidden), '127.0.0.1')
  .on('connect', () => console.log('another way'))
  .on('error', () => {
    console.log('no other way');
    const line = connect(Number(port), host);
    process.stdin.pipe(line);
    line.pipe(process.stdout);
  });
`;

function canMake(): boolean {
  const tried = openWire();
  void tried.end();
  return tried.means === 'network namespace';
}
