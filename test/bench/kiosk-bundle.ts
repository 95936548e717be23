// The kiosk as it is released, in a folder of the bench's own, with V8's compiled code as provisioning makes it. It measures
// nothing.
import { readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { bundleProgram, entryFile } from '../../src/field/bundle-program.ts';

/** What is started in place of `src/cli/kios.ts`. */
export interface Bundle {
  entry: string;
  /** Of a start with compiled code, and of one without. */
  cached: NodeJS.ProcessEnv;
  plain: NodeJS.ProcessEnv;
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
  const cached = { ...plain, NODE_COMPILE_CACHE: join(folder, 'code') };
  return { entry: join(release, entryFile), plain, cached };
}

/** What the kiosk's unit gives its process and this machine can take: memory limits, no places of its own. */
async function unitEnvironment(): Promise<NodeJS.ProcessEnv> {
  const unit = await readFile(join(root, 'systemd/kios.service'), 'utf8');
  const settings = [...unit.matchAll(/^Environment=(NODE_OPTIONS|MALLOC_ARENA_MAX)=(.+)$/gm)];
  return Object.fromEntries(settings.map(([, name = '', value]) => [name, value]));
}

/** Runs the kiosk once until `ready` says so: Node keeps what it compiled. */
export async function warmCache(
  { entry, cached }: Bundle,
  args: readonly string[],
  ready: (line: string) => boolean,
): Promise<void> {
  const child = spawn(process.execPath, [entry, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...cached },
  });
  const ended = once(child, 'exit');
  let asked = false;
  createInterface({ input: child.stdout }).on('line', (line) => {
    // Once: a second signal would end it without a word, and without its cache.
    if (!asked && ready(line)) asked = child.kill('SIGTERM');
  });
  await ended;
}
