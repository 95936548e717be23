// A smoke run on a Pi's processor: the bundle for arm64, its own Node and native parts, under qemu's emulation of a process
// with Debian's arm64 libraries beside it. No kernel and no device of a Pi. KIOS_RIG_ARM64=1 runs it: some minutes.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { entryFile } from '../../src/field/bundle-program.ts';
import { buildBundle } from '../../src/field/bundle.ts';
import { qrisText } from '../drivers/printer-slips.ts';

const root = join(import.meta.dirname, '../..');
const emulator = 'qemu-aarch64-static';
/** What the release's native parts link to (`ldd`); all of it is on a Pi. */
const libraries = 'libc6,libstdc++6,libgcc-s1,libudev1';
const limitMs = 600_000;
const smoke = z.object({ arch: z.string(), same: z.record(z.string(), z.unknown()) });

function whyNot(): string | undefined {
  if (process.env['KIOS_RIG_ARM64'] !== '1') return 'KIOS_RIG_ARM64=1 runs it';
  const missing = [
    [emulator, 'qemu-user-static'],
    ['mmdebstrap', 'mmdebstrap'],
  ].filter(([tool = '']) => spawnSync(tool, ['--version']).status !== 0);
  const packages = missing.map(([, name]) => name).join(' ');
  return missing.length === 0 ? undefined : `apt-get install ${packages}`;
}

const why = whyNot();
describe.skipIf(why !== undefined)(
  `a release for arm64${why === undefined ? '' : ` (${why})`}`,
  () => {
    let folder: string;
    let release: string;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'kios-arm64-'));
      const archive = await buildBundle({
        ...{ source: root, arch: 'arm64', out: folder, say: () => undefined },
      });
      execFileSync('tar', ['-xzf', archive, '-C', folder]);
      release = archive.slice(0, -'.tar.gz'.length);
      // Extracted alone: nothing of it runs here.
      const kind = ['--mode=root', '--variant=extract', '--architectures=arm64', '--quiet'];
      const mirror = execFileSync('sh', [
        '-c',
        `apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1`,
      ]);
      execFileSync('mmdebstrap', [
        ...[...kind, `--include=${libraries}`, 'bookworm'],
        ...[join(folder, 'system'), mirror.toString().trim()],
      ]);
    }, limitMs);
    afterAll(() => {
      rmSync(folder, { recursive: true, force: true });
    });

    const emulated = (...line: string[]): string =>
      execFileSync(emulator, [
        ...['-L', join(folder, 'system'), join(release, 'node_modules/.bin/node')],
        ...line,
      ]).toString();

    test('says its version', () => {
      expect(emulated(join(release, entryFile), '--version')).toMatch(/^\d+\.\d+\.\d+/);
    });

    test(
      'loads its native parts, and draws, prints, scans and stores the same bytes as here',
      () => {
        const file = join(import.meta.dirname, 'arm64-smoke.ts');
        const there = smoke.parse(JSON.parse(emulated(file, release)));
        const here = smoke.parse(
          JSON.parse(execFileSync(process.execPath, [file, root]).toString()),
        );
        expect([there.arch, here.arch]).toEqual(['arm64', process.arch]);
        expect(there.same).toEqual(here.same);
        expect(there.same).toMatchObject({ qr: qrisText, stored: qrisText });
      },
      limitMs,
    );
  },
);
