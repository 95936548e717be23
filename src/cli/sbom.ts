// `kios sbom`: what the program is made of, for whoever must know. Thin: see src/field/sbom.ts.
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { sbomOf } from '../field/sbom.ts';

export function sbomCommand(): Command {
  return new Command('sbom')
    .description('Writes a CycloneDX 1.6 bill of materials from the lock file to its output.')
    .requiredOption('--lock <file>', 'package-lock.json')
    .addHelpText(
      'after',
      `
Built twice from one lock, it has the same bytes. Scope "excluded" is what builds and tests alone use. Debian packages in
a bundle are not in it: their names and versions are those of the files under debs/.`,
    )
    .action(({ lock }: { lock: string }) => {
      const sbom = sbomOf(readFileSync(lock, 'utf8'), 'kios');
      process.stdout.write(`${JSON.stringify(sbom, undefined, 2)}\n`);
    });
}
