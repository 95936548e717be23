// Versions of packages that must never be locked again: those in which somebody had put his own code, and those below the
// one that mended a hole which matters here. A list by hand, from public advisories: it knows nothing that is newer.

/** Published with foreign code in them; the registry has taken most of them back, a mirror may not have. */
export const poisoned: Readonly<Record<string, readonly string[]>> = {
  // 2018
  'eslint-config-eslint': ['5.0.2'],
  'eslint-scope': ['3.7.2'],
  'event-stream': ['3.3.6'],
  'flatmap-stream': ['0.1.1'],
  // 2021 and 2022
  coa: ['2.0.3', '2.0.4', '2.1.1', '2.1.3', '3.0.1', '3.1.3'],
  colors: ['1.4.1', '1.4.2', '1.4.44-liberty-2'],
  faker: ['6.6.6'],
  'node-ipc': ['9.2.2', '10.1.1', '10.1.2', '11.0.0', '11.1.0'],
  rc: ['1.2.9', '1.3.9', '2.3.9'],
  'ua-parser-js': ['0.7.29', '0.8.0', '1.0.0'],
  // 2025
  '@ctrl/tinycolor': ['4.1.1', '4.1.2'],
  '@pkgr/core': ['0.2.8'],
  'ansi-regex': ['6.2.1'],
  'ansi-styles': ['6.2.2'],
  backslash: ['0.2.1'],
  chalk: ['5.6.1'],
  'chalk-template': ['1.1.1'],
  color: ['5.0.1'],
  'color-convert': ['3.1.1'],
  'color-name': ['2.0.1'],
  'color-string': ['2.1.1'],
  debug: ['4.4.2'],
  'error-ex': ['1.3.3'],
  'eslint-config-prettier': ['8.10.1', '9.1.1', '10.1.6', '10.1.7'],
  'eslint-plugin-prettier': ['4.2.2', '4.2.3'],
  'has-ansi': ['6.0.1'],
  is: ['3.3.1', '5.0.0'],
  'is-arrayish': ['0.3.3'],
  'napi-postinstall': ['0.3.1'],
  'simple-swizzle': ['0.2.3'],
  'slice-ansi': ['7.1.1'],
  'strip-ansi': ['7.1.1'],
  'supports-color': ['10.2.1'],
  'supports-hyperlinks': ['4.1.1'],
  synckit: ['0.11.9'],
  'wrap-ansi': ['9.0.1'],
};

/** The first version without the hole. Where several lines were mended, that of the oldest line that we would take. */
export const mendedIn: Readonly<Record<string, { version: string; hole: string }>> = {
  axios: { version: '1.12.0', hole: 'CVE-2025-58754' },
  'body-parser': { version: '2.2.1', hole: 'CVE-2025-13466' },
  cookie: { version: '0.7.0', hole: 'CVE-2024-47764' },
  'cross-spawn': { version: '7.0.5', hole: 'CVE-2024-21538' },
  esbuild: { version: '0.25.0', hole: 'GHSA-67mh-4wv8-2f99' },
  fastify: { version: '5.3.2', hole: 'CVE-2025-32442' },
  'find-my-way': { version: '9.0.1', hole: 'CVE-2024-45813' },
  'form-data': { version: '4.0.4', hole: 'CVE-2025-7783' },
  lodash: { version: '4.17.21', hole: 'CVE-2021-23337' },
  minimist: { version: '1.2.6', hole: 'CVE-2021-44906' },
  'path-to-regexp': { version: '8.0.0', hole: 'CVE-2024-45296' },
  qs: { version: '6.14.1', hole: 'CVE-2025-15284' },
  semver: { version: '7.5.2', hole: 'CVE-2022-25883' },
  sharp: { version: '0.32.6', hole: 'CVE-2023-4863' },
  undici: { version: '7.5.0', hole: 'CVE-2025-47279' },
  ws: { version: '8.17.1', hole: 'CVE-2024-37890' },
};
