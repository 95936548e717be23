// scripts/test as an adding machine: the last line is the sum of all checks and suites, and failures are never lost.
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeSandbox, run, type Result, type Sandbox } from './sandbox.ts';

let box: Sandbox;

/** A vitest that reports these counts for every suite and ends with this status. */
function vitest(
  counts: { passed: number; failed: number; skipped: number },
  status: number,
): string {
  const report = JSON.stringify({
    numPassedTests: counts.passed,
    numFailedTests: counts.failed,
    numPendingTests: counts.skipped,
    numTodoTests: 0,
  });
  return `last=\${!#}; echo '${report}' >"\${last#*=}"; exit ${status}`;
}

function tool(name: string, script: string): void {
  box.program(name, script);
  renameSync(join(box.bin, name), join(box.project, 'node_modules/.bin', name));
}

beforeEach(() => {
  box = makeSandbox(['scripts', '.ci', 'package-lock.json']);
  const packages = join(box.project, 'node_modules');
  mkdirSync(join(packages, '.bin'), { recursive: true });
  const lock = execFileSync('sha256sum', [join(box.project, 'package-lock.json')], {
    encoding: 'utf8',
  });
  const machine = execFileSync('uname', ['-m'], { encoding: 'utf8' });
  writeFileSync(join(packages, '.kios-installed'), `${lock.slice(0, 64)} ${machine}`);
  for (const name of ['mktemp', 'timeout'])
    symlinkSync(join('/usr/bin', name), join(box.bin, name));
  symlinkSync(process.execPath, join(packages, '.bin/node'));
  box.program('dpkg-query', 'echo -n installed');
  box.program('shellcheck', 'exit 0');
  for (const name of ['tsc', 'eslint', 'prettier']) tool(name, 'exit 0');
});

afterEach(() => {
  box.remove();
});

const runTests = async (): Promise<Result> =>
  run(join(box.project, '.ci/run'), [], { path: box.bin });
const lastLine = ({ stdout }: Result): string => stdout.split('\n').at(-2) ?? '';

test('four checks and five suites are added up', async () => {
  tool('vitest', vitest({ passed: 10, failed: 0, skipped: 0 }, 0));
  const result = await runTests();
  expect(lastLine(result)).toBe('54 passed, 0 failed');
  expect(result.status).toBe(0);
});

test('skipped tests are shown', async () => {
  tool('vitest', vitest({ passed: 1, failed: 0, skipped: 2 }, 0));
  expect(lastLine(await runTests())).toBe('9 passed, 0 failed, 10 skipped');
});

test('a failed test fails the run', async () => {
  tool('vitest', vitest({ passed: 9, failed: 1, skipped: 0 }, 1));
  const result = await runTests();
  expect(lastLine(result)).toBe('49 passed, 5 failed');
  expect(result.status).toBe(1);
});

test('a suite that fails outside of its tests counts as a failure', async () => {
  tool('vitest', vitest({ passed: 9, failed: 0, skipped: 0 }, 1));
  const result = await runTests();
  expect(lastLine(result)).toBe('49 passed, 5 failed');
  expect(result.status).toBe(1);
});

test('a suite that leaves no report counts as a failure', async () => {
  tool('vitest', 'exit 139');
  expect(lastLine(await runTests())).toBe('4 passed, 5 failed');
});

test.each(['tsc', 'eslint', 'prettier'])('%s alone can fail the run', async (name) => {
  tool('vitest', vitest({ passed: 1, failed: 0, skipped: 0 }, 0));
  tool(name, 'exit 1');
  const result = await runTests();
  expect(lastLine(result)).toBe('8 passed, 1 failed');
  expect(result.status).toBe(1);
});

test("the page's own types are a part of the check", async () => {
  tool('vitest', vitest({ passed: 1, failed: 0, skipped: 0 }, 0));
  tool('tsc', '[[ $* != *src/bench/page* ]]');
  expect(lastLine(await runTests())).toBe('8 passed, 1 failed');
});

test('shellcheck sees every script, and can fail the run', async () => {
  tool('vitest', vitest({ passed: 1, failed: 0, skipped: 0 }, 0));
  box.program('shellcheck', 'echo "checked: $*"; exit 1');
  const result = await runTests();
  expect(result.stdout).toContain(
    'scripts/bundle scripts/card scripts/demo scripts/install scripts/kios scripts/provision.sh scripts/run-release scripts/sbom scripts/test scripts/unprovision.sh .ci/run',
  );
  expect(lastLine(result)).toBe('8 passed, 1 failed');
});
