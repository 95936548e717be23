// The kiosk's compiled code: what is run is always the file that is there, whatever lies where its code is kept.
import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { runCompiled } from '../../src/cli/compiled.ts';

let folder: string;
let file: string;
let codeFile: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kios-compiled-'));
  [file, codeFile] = [join(folder, 'program.cjs'), join(folder, 'program.code')];
  write('first');
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** A program that says a word where the test hears it. */
function write(word: string): void {
  const said = JSON.stringify(join(folder, 'said'));
  writeFileSync(
    file,
    `(function (require, name) { require('node:fs').writeFileSync(${said}, '${word} ' + name); })`,
  );
}

const said = (): string => readFileSync(join(folder, 'said'), 'utf8');

/** @returns whether it ran kept code */
async function start(): Promise<boolean> {
  const isKept = runCompiled(file, codeFile, 0);
  if (!isKept)
    await vi.waitFor(() => {
      expect(readFileSync(codeFile).length).toBeGreaterThan(32);
    });
  return isKept;
}

test('the first start leaves its code to the second', async () => {
  expect(await start()).toBe(false);
  rmSync(join(folder, 'said'));
  expect(await start()).toBe(true);
  expect(said()).toBe(`first ${file}`);
});

test('without a place for it no code is kept', () => {
  expect(runCompiled(file)).toBe(false);
  expect(said()).toBe(`first ${file}`);
  expect(existsSync(codeFile)).toBe(false);
});

test('another program of the same length is not run as the one before', async () => {
  await start();
  write('other');
  expect(await start()).toBe(false);
  expect(said()).toBe(`other ${file}`);
});

test('a single changed bit of the code is seen, and good code takes its place', async () => {
  await start();
  const good = readFileSync(codeFile);
  const bad = Buffer.from(good);
  bad[bad.length - 9] = (bad[bad.length - 9] ?? 0) ^ 1;
  writeFileSync(codeFile, bad);
  expect(runCompiled(file, codeFile, 0)).toBe(false);
  await vi.waitFor(() => {
    expect(readFileSync(codeFile).equals(bad)).toBe(false);
  });
});

test('code that the power cut short is not run', async () => {
  await start();
  writeFileSync(codeFile, readFileSync(codeFile).subarray(0, 40));
  expect(await start()).toBe(false);
});

test.runIf(process.getuid?.() === 0)('what another user left is not run', async () => {
  await start();
  chownSync(codeFile, 65_534, 65_534);
  expect(await start()).toBe(false);
});

test('a place that takes nothing costs nothing but time', async () => {
  expect(runCompiled(file, join(folder, 'missing', 'program.code'), 0)).toBe(false);
  await new Promise((resolve) => setTimeout(resolve, 0));
  expect(said()).toBe(`first ${file}`);
});
