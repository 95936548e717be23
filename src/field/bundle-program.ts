// Makes one file of the whole program: a slow card opens one file instead of a thousand. Needs esbuild, which only a
// checkout has; the native packages stay outside of it.
import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { OnLoadArgs, OnLoadResult } from 'esbuild';

/** The program's file in a release. */
export const programFile = 'kios.mjs';
/** Where a checkout has its entry, and so a release: units and `scripts/kios` know one place. */
export const entryFile = 'src/cli/kios.ts';
export const entryText = `// The whole program is in one file.\nimport '../../${programFile}';\n`;

/** Loaded from node_modules: native parts, what finds its files by its own place, and what only a checkout has. */
const outside = ['node-hid', 'sharp', '@serialport/bindings-cpp', 'pg-native', 'esbuild'];
// CommonJS packages ask for Node's own modules by `require`, which a module does not have.
const banner = `import { createRequire as requireFrom } from 'node:module';
const require = requireFrom(import.meta.url);`;

/** Bundles the program of `source` (a tree with its node_modules) into `release`. The same tree gives the same bytes. */
export async function bundleProgram(source: string, release: string): Promise<void> {
  const esbuild = await import('esbuild');
  await esbuild.build({
    absWorkingDir: source,
    entryPoints: [entryFile],
    outfile: join(release, programFile),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    external: outside,
    banner: { js: banner },
    legalComments: 'linked',
    logLevel: 'error',
    plugins: [
      {
        name: 'own places',
        setup: (build) => {
          build.onLoad({ filter: /\.ts$/ }, async (file) => withOwnPlace(source, file));
        },
      },
    ],
  });
}

/** A file of ours finds fonts and pages beside itself: in the release they lie where they lie in the checkout. */
async function withOwnPlace(source: string, { path }: OnLoadArgs): Promise<OnLoadResult> {
  const text = await readFile(path, 'utf8');
  const place = JSON.stringify(`./${relative(source, path)}`);
  return {
    contents: text.replaceAll('import.meta.url', `new URL(${place}, import.meta.url).href`),
    loader: 'ts',
  };
}
