// Rules about what others wrote: under which licences we take it, which versions never, and who may run code at
// installation. They read the lock file and what is installed, and ask no network.
import { folderOf, packageName, readLock, type LockedPackage } from '../../src/field/lock-file.ts';
import { compareVersions, parseVersion } from '../../src/field/version-order.ts';
import { mendedIn, poisoned } from './known-bad.ts';
import type { Fault } from './source.ts';

/** What may be given on in a closed product; only notices are asked for. */
const allowed = new Set([
  ...['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'ISC', 'MIT'],
]);

/** Beyond these, each with its reason. */
const exceptions: readonly { licence: string; fits: (name: string, dev: boolean) => boolean }[] = [
  // libvips: a shared library of its own, which sharp loads and anybody can replace; relay and twin alone read images.
  { licence: 'LGPL-3.0-or-later', fits: (name) => name.startsWith('@img/sharp-') },
  // Unchanged, and only the test runner's: it is given to nobody.
  { licence: 'MPL-2.0', fits: (name, dev) => dev && /^lightningcss(-|$)/.test(name) },
];

/** Packages with a script of their own. None is run (.npmrc): each brings its native part ready made. */
const withScripts = new Set(['@serialport/bindings-cpp', 'esbuild', 'node-hid']);

/** What an installed package says of itself, as far as the lock says it too. */
export interface InstalledManifest {
  name?: unknown;
  version?: unknown;
  license?: unknown;
  scripts?: Readonly<Record<string, unknown>>;
}

function eachPackage(
  lockText: string,
  rule: (name: string, one: LockedPackage, folder: string) => Fault[],
): Fault[] {
  return Object.entries(readLock(lockText))
    .filter(([folder]) => folder !== '')
    .flatMap(([folder, one]) => rule(packageName(folder, one), one, folder));
}

const fault = (name: string, { version }: LockedPackage, why: string): Fault =>
  `package-lock.json: ${name}@${version} ${why}`;

/** Each package is under a licence that we have read. */
export function licenceFaults(lockText: string): Fault[] {
  return eachPackage(lockText, (name, one) => {
    const { license, dev } = one;
    if (license === undefined) return [fault(name, one, 'names no licence; do without it')];
    const fits = (id: string): boolean =>
      allowed.has(id) || exceptions.some((made) => made.licence === id && made.fits(name, dev));
    if (isAccepted(license, fits)) return [];
    return [fault(name, one, `is under ${license}: read it, then take it into the list or out`)];
  });
}

/** SPDX: one of those with OR between them, all of those with AND. Nested ones are nobody's so far, and refused. */
function isAccepted(expression: string, fits: (id: string) => boolean): boolean {
  const inner = expression.replace(/^\((.*)\)$/, '$1');
  return inner.split(' OR ').some((one) => one.split(' AND ').every(fits));
}

/** No version that is known to be bad. */
export function knownBadFaults(lockText: string): Fault[] {
  return eachPackage(lockText, (name, one) => {
    if (poisoned[name]?.includes(one.version) === true) {
      return [fault(name, one, 'was published with foreign code in it')];
    }
    const mended = mendedIn[name];
    const least = parseVersion(mended?.version ?? '');
    if (mended === undefined || least === undefined) return [];
    const version = parseVersion(one.version);
    if (version !== undefined && compareVersions(version, least) >= 0) return [];
    return [fault(name, one, `has ${mended.hole}; take ${mended.version} or newer`)];
  });
}

/** Only packages that we know want to run something when they are installed. */
export function scriptFaults(lockText: string): Fault[] {
  return eachPackage(lockText, (name, one) =>
    !one.hasInstallScript || withScripts.has(name)
      ? []
      : [fault(name, one, 'has an install script: see what it does, and whether we need it')],
  );
}

/** And even those do not: npm is told so for everybody who works here. */
export function npmRunsScripts(npmrc: string): boolean {
  const lines = npmrc.split('\n').map((line) => line.replace(/\s/g, ''));
  return lines.filter((line) => line.startsWith('ignore-scripts')).join() !== 'ignore-scripts=true';
}

/** What each installed package says is what the lock says. @param read undefined: it is not for this machine */
export function installedFaults(
  lockText: string,
  read: (folder: string) => InstalledManifest | undefined,
): Fault[] {
  return eachPackage(lockText, (name, one, folder) => {
    const manifest = read(folder);
    if (manifest === undefined) {
      return one.optional ? [] : [fault(name, one, 'is not installed; run scripts/install')];
    }
    const { scripts = {}, ...said } = manifest;
    const own = ['preinstall', 'install', 'postinstall'].filter((script) => script in scripts);
    return [
      ...(said.name === name && said.version === one.version
        ? []
        : ['is another one as installed']),
      ...(said.license === one.license ? [] : ['is under another licence as installed']),
      ...(own.length === 0 || one.hasInstallScript ? [] : [`runs ${own.join()}, unlike the lock`]),
    ].map((why) => fault(name, one, why));
  });
}

/** Each package has the sum of its content, so that no mirror can give another one. */
export function unsummed(lockText: string): Fault[] {
  return eachPackage(lockText, (name, one) =>
    one.integrity?.startsWith('sha512-') === true ? [] : [fault(name, one, 'has no SHA-512 sum')],
  );
}

/** All that the project asks for is locked. */
export function unlocked(lockText: string): Fault[] {
  const packages = readLock(lockText);
  const { dependencies, devDependencies, optionalDependencies } = packages[''] ?? {};
  return Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies })
    .filter((name) => folderOf(packages, name, '') === undefined)
    .map((name) => `package-lock.json: ${name} is not locked`);
}
