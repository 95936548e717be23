// A systemd that listens: in place of systemd-notify a program that writes down what it was told.
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface NotifyStandIn {
  /** What systemd gives to a unit with a watchdog. */
  readonly env: Readonly<Record<string, string>>;
  /** How often the watchdog was fed. */
  readonly fed: () => number;
  readonly remove: () => void;
}

/** @param watchdogMs WatchdogSec of the unit, in milliseconds */
export function standInForNotify(watchdogMs: number): NotifyStandIn {
  const folder = mkdtempSync(join(tmpdir(), 'kios-notify-'));
  const [program, said] = [join(folder, 'systemd-notify'), join(folder, 'said')];
  writeFileSync(program, `#!/bin/sh\necho "$*" >>${said}\n`);
  chmodSync(program, 0o755);
  return {
    env: {
      PATH: `${folder}:${process.env['PATH'] ?? ''}`,
      NOTIFY_SOCKET: join(folder, 'socket'),
      WATCHDOG_USEC: String(watchdogMs * 1000),
    },
    fed: () => {
      const words = existsSync(said) ? readFileSync(said, 'utf8') : '';
      return words.match(/^WATCHDOG=1$/gm)?.length ?? 0;
    },
    remove: () => {
      rmSync(folder, { recursive: true });
    },
  };
}
