// Rules about packages: exact versions, one runtime everywhere, a lock that is the same on every machine.
import type { Fault } from './source.ts';

interface Manifest {
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

/** Every version is exact, and laptop, build machine and Pi run the same Node. */
export function exactVersions(manifestText: string): Fault[] {
  const manifest = JSON.parse(manifestText) as Manifest;
  const { dependencies = {}, devDependencies = {}, optionalDependencies = {} } = manifest;
  const all = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies });
  const faults = all
    .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
    .map(([name, version]) => `package.json: ${name} is "${version}"; name one exact version`);
  const runtimes = all.filter(([name]) => name.startsWith('node-linux-'));
  if (runtimes.length < 2) faults.push('package.json: the Node of both architectures is pinned');
  if (new Set(runtimes.map(([, version]) => version)).size > 1) {
    faults.push('package.json: the node-linux-* packages differ in version');
  }
  return faults;
}

/** The lock names no download address: a machine behind a mirror must get the same file. */
export function lockWithoutAddresses(lockText: string): Fault[] {
  const { packages } = JSON.parse(lockText) as { packages: Record<string, { resolved?: string }> };
  return Object.entries(packages)
    .filter(([, entry]) => entry.resolved !== undefined)
    .map(([name]) => `package-lock.json: ${name} has "resolved"; see .npmrc`);
}
