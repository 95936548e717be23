// Runs libgpiod's tools and hands back what they say. It must never leave one running behind.
import { spawn, type ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DeviceError } from '../device.ts';
import { chipsOf, parseToolVersion, persistSwitch, type GpioPlace } from './gpio-tools.ts';
import type { ToolVersion } from './gpio-tools.ts';

/** They answer in milliseconds; a Pi under load in a second. */
const answerTimeoutMs = 5000;

/** More than any of them ever says. */
const maxOutputChars = 16 * 1024;

/** For tests: the tools and the kernel's files are elsewhere. */
export interface ToolPlaces {
  /** Where programs are looked for, as in PATH. */
  path?: string | undefined;
  /** `/sys/module` */
  modules?: string | undefined;
}

export interface Ended {
  /** Undefined: it did not start. */
  status: number | string | undefined;
  output: string;
}

/** Starts a tool, killed after `timeoutMs`. Its end is in the `ended` that comes with it, and never rejects. */
export function startTool(
  name: string,
  args: readonly string[],
  { path = process.env['PATH'] }: ToolPlaces = {},
  timeoutMs?: number,
): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(name, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: path, LC_ALL: 'C' },
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  });
  let output = '';
  const hear = (chunk: Buffer): void => {
    output = (output + chunk.toString('latin1')).slice(-maxOutputChars);
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  const ended = new Promise<Ended>((resolve) => {
    child.on('error', (error) => {
      resolve({ status: undefined, output: error.message });
    });
    child.on('close', (code, signal) => {
      resolve({ status: signal ?? code ?? undefined, output });
    });
  });
  return { child, ended };
}

/** Which generation is installed, and the chip's name today. @throws DeviceError */
export async function findChip(
  { label }: GpioPlace,
  places: ToolPlaces = {},
): Promise<{ version: ToolVersion; chip: string }> {
  const version = parseToolVersion(await answerOf('gpioset', ['--version'], places));
  if (version === undefined) {
    throw new DeviceError('protocol', 'gpioset is of no known version (libgpiod 1.x or 2.x)');
  }
  const detected = await answerOf('gpiodetect', [], places);
  const [chip, ...more] = chipsOf(detected, label);
  if (chip === undefined || more.length > 0) {
    throw new DeviceError(
      'not-found',
      `${more.length === 0 ? 'no GPIO chip has' : 'more than one GPIO chip has'} the label ${label}; gpiodetect lists them`,
    );
  }
  return { version, chip };
}

/**
 * A killed process releases its lines. Where they would keep their level then, the motor would run on.
 * @param isTried by the operator, who says that this chip's released lines go off; a Pi's kernel says that itself
 * @throws DeviceError `hardware` with the line that mends it
 */
export async function checkRelease(
  { label }: GpioPlace,
  isTried: boolean,
  places: ToolPlaces = {},
): Promise<void> {
  const module = persistSwitch(label);
  if (module === undefined) {
    if (isTried) return;
    throw new DeviceError(
      'hardware',
      `whether ${label} lets go of a released output is not known: take led: or a relay board, or try it and write releases=1 (docs/wiring.md)`,
    );
  }
  const { modules = '/sys/module' } = places;
  const file = join(modules, module, 'parameters/persist_gpio_outputs');
  const persists = await readFile(file, 'utf8').catch(() => 'not there');
  if (persists.trim() === 'N') return;
  throw new DeviceError(
    'hardware',
    `${label} keeps a released output on (${file}: ${persists.trim()}); add dtparam=strict_gpiod to config.txt, or use led: (docs/wiring.md)`,
  );
}

/** @throws DeviceError */
async function answerOf(name: string, args: string[], places: ToolPlaces): Promise<string> {
  const { status, output } = await startTool(name, args, places, answerTimeoutMs).ended;
  if (status === 0) return output;
  if (status === undefined) {
    throw new DeviceError('not-found', `${name} is not installed: apt install gpiod`);
  }
  throw new DeviceError('busy', `${name} failed: ${output.trim().slice(0, 200)}`);
}
