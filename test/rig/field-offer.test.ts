// The hurry of a kiosk that is offered a release, without a guest: else only a run of half an hour would miss it.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { hurryProgram } from './field-offer.ts';

const clock = join(import.meta.dirname, '../../src/lib/clock.ts');
/** An hour to wait for, five seconds in a hurry, on a busy machine. */
const limitMs = 60_000;

test(
  'in a hurry our clock, which is never early, waits seconds for an hour, and knows the time behind it',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'kios-hurry-'));
    onTestFinished(() => {
      rmSync(folder, { recursive: true, force: true });
    });
    const hurry = join(folder, 'hurry.mjs');
    writeFileSync(hurry, hurryProgram);
    const waiting = `
      import { systemClock, wait } from ${JSON.stringify(clock)};
      const beganMs = systemClock.monotonicMs();
      await wait(systemClock, 3_600_000);
      const tookMs = systemClock.monotonicMs() - beganMs;
      console.log(tookMs < 3_600_000 ? 'seconds' : 'an hour');`;
    const words = [`--import=${hurry}`, '--input-type=module', '--eval', waiting];
    const { stdout } = spawnSync(process.execPath, words, { timeout: limitMs, encoding: 'utf8' });
    expect(stdout).toBe('seconds\n');
  },
  2 * limitMs,
);
