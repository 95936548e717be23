// Makes a few files of the whole program: a slow card opens them instead of a thousand, and the kiosk is one of its own, with
// nothing in it that a kiosk does not use. Needs esbuild, which only a checkout has; the native packages stay outside.
import { mkdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { BuildOptions } from 'esbuild';
import {
  builtinsWhenUsed,
  inPlaceOf,
  ownPlaces,
  requiredBuiltins,
  unusedAnywhere,
  unusedByKiosk,
} from './bundle-plugins.ts';
import { commandsFile, kioskFile, programFile } from './release-files.ts';

/**
 * Where a checkout has its entry: units and `scripts/kios` know one place. A release has a link there to its first file,
 * because Node would load what strips types for any file of that name, 17 MB.
 */
export const entryFile = 'src/cli/kios.ts';

/** Loaded from node_modules: native parts, what finds its files by its own place, and what only a checkout has. */
const outside = ['node-hid', 'usb', 'sharp', '@serialport/bindings-cpp', 'pg-native', 'esbuild'];

const always: BuildOptions = {
  bundle: true,
  // Two thirds of the text, which stays in memory; names stay as they are, for the log.
  minifyWhitespace: true,
  minifySyntax: true,
  lineLimit: 200,
  platform: 'node',
  target: 'node24',
  external: outside,
  legalComments: 'linked',
  logLevel: 'error',
};

/** Bundles the program of `source` (a tree with its node_modules) into `release`. The same tree gives the same bytes. */
export async function bundleProgram(source: string, release: string): Promise<void> {
  const { build } = await import('esbuild');
  const here = { ...always, absWorkingDir: source, outdir: release };
  await build({ ...here, ...everyCommand(source) });
  await build({ ...here, ...theKiosk(source) });
  await build({ ...here, ...theStart });
  await mkdir(dirname(join(release, entryFile)), { recursive: true });
  await symlink(join('../..', programFile), join(release, entryFile));
}

function everyCommand(source: string): BuildOptions {
  return {
    ...output(entryFile, commandsFile),
    format: 'esm',
    // All in one folder: each finds the files of the release from where it is.
    chunkNames: 'kios-[hash]',
    splitting: true,
    // CommonJS packages ask for Node's own modules by `require`, which a module does not have.
    banner: {
      js: `const require = process.getBuiltinModule('node:module').createRequire(import.meta.url);`,
    },
    plugins: [ownPlaces(source), inPlaceOf(unusedAnywhere), requiredBuiltins],
  };
}

/** One function for src/cli/compiled.ts, and not modules: V8 keeps code of a script, and Node's loader is not asked. */
function theKiosk(source: string): BuildOptions {
  return {
    ...output('src/cli/kiosk-only.ts', kioskFile),
    format: 'cjs',
    banner: {
      js: `(function (require, __filename) {const ownUrl = require('node:url').pathToFileURL(__filename).href;`,
    },
    footer: { js: '})' },
    define: { 'import.meta.url': 'ownUrl' },
    // Of packages outside: `require` finds them, and a script has no other way.
    supported: { 'dynamic-import': false },
    plugins: [
      ownPlaces(source),
      inPlaceOf([...unusedAnywhere, ...unusedByKiosk]),
      builtinsWhenUsed(['node:child_process', 'node:readline']),
    ],
  };
}

const theStart: BuildOptions = {
  ...output('src/cli/start.ts', programFile),
  format: 'cjs',
  define: { 'import.meta.dirname': '__dirname' },
};

function output(entry: string, file: string): BuildOptions {
  const [, out = '', extension = ''] = /^(.+)(\.\w+)$/.exec(file) ?? [];
  return { entryPoints: [{ in: entry, out }], outExtension: { '.js': extension } };
}
