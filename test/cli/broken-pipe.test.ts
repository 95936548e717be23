// Whoever reads what a command says may go away, as `head` does: the work goes on, and its end is told by the exit status.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { readFile } from 'node:fs/promises';
import { createScannerSimulator } from '../../drivers/scanner/simulator.ts';
import { kiosk } from './doctor-world.ts';

const kios = fileURLToPath(new URL('../../src/cli/kios.ts', import.meta.url));

/** Runs it; its output is closed as soon as it has said something, or before. */
async function unheard(
  args: readonly string[],
  onSaid?: () => void,
): Promise<{ code: number | null; error: string }> {
  const child = spawn(process.execPath, [kios, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let error = '';
  child.stderr.on('data', (piece: Buffer) => (error += piece.toString()));
  if (onSaid === undefined) child.stdout.destroy();
  else {
    child.stdout.once('data', () => {
      child.stdout.destroy();
      onSaid();
    });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, error };
}

test.each([true, false])(
  'kios doctor: its findings decide the status (heard first: %s)',
  async (heard) => {
    const machine = await kiosk();
    const args = ['doctor', '--alone', '--config', machine.config];
    const ran = await unheard(args, heard ? () => undefined : undefined);
    expect(ran).toEqual({ code: 2, error: '' });
  },
);

test('kios devices', async () => {
  const { code, error } = await unheard(['devices']);
  expect(error).toBe('');
  expect(code).not.toBeNull();
});

test('kios learn scanner writes what it has learnt', async () => {
  const scanner = await createScannerSimulator({ tcp: true });
  onTestFinished(() => scanner.unplug());
  const machine = await kiosk({ scanner: { at: 'serial:/dev/nothing' } });
  const args = ['learn', 'scanner', '--config', machine.config, '--at', scanner.at];
  let scanning: NodeJS.Timeout | undefined;
  onTestFinished(() => {
    clearInterval(scanning);
  });
  // Nobody hears when it asks for the next one: the person scans until it is over.
  const ran = await unheard(args, () => {
    scanning = setInterval(() => scanner.scan({ text: '8992761136116' }), 1000);
  });
  expect(ran).toEqual({ code: 0, error: '' });
  expect(await readFile(machine.config, 'utf8')).toContain(scanner.at);
});

test('what goes wrong is the exit status, also where nobody reads why', async () => {
  const child = spawn(process.execPath, [kios, 'test', 'keypad', '--config', '/nowhere'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stderr.destroy();
  const [code] = (await once(child, 'close')) as [number | null];
  expect(code).toBe(2);
});
