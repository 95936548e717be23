// The tests' hand inside of a guest: runs commands, puts and gets files, over a virtio-serial port, so that it outlives
// every cut of the network. Its types are stripped when the image is built; it imports nothing but Node.
import { spawn } from 'node:child_process';
import {
  createReadStream,
  mkdirSync,
  openSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { Answer, Ask } from './agent-words.ts';

const port = openSync('/dev/virtio-ports/rig.agent', 'r+');
/** Output of a command beyond this is cut off. */
const maxOutputChars = 8 * 1024 * 1024;
/** A command's children may hold its pipes for ever; what it said itself arrives within this. */
const drainMs = 20;

function answer(message: Answer): void {
  const bytes = Buffer.from(`${JSON.stringify(message)}\n`);
  let at = 0;
  while (at < bytes.length) {
    try {
      at += writeSync(port, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
}

function run(id: number, command: string, stdin: string, limitMs: number): void {
  const child = spawn('/bin/bash', ['-c', command], {
    detached: true,
    env: { ...process.env, HOME: '/', LC_ALL: 'C.UTF-8' },
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (bytes: Buffer) => {
    if (out.length < maxOutputChars) out += bytes.toString();
  });
  child.stderr.on('data', (bytes: Buffer) => {
    if (err.length < maxOutputChars) err += bytes.toString();
  });
  const limit = setTimeout(() => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    err += `\nended after ${limitMs} ms\n`;
  }, limitMs);
  child.on('exit', (code) => {
    clearTimeout(limit);
    setTimeout(() => {
      answer({ id, ran: { code: code ?? 128, out, err } });
    }, drainMs);
  });
  child.stdin.on('error', () => undefined); // It may not want to hear all of it.
  child.stdin.end(stdin);
}

function take(ask: Ask): void {
  if ('run' in ask) run(ask.id, ask.run, ask.stdin ?? '', ask.limitMs);
  else if ('put' in ask) {
    mkdirSync(dirname(ask.put), { recursive: true });
    writeFileSync(ask.put, Buffer.from(ask.base64, 'base64'), { mode: ask.mode });
    answer({ id: ask.id, done: true });
  } else if ('get' in ask) {
    answer({ id: ask.id, base64: readFileSync(ask.get).toString('base64') });
  } else answer({ id: ask.id, done: true });
}

answer({ hello: true });
let rest = '';
createReadStream('', { fd: port, autoClose: false, encoding: 'utf8' }).on('data', (chunk) => {
  const lines = (rest + chunk.toString()).split('\n');
  rest = lines.pop() ?? '';
  for (const line of lines.filter((one) => one !== '')) {
    const ask = JSON.parse(line) as Ask;
    try {
      take(ask);
    } catch (error) {
      answer({ id: ask.id, failed: String(error) });
    }
  }
});
