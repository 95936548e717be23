// The kiosk as it is released, in a folder of the bench's own, with the compiled code that its first start leaves. It
// measures nothing.
import { existsSync } from 'node:fs';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { bundleProgram, entryFile } from '../../src/field/bundle-program.ts';
import { systemClock, wait } from '../../src/lib/clock.ts';
import { unitEnvironment } from '../e2e/unit-environment.ts';

/** What is started in place of `src/cli/kios.ts`. */
export interface Bundle {
  entry: string;
  /** Of a start with compiled code, and of one without. */
  cached: NodeJS.ProcessEnv;
  plain: NodeJS.ProcessEnv;
  /** Where the compiled code is kept. */
  codeFile: string;
}

const root = fileURLToPath(new URL('../../', import.meta.url));
/** A release has these beside its program. */
const beside = ['node_modules', 'package.json', 'config', 'drivers'];

/** Undefined: there is no esbuild here. */
export async function bundleKiosk(folder: string): Promise<Bundle | undefined> {
  const esbuild = await import('esbuild').catch(() => undefined);
  if (esbuild === undefined) return undefined;
  const release = join(folder, 'release');
  await bundleProgram(root, release);
  for (const name of beside) await symlink(join(root, name), join(release, name));
  const plain = await unitEnvironment();
  const codeFile = join(folder, 'kiosk.code');
  const cached = { ...plain, KIOS_CODE: codeFile };
  return { entry: join(release, entryFile), plain, cached, codeFile };
}

const lookEveryMs = 200;
/** Some times what a start waits before it keeps its code. */
const patienceMs = 60_000;

/** Runs the kiosk until it has kept its compiled code. */
export async function warmCode(bundle: Bundle, args: readonly string[]): Promise<void> {
  const { entry, cached, codeFile } = bundle;
  const child = spawn(process.execPath, [entry, ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ...cached },
  });
  const ended = once(child, 'exit');
  const untilMs = systemClock.monotonicMs() + patienceMs;
  while (!existsSync(codeFile) && child.exitCode === null && systemClock.monotonicMs() < untilMs) {
    await wait(systemClock, lookEveryMs);
  }
  child.kill('SIGTERM');
  await ended;
  if (!existsSync(codeFile)) throw new Error('the kiosk kept no compiled code');
}
