// What others wrote, held by the lock file: licences, known-bad versions, install scripts, and the bill of materials made
// from it. Each rule is shown a bad sample first.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sbomOf } from '../../src/field/sbom.ts';
import { root } from './source.ts';
import {
  installedFaults,
  knownBadFaults,
  licenceFaults,
  npmRunsScripts,
  scriptFaults,
  unlocked,
  unsummed,
  type InstalledManifest,
} from './supply.ts';

const ours = readFileSync(join(root, 'package-lock.json'), 'utf8');
const project = { version: '1.0.0', license: 'UNLICENSED' };
const integrity = `sha512-${Buffer.alloc(64, 1).toString('base64')}`;

/** A lock of these, by folder. */
function lock(packages: Record<string, object>, own: object = {}): string {
  return JSON.stringify({
    lockfileVersion: 3,
    packages: { '': { ...project, ...own }, ...packages },
  });
}

const one = (name: string, more: object): string =>
  lock({ [`node_modules/${name}`]: { version: '1.0.0', license: 'MIT', integrity, ...more } });

describe('licences', () => {
  test.each([
    ['a', { license: 'GPL-3.0-only' }],
    ['a', { license: 'MIT AND AGPL-3.0-only' }],
    ['a', { license: '(MIT OR GPL-2.0-only) AND GPL-3.0-only' }],
    ['a', { license: 'SEE LICENSE IN LICENSE.md' }],
    ['a', { license: undefined }],
    // What is given on may be changed by nobody's terms but ours.
    ['a', { license: 'LGPL-3.0-or-later' }],
    ['lightningcss', { license: 'MPL-2.0' }],
    ['a', { license: 'MPL-2.0', dev: true }],
  ])('%s with %j is a fault', (name, more) => {
    expect(licenceFaults(one(name, more))).toHaveLength(1);
  });

  test.each([
    ['a', { license: '(GPL-3.0-only OR MIT)' }],
    ['a', { license: 'MIT AND ISC' }],
    ['@img/sharp-libvips-linux-arm64', { license: 'LGPL-3.0-or-later' }],
    ['@img/sharp-wasm32', { license: 'Apache-2.0 AND LGPL-3.0-or-later AND MIT' }],
    ['lightningcss-linux-x64-gnu', { license: 'MPL-2.0', dev: true }],
  ])('%s with %j is none', (name, more) => {
    expect(licenceFaults(one(name, more))).toEqual([]);
  });

  test('in this project', () => {
    expect(licenceFaults(ours)).toEqual([]);
  });
});

describe('known-bad versions', () => {
  test.each([
    ['debug', '4.4.2', 'foreign code'],
    ['a/node_modules/debug', '4.4.2', 'foreign code'],
    ['ws', '8.17.0', 'CVE-2024-37890'],
    ['ws', '8.17.0-beta.1', 'CVE-2024-37890'],
  ])('%s %s is a fault', (name, version, why) => {
    expect(knownBadFaults(one(name, { version })).join()).toContain(why);
  });

  test('a package is known by its own name, not by that of its folder', () => {
    expect(knownBadFaults(one('safe', { name: 'debug', version: '4.4.2' }))).toHaveLength(1);
  });

  test('the versions beside it are none', () => {
    expect(knownBadFaults(one('debug', { version: '4.4.3' }))).toEqual([]);
    expect(knownBadFaults(one('ws', { version: '8.17.1' }))).toEqual([]);
  });

  test('in this project', () => {
    expect(knownBadFaults(ours)).toEqual([]);
  });
});

describe('install scripts', () => {
  test('one of a package that nobody has named is a fault', () => {
    expect(scriptFaults(one('a', { hasInstallScript: true }))).toHaveLength(1);
    expect(scriptFaults(one('node-hid', { hasInstallScript: true }))).toEqual([]);
  });

  test.each([
    '',
    '# ignore-scripts=true',
    'ignore-scripts=false',
    'ignore-scripts=true\nignore-scripts=false',
  ])('an .npmrc with %j would let them run', (npmrc) => {
    expect(npmRunsScripts(npmrc)).toBe(true);
  });

  test('in this project', () => {
    expect(scriptFaults(ours)).toEqual([]);
    expect(npmRunsScripts(readFileSync(join(root, '.npmrc'), 'utf8'))).toBe(false);
  });
});

