// What the program is made of, from the lock file, as CycloneDX 1.6 (ECMA-424) in JSON. PURE. The same lock gives the same
// bytes: so there is no time in it and no serial number, which the standard only recommends.
import {
  folderOf,
  packageName,
  readLock,
  type LockedPackage,
  type LockedPackages,
} from './lock-file.ts';

/** `required` runs everywhere, `optional` on some machines, `excluded` where it is built and tested alone. */
type Scope = 'required' | 'optional' | 'excluded';

interface Component {
  type: 'application' | 'library';
  'bom-ref': string;
  group?: string;
  name: string;
  version: string;
  scope?: Scope;
  hashes?: { alg: string; content: string }[];
  licenses?: ({ license: { id: string } } | { expression: string })[];
  purl?: string;
}

export interface Sbom {
  $schema: string;
  bomFormat: 'CycloneDX';
  specVersion: '1.6';
  version: 1;
  metadata: { component: Component };
  components: Component[];
  dependencies: { ref: string; dependsOn: string[] }[];
}

const algorithms: Readonly<Record<string, string>> = {
  sha1: 'SHA-1',
  sha256: 'SHA-256',
  sha384: 'SHA-384',
  sha512: 'SHA-512',
};
const strength: readonly Scope[] = ['excluded', 'optional', 'required'];

/**
 * @param project the name that the lock's project has
 * @throws ZodError, SyntaxError as `readLock`; Error when one version is locked with two contents
 */
export function sbomOf(lockText: string, project: string): Sbom {
  const packages = readLock(lockText);
  const refs = new Map(
    Object.entries(packages).map(([folder, one]) => [folder, refOf(folder, one, project)]),
  );
  const components = new Map<string, Component>();
  const needs = new Map<string, Set<string>>();
  for (const [folder, one] of Object.entries(packages)) {
    const ref = refs.get(folder) ?? '';
    const component = componentOf(folder, one, ref, project);
    components.set(ref, merged(components.get(ref), component));
    const needed = needs.get(ref) ?? new Set();
    for (const found of neededBy(packages, folder, one)) needed.add(refs.get(found) ?? '');
    needs.set(ref, needed);
  }
  const root = refs.get('') ?? '';
  const own = components.get(root);
  if (own === undefined) throw new Error('the lock file names no project');
  components.delete(root);
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: own },
    components: sorted(components).map(([, component]) => component),
    dependencies: sorted(needs).map(([ref, needed]) => ({ ref, dependsOn: [...needed].sort() })),
  };
}

/** The package URL (purl), where it is a package of the registry. */
function refOf(folder: string, one: LockedPackage, project: string): string {
  if (folder === '') return `${project}@${one.version}`;
  const name = packageName(folder, one).split('/').map(encodeURIComponent).join('/');
  return `pkg:npm/${name}@${encodeURIComponent(one.version)}`;
}

function componentOf(folder: string, one: LockedPackage, ref: string, project: string): Component {
  const { version } = one;
  if (folder === '') return { type: 'application', 'bom-ref': ref, name: project, version };
  const [last = '', group] = packageName(folder, one).split('/').reverse();
  return {
    type: 'library',
    'bom-ref': ref,
    ...(group === undefined ? {} : { group }),
    name: last,
    version,
    scope: one.dev ? 'excluded' : one.optional ? 'optional' : 'required',
    ...(one.integrity === undefined ? {} : { hashes: one.integrity.split(' ').map(hashOf) }),
    ...(one.license === undefined ? {} : { licenses: [licenceOf(one.license)] }),
    purl: ref,
  };
}

function hashOf(integrity: string): { alg: string; content: string } {
  const [name = '', base64 = ''] = integrity.split(/-(.*)/s);
  const alg = algorithms[name];
  if (alg === undefined) throw new Error(`${name} is no hash that is known here`);
  return { alg, content: Buffer.from(base64, 'base64').toString('hex') };
}

/** One identifier of SPDX, or an expression of several. */
function licenceOf(text: string): { license: { id: string } } | { expression: string } {
  return /^[\w.-]+$/.test(text) ? { license: { id: text } } : { expression: text };
}

/** The same version in two folders is one component, needed as much as where it is needed most. */
function merged(before: Component | undefined, component: Component): Component {
  if (before === undefined) return component;
  if (JSON.stringify(before.hashes) !== JSON.stringify(component.hashes)) {
    throw new Error(`${component['bom-ref']} is locked with two contents`);
  }
  const rank = ({ scope = 'required' }: Component): number => strength.indexOf(scope);
  return rank(before) >= rank(component) ? before : component;
}

function neededBy(packages: LockedPackages, folder: string, one: LockedPackage): string[] {
  const { dependencies, devDependencies, optionalDependencies, peerDependencies } = one;
  const all = { ...dependencies, ...optionalDependencies, ...peerDependencies };
  const needed = folder === '' ? { ...all, ...devDependencies } : all;
  return Object.keys(needed).flatMap((name) => folderOf(packages, name, folder) ?? []);
}

/** By code units: the order of a language would differ from machine to machine. */
function sorted<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort(([left], [right]) => (left < right ? -1 : 1));
}
