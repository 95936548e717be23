// A run with a machine of its own and no device: what is shown and noted is there to be looked at.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Scene } from '../../drivers/display/scene.ts';
import { kioskConfig } from '../../src/kiosk/config.ts';
import { hold } from '../../src/kiosk/holding.ts';
import { openRun, type Run } from '../../src/kiosk/selling.ts';
import { silentLog } from '../../src/lib/log.ts';
import { VirtualClock } from '../lib/virtual-clock.ts';
import { Machine } from './machine.ts';
import { identityFor } from './signer.ts';

export interface StillRun {
  run: Run;
  machine: Machine;
  clock: VirtualClock;
  /** Every scene that the screen was given. */
  shown: Scene[];
  close(): void;
}

export async function openStillRun(): Promise<StillRun> {
  const folder = mkdtempSync(join(tmpdir(), 'kios-still-'));
  const clock = new VirtualClock();
  const devices = { keypad: { at: 'terminal' }, display: { at: 'terminal' } };
  const config = kioskConfig.parse({ stateDir: folder, language: 'en', ...devices });
  const options = { config, clock, log: silentLog, random: () => 0, version: '0.1.0' };
  const identity = identityFor('https://relay.example');
  const holding = await hold(options, identity, { bootId: 'boot-1', serial: undefined });
  const machine = new Machine();
  const shown: Scene[] = [];
  const screen: Run['screen'] = {
    show: (scene) => shown.push(scene),
    use: () => undefined,
    idle: () => Promise.resolve(),
  };
  const kiosk: NonNullable<Run['kiosk']> = {
    state: () => machine.state,
    journalOwesMs: () => undefined,
    post: (event) => Promise.resolve(void machine.take(event)),
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
  };
  const run: Run = { ...openRun(options, holding), rules: machine.rules, screen, kiosk };
  return {
    ...{ run, machine, clock, shown },
    close: () => {
      run.stopping.abort();
      holding.release();
      rmSync(folder, { recursive: true });
    },
  };
}
