// The kiosk as one file, with and without V8's code cache, made in a folder of the bench's own. It measures nothing.
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** What is started in place of `src/cli/kios.ts`. */
export interface Bundle {
  plain: string;
  cached: string;
}

const root = new URL('../../', import.meta.url);
/** Native code stays where npm has put it. */
const external = ['sharp', 'node-hid', 'serialport'];

const entry = `
import { Command } from 'commander';
import { kioskCommand } from './src/cli/kiosk.ts';
void new Command('kios').addCommand(kioskCommand()).parseAsync();
`;

/**
 * Runs the bundle through one script, whose compiled code lies beside it; with KIOS_WRITE_CACHE it is written at the end,
 * with all functions that were compiled until then.
 */
const loader = `
const { readFileSync, writeFileSync } = require('node:fs');
const { Script, constants } = require('node:vm');
const [file, cacheFile] = [__dirname + '/kiosk.cjs', __dirname + '/kiosk.cache'];
const source = '(function(exports,require,module,__filename,__dirname){' + readFileSync(file, 'utf8') + '\\n})';
const writing = process.env.KIOS_WRITE_CACHE !== undefined;
const script = new Script(source, {
  filename: file,
  cachedData: writing ? undefined : readFileSync(cacheFile),
  importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
});
if (script.cachedDataRejected) throw new Error('the code cache is of another V8');
if (writing) process.on('exit', () => writeFileSync(cacheFile, script.createCachedData()));
script.runInThisContext()(exports, require, module, file, __dirname);
`;

const placeOf = (name: string): string => createRequire(root).resolve(name);

/** Undefined: there is no esbuild here. */
export async function bundleKiosk(folder: string): Promise<Bundle | undefined> {
  const esbuild = await import('esbuild').catch(() => undefined);
  if (esbuild === undefined) return undefined;
  const plain = join(folder, 'kiosk.cjs');
  await esbuild.build({
    ...{ bundle: true, platform: 'node', format: 'cjs', target: 'node24', minify: false },
    stdin: { contents: entry, resolveDir: fileURLToPath(root), loader: 'ts' },
    outfile: plain,
    logLevel: 'error',
    alias: Object.fromEntries(external.map((name) => [name, placeOf(name)])),
    external: external.map(placeOf),
    plugins: [
      {
        name: 'places',
        setup(build) {
          // Files beside a module are found from where the module was.
          build.onLoad({ filter: /\.ts$/ }, async ({ path }) => ({
            contents: (await readFile(path, 'utf8')).replaceAll(
              'import.meta.url',
              JSON.stringify(pathToFileURL(path).href),
            ),
            loader: 'ts',
          }));
        },
      },
    ],
  });
  const cached = join(folder, 'cached.cjs');
  await writeFile(cached, loader);
  return { plain, cached };
}

/** Runs the cached bundle once until `ready` says so, and keeps what was compiled. */
export async function warmCache(
  { cached }: Bundle,
  args: readonly string[],
  ready: (line: string) => boolean,
): Promise<void> {
  const child = spawn(process.execPath, [cached, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, KIOS_WRITE_CACHE: '1' },
  });
  const ended = once(child, 'exit');
  let asked = false;
  createInterface({ input: child.stdout }).on('line', (line) => {
    // Once: a second signal would end it without a word, and without its cache.
    if (!asked && ready(line)) asked = child.kill('SIGTERM');
  });
  await ended;
}
