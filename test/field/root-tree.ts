// A folder tree that stands for a provisioned kiosk, with releases that are small programs, and stand-ins for the system's
// tools that write down how they were called.
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeSums } from '../../src/field/bundle-archive.ts';
import type { Updating } from '../../src/field/update.ts';
import { updateStatus } from '../../src/field/update-status.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { placesOf, type RootPlaces } from '../../src/field/root-places.ts';
import { rootTasks, type HealthReport } from '../../src/protocol/root-request.ts';

export interface RootTree {
  path: string;
  places: RootPlaces;
  /** A PATH whose programs are stand-ins first. */
  tools: string;
  releaseKey: KeyObject;
  /** How the system's tools were called, a line each. */
  calls(): string[];
  /** A stand-in that does something else. */
  tool(name: string, script: string): void;
  report(health: Partial<HealthReport>): void;
  request(task: string, body: unknown, name?: string): void;
  remove(): void;
}

/** @param onData the releases are on the data partition */
export function makeRootTree(onData = false): RootTree {
  const path = mkdtempSync(join(tmpdir(), 'kios-root-'));
  const at = (name: string): string => join(path, name);
  const folders = ['etc/kios', 'run/kios', 'var/lib/kios', 'opt/kios/releases', 'tools', 'sys'];
  for (const folder of folders) mkdirSync(at(folder), { recursive: true });
  for (const task of [...rootTasks, 'answers'])
    mkdirSync(at(`run/kios-ask/${task}`), { recursive: true });
  if (onData) {
    mkdirSync(at('srv/kios/root'), { recursive: true });
    mkdirSync(at('srv/kios/releases'));
    symlinkSync('/srv/kios/root', at('var/lib/kios-root'));
  } else {
    mkdirSync(at('var/lib/kios-root'));
  }
  makeRelease(at('opt/kios/releases/1.0.0-base'), '1.0.0');
  symlinkSync('releases/1.0.0-base', at('opt/kios/current'));
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  writeFileSync(at('etc/kios/release.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
  const tree: RootTree = {
    path,
    places: placesOf(path),
    tools: `${at('tools')}:${process.env['PATH'] ?? ''}`,
    releaseKey: privateKey,
    calls: () =>
      existsSync(at('calls')) ? readFileSync(at('calls'), 'utf8').trimEnd().split('\n') : [],
    tool(name, script) {
      writeFileSync(at(`tools/${name}`), `#!/bin/bash\n${script}\n`);
      chmodSync(at(`tools/${name}`), 0o755);
    },
    report(health) {
      const whole = { release: '', version: '1.0.0', atMs: 0, idle: true, parts: {}, ...health };
      writeFileSync(at('run/kios/health.json'), JSON.stringify(whole));
    },
    request(task, body, name = 'request.json') {
      writeFileSync(
        at(`run/kios-ask/${task}/${name}`),
        body === undefined ? 'no JSON' : JSON.stringify(body),
      );
    },
    remove: () => {
      rmSync(path, { recursive: true, force: true });
    },
  };
  for (const name of ['systemctl', 'date', 'nmcli', 'udevadm', 'loginctl', 'sync']) {
    tree.tool(name, `echo "${name} $*" >>${at('calls')}`);
  }
  // The user kios is not there, and needs not be: what it is asked to run is.
  tree.tool('setpriv', 'while [[ $1 != -- ]]; do shift; done; shift; exec "$@"');
  return tree;
}

/** Root's part of an update, where time passes at once and what runs says that it is well. */
export function updatingWell(root: string): Updating {
  const places = placesOf(root);
  let nowMs = 1_000_000;
  const clock: Clock = {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    after(delayMs, call) {
      nowMs += delayMs;
      sayAlive(root, updateStatus(places).current, nowMs);
      queueMicrotask(call);
      return () => undefined;
    },
  };
  return { places, clock, bootId: 'boot-1', say: () => undefined, limits: { settleMs: 2_000 } };
}

/** Written without a call that a test of power cuts counts. */
function sayAlive(root: string, release: string, atMs: number): void {
  const health: HealthReport = { release, version: '', atMs, idle: true, parts: {} };
  const file = openSync(join(root, 'run/kios/health.json'), 'w');
  writeSync(file, JSON.stringify(health));
  closeSync(file);
}

/** A release: a Node that is this one, and a program that passes its self-check, or not, and says something meanwhile. */
export function makeRelease(
  folder: string,
  version: string,
  { fit = true, note = '', says = '' } = {},
): void {
  mkdirSync(join(folder, 'src/cli'), { recursive: true });
  mkdirSync(join(folder, `node_modules/node-linux-${process.arch}/bin`), { recursive: true });
  mkdirSync(join(folder, 'node_modules/.bin'));
  const node = join(folder, `node_modules/node-linux-${process.arch}/bin/node`);
  writeFileSync(
    node,
    `#!/bin/bash\n${says === '' ? '' : `echo '${says}'\n`}exec ${fit ? 'true' : 'false'}\n`,
  );
  chmodSync(node, 0o755);
  symlinkSync(`../node-linux-${process.arch}/bin/node`, join(folder, 'node_modules/.bin/node'));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ version }));
  writeFileSync(join(folder, 'src/cli/kios.ts'), `// ${note}\n`);
}

export interface BundleOptions {
  fit?: boolean;
  note?: string;
  /** What its self-check says. */
  says?: string;
  /** Changes the tree after its sums are written. */
  spoil?: (release: string) => void;
  key?: KeyObject;
  /** Where it is put; the kiosk's own downloads when left out. */
  folder?: string;
}

/** Packs and signs a release of this version where an update looks for it; answers its name. */
export async function putBundle(
  tree: RootTree,
  version: string,
  { spoil, key = tree.releaseKey, folder, ...release }: BundleOptions = {},
): Promise<string> {
  const stem = `kios-${version}-linux-${process.arch}`;
  const work = mkdtempSync(join(tree.path, 'bundle-'));
  makeRelease(join(work, stem), version, release);
  await writeSums(join(work, stem));
  spoil?.(join(work, stem));
  const place = folder ?? join(tree.path, 'var/lib/kios/updates');
  mkdirSync(place, { recursive: true });
  const archive = join(place, `${stem}.tar.gz`);
  execFileSync('tar', ['-czf', archive, '-C', work, stem]);
  writeFileSync(`${archive}.sig`, sign(null, readFileSync(archive), key));
  rmSync(work, { recursive: true });
  return `${stem}.tar.gz`;
}
