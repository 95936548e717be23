// How esbuild reads the program's files for a release: where each finds what lies beside it, what is left out, and how Node's
// own modules are loaded. No text of ours is changed but for its own place.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, relative } from 'node:path';
import type { OnLoadArgs, OnLoadResult, Plugin } from 'esbuild';

/** A file of a package, and what stands in its place. */
interface Instead {
  file: RegExp;
  contents: string;
}

/** What packages load and kios never uses. */
export const unusedAnywhere: readonly Instead[] = [
  // zod's messages in forty languages.
  { file: /\/zod\/v4\/locales\/index\.js$/, contents: `export { default as en } from './en.js';` },
  // pino's threads, for logs that go elsewhere than to standard output or a file.
  { file: /\/thread-stream\/index\.js$/, contents: 'module.exports = class {};' },
];

/** What the kiosk's packages load and a kiosk never uses: it opens its broker's line itself (src/kiosk/broker-line.ts). */
export const unusedByKiosk: readonly Instead[] = [
  // mqtt.js' WebSockets, proxies and browsers.
  { file: /\/mqtt\/build\/lib\/connect\/index\.js$/, contents: 'module.exports = {};' },
  { file: /\/worker-timers\/build\/.+\.js$/, contents: 'module.exports = {};' },
  // A copy of Node's streams, for browsers and older Nodes.
  {
    file: /\/readable-stream\/lib\/ours\/index\.js$/,
    contents: `module.exports = require('node:stream');`,
  },
  // What packages say when DEBUG asks for it.
  {
    file: /\/debug\/src\/index\.js$/,
    contents: 'module.exports = () => Object.assign(() => {}, { enabled: false });',
  },
];

export function inPlaceOf(unused: readonly Instead[]): Plugin {
  return {
    name: 'in place of what is unused',
    setup: (build) => {
      for (const { file, contents } of unused) {
        build.onLoad({ filter: file }, ({ path }) => ({ contents, resolveDir: dirname(path) }));
      }
    },
  };
}

export function ownPlaces(source: string): Plugin {
  return {
    name: 'own places',
    setup: (build) => {
      build.onLoad({ filter: /\.ts$/ }, async (file) => withOwnPlace(source, file));
    },
  };
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

/**
 * Node's own modules by `require`: an import reads every export, and one of `node:http` is a getter that loads Node's whole
 * `fetch`, 40 ms and 5 MB.
 */
export const requiredBuiltins: Plugin = {
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

/** These of Node's own modules are loaded when something of them is used: some kiosks never use them. */
export function builtinsWhenUsed(names: readonly string[]): Plugin {
  const load = createRequire(import.meta.url);
  return {
    name: 'builtins when they are used',
    setup: (build) => {
      build.onResolve({ filter: /^node:/ }, ({ path, kind }) =>
        kind === 'import-statement' && names.includes(path)
          ? { path, namespace: 'late' }
          : { path, external: true },
      );
      build.onLoad({ filter: /^/, namespace: 'late' }, ({ path }) => {
        const module = `require(${JSON.stringify(path)})`;
        const getters = Object.keys(load(path) as object).map(
          (name) => `get ${name}() { return ${module}.${name}; }`,
        );
        return { contents: `module.exports = { ${getters.join(', ')} };` };
      });
    },
  };
}
