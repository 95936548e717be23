// Makes a few files of the whole program: a slow card opens them instead of a thousand, and a kiosk loads nothing of relay
// and twin. Needs esbuild, which only a checkout has; the native packages stay outside.
import { mkdir, readFile, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { OnLoadArgs, OnLoadResult, Plugin } from 'esbuild';

/** The program's first file in a release; what each command adds lies beside it. */
export const programFile = 'kios.mjs';
/**
 * Where a checkout has its entry: units and `scripts/kios` know one place. A release has a link there to its first file,
 * because Node would load what strips types for any file of that name, 17 MB.
 */
export const entryFile = 'src/cli/kios.ts';

/** Loaded from node_modules: native parts, what finds its files by its own place, and what only a checkout has. */
const outside = ['node-hid', 'usb', 'sharp', '@serialport/bindings-cpp', 'pg-native', 'esbuild'];
// CommonJS packages ask for Node's own modules by `require`, which a module does not have.
const banner = `const require = process.getBuiltinModule('node:module').createRequire(import.meta.url);`;

/** What packages load and kios never uses, with what stands in its place. */
const unused: readonly { file: RegExp; contents: string }[] = [
  // zod's messages in forty languages.
  { file: /\/zod\/v4\/locales\/index\.js$/, contents: `export { default as en } from './en.js';` },
  // pino's threads, for logs that go elsewhere than to standard output or a file.
  { file: /\/thread-stream\/index\.js$/, contents: 'module.exports = class {};' },
];

/** Bundles the program of `source` (a tree with its node_modules) into `release`. The same tree gives the same bytes. */
export async function bundleProgram(source: string, release: string): Promise<void> {
  const esbuild = await import('esbuild');
  await esbuild.build({
    absWorkingDir: source,
    entryPoints: [{ in: entryFile, out: 'kios' }],
    outdir: release,
    outExtension: { '.js': '.mjs' },
    // All in one folder: each finds the files of the release from where it is.
    chunkNames: 'kios-[hash]',
    bundle: true,
    splitting: true,
    // Two thirds of the text, which stays in memory; names stay as they are, for the log.
    minifyWhitespace: true,
    minifySyntax: true,
    lineLimit: 200,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    external: outside,
    banner: { js: banner },
    legalComments: 'linked',
    logLevel: 'error',
    plugins: [ownPlaces(source), withoutUnused, requiredBuiltins],
  });
  await mkdir(dirname(join(release, entryFile)), { recursive: true });
  await symlink(join('../..', programFile), join(release, entryFile));
}

function ownPlaces(source: string): Plugin {
  return {
    name: 'own places',
    setup: (build) => {
      build.onLoad({ filter: /\.ts$/ }, async (file) => withOwnPlace(source, file));
    },
  };
}

/**
 * Node's own modules by `require`: an import reads every export, and one of `node:http` is a getter that loads Node's whole
 * `fetch`, 40 ms and 5 MB.
 */
const requiredBuiltins: Plugin = {
  name: 'required builtins',
  setup: (build) => {
    build.onResolve({ filter: /^node:/ }, ({ path, kind }) =>
      kind === 'import-statement' ? { path, namespace: 'builtin' } : { path, external: true },
    );
    build.onLoad({ filter: /^/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)});`,
    }));
  },
};

const withoutUnused: Plugin = {
  name: 'without what is unused',
  setup: (build) => {
    for (const { file, contents } of unused) {
      build.onLoad({ filter: file }, ({ path }) => ({ contents, resolveDir: dirname(path) }));
    }
  },
};

/** A file of ours finds fonts and pages beside itself: in the release they lie where they lie in the checkout. */
async function withOwnPlace(source: string, { path }: OnLoadArgs): Promise<OnLoadResult> {
  const text = await readFile(path, 'utf8');
  const place = JSON.stringify(`./${relative(source, path)}`);
  return {
    contents: text.replaceAll('import.meta.url', `new URL(${place}, import.meta.url).href`),
    loader: 'ts',
  };
}
