// `kios twin` as a process: one line when it is ready, an end on a signal, faults of the file in words.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { merchant, writtenConfig } from './setting.ts';

const command = new URL('../../src/cli/twin.ts', import.meta.url).href;
const program = `const { twinCommand } = await import(${JSON.stringify(command)});
await twinCommand().parseAsync(process.argv.slice(1), { from: 'user' });`;

function start(...args: string[]): {
  child: ChildProcess;
  firstLine: Promise<string>;
  out: () => string;
} {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, '--', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  const firstLine = new Promise<string>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      if (out.includes('\n')) resolve(out.slice(0, out.indexOf('\n')));
    });
  });
  return { child, firstLine, out: () => out };
}

test.each(['SIGTERM', 'SIGINT'] as const)(
  'it is ready with one line and ends on %s with 0',
  async (signal) => {
    await using written = await writtenConfig();
    const file = join(written.directory, 'twin.yaml');
    const { serverKeyFile } = written.config;
    // JSON is YAML.
    await writeFile(file, JSON.stringify({ serverKeyFile, merchant }));
    const { child, firstLine, out } = start('--config', file);
    const ready = JSON.parse(await firstLine) as { msg: string; httpPort: number };
    expect(ready).toMatchObject({ msg: 'twin.ready', part: 'twin', level: 'info' });
    const page = await fetch(`http://127.0.0.1:${ready.httpPort}/_twin/`);
    expect(page.status).toBe(200);
    child.kill(signal);
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(out().trim().split('\n')).toHaveLength(1);
  },
);

test('a bad file ends it with another code', async () => {
  const { child } = start('--config', '/nonexistent/twin.yaml');
  const [code] = (await once(child, 'exit')) as [number];
  expect(code).not.toBe(0);
});

test('faults of a file wait from the start, on a clock that stands', async () => {
  await using written = await writtenConfig();
  const file = join(written.directory, 'twin.yaml');
  const { serverKeyFile } = written.config;
  const virtualClock = { startAt: '2026-01-01T10:00:00+07:00' };
  await writeFile(file, JSON.stringify({ serverKeyFile, merchant, virtualClock }));
  const faults = join(written.directory, 'faults.yaml');
  await writeFile(
    faults,
    `faults:
  - { on: status, rate: 0.05, seed: 7, do: { kind: body, statusCode: '500' } }
scripts:
  - steps:
      - { on: charge, after: 1, do: { kind: drop-after } }
      - { on: status, times: 2, do: { kind: body, statusCode: '404' } }
      - { act: pay }
`,
  );
  const { child, firstLine } = start('--config', file, '--faults', faults);
  const { httpPort } = JSON.parse(await firstLine) as { httpPort: number };
  const read = async (path: string): Promise<unknown> =>
    (await fetch(`http://127.0.0.1:${httpPort}/_twin/${path}`)).json();
  expect(await read('faults')).toMatchObject({ faults: [{ on: 'status', rate: 0.05 }] });
  expect(await read('scripts')).toMatchObject({ scripts: [{ step: 0 }] });
  expect(await read('clock')).toEqual({ now: '2026-01-01T03:00:00.000Z' });
  child.kill();
  await once(child, 'exit');
});

test('a file of faults that cannot be is told by line and field', async () => {
  await using written = await writtenConfig();
  const file = join(written.directory, 'twin.yaml');
  const { serverKeyFile } = written.config;
  await writeFile(file, JSON.stringify({ serverKeyFile, merchant }));
  const faults = join(written.directory, 'faults.yaml');
  await writeFile(faults, 'faults:\n  - { on: charge, do: { kind: explode } }\n');
  const { child } = start('--config', file, '--faults', faults);
  let told = '';
  child.stderr?.on('data', (chunk: Buffer) => (told += chunk.toString()));
  const [code] = (await once(child, 'exit')) as [number];
  expect(code).not.toBe(0);
  expect(told).toContain('faults.0.do.kind');
});