describe('what is installed is what is locked', () => {
  const installed = { name: 'a', version: '1.0.0', license: 'MIT' };
  test.each<[string, InstalledManifest | undefined]>([
    ['another version', { ...installed, version: '1.0.1' }],
    ['another package', { ...installed, name: 'b' }],
    ['another licence', { ...installed, license: 'GPL-3.0-only' }],
    ['a script that the lock hides', { ...installed, scripts: { postinstall: 'node x.js' } }],
    ['nothing', undefined],
  ])('%s is a fault', (_what, manifest) => {
    expect(installedFaults(one('a', {}), () => manifest)).toHaveLength(1);
  });

  test('a package for other machines may be missing', () => {
    expect(installedFaults(one('a', { optional: true }), () => undefined)).toEqual([]);
    expect(installedFaults(one('a', {}), () => installed)).toEqual([]);
  });

  test('a package without a sum, or one that is asked for and not locked, is a fault', () => {
    expect(unsummed(one('a', { integrity: undefined }))).toHaveLength(1);
    expect(unlocked(lock({}, { dependencies: { a: '1.0.0' } }))).toHaveLength(1);
  });

  test('in this project', () => {
    const read = (folder: string): InstalledManifest | undefined => {
      const path = join(root, folder, 'package.json');
      if (!existsSync(path)) return undefined;
      return JSON.parse(readFileSync(path, 'utf8')) as InstalledManifest;
    };
    expect(installedFaults(ours, read)).toEqual([]);
    expect([...unsummed(ours), ...unlocked(ours)]).toEqual([]);
  });
});

describe('the bill of materials', () => {
  const small = lock(
    {
      'node_modules/b': { version: '2.0.0', license: '(MIT OR X11)', integrity, dev: true },
      'node_modules/@x/a': { version: '1.0.0+1', license: 'MIT', dependencies: { b: '1' } },
      'node_modules/@x/a/node_modules/b': { version: '1.0.0', optional: true },
    },
    { dependencies: { '@x/a': '1.0.0' }, devDependencies: { b: '2.0.0' } },
  );

  test('names each package with scope, sum and licence, and who needs which', () => {
    const { metadata, components, dependencies } = sbomOf(small, 'shop');
    expect(metadata.component).toEqual({
      ...{ type: 'application', 'bom-ref': 'shop@1.0.0', name: 'shop', version: '1.0.0' },
    });
    expect(components.map(({ purl, scope }) => [purl, scope])).toEqual([
      ['pkg:npm/%40x/a@1.0.0%2B1', 'required'],
      ['pkg:npm/b@1.0.0', 'optional'],
      ['pkg:npm/b@2.0.0', 'excluded'],
    ]);
    expect(components[0]).toMatchObject({
      group: '@x',
      name: 'a',
      licenses: [{ license: { id: 'MIT' } }],
    });
    expect(components[2]).toMatchObject({
      hashes: [{ alg: 'SHA-512', content: '01'.repeat(64) }],
      licenses: [{ expression: '(MIT OR X11)' }],
    });
    expect(dependencies).toEqual([
      { ref: 'pkg:npm/%40x/a@1.0.0%2B1', dependsOn: ['pkg:npm/b@1.0.0'] },
      { ref: 'pkg:npm/b@1.0.0', dependsOn: [] },
      { ref: 'pkg:npm/b@2.0.0', dependsOn: [] },
      { ref: 'shop@1.0.0', dependsOn: ['pkg:npm/%40x/a@1.0.0%2B1', 'pkg:npm/b@2.0.0'] },
    ]);
  });

  test('a version in two folders is one component, as needed as anywhere; with two contents it is none', () => {
    const twice = (more: object): string =>
      lock({
        'node_modules/a': { version: '1.0.0', integrity, dev: true },
        'node_modules/c/node_modules/a': { version: '1.0.0', integrity, ...more },
      });
    expect(sbomOf(twice({}), 'shop').components).toMatchObject([{ scope: 'required' }]);
    expect(() => sbomOf(twice({ integrity: 'sha512-AAAA' }), 'shop')).toThrow('two contents');
  });

  test('of this project: every name in it once, every need known, the same whatever order the lock has', () => {
    const sbom = sbomOf(ours, 'kios');
    const refs = [sbom.metadata.component, ...sbom.components].map((all) => all['bom-ref']);
    expect(new Set(refs).size).toBe(refs.length);
    expect(sbom.dependencies.map(({ ref }) => ref).sort()).toEqual([...refs].sort());
    const known = new Set(refs);
    expect(
      sbom.dependencies.flatMap(({ dependsOn }) => dependsOn).filter((ref) => !known.has(ref)),
    ).toEqual([]);
    const parsed = JSON.parse(ours) as { packages: Record<string, object> };
    const turned = {
      ...parsed,
      packages: Object.fromEntries(Object.entries(parsed.packages).reverse()),
    };
    expect(JSON.stringify(sbomOf(JSON.stringify(turned), 'kios'))).toBe(JSON.stringify(sbom));
  });
});
