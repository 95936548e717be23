// `kios bundle`: builds what a kiosk without internet is set up and updated from. Thin: see src/field/bundle.ts.
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import { buildBundle, BundleError } from '../field/bundle.ts';
import type { Arch } from '../field/native-rules.ts';
import { ToolError } from '../field/run-tool.ts';

const checkout = fileURLToPath(new URL('../..', import.meta.url));

interface Flags {
  arch: Arch | 'both';
  out: string;
  key?: string;
  /** false by --no-debs. */
  debs: string | false;
}

export function bundleCommand(): Command {
  return new Command('bundle')
    .description('Builds kios-<version>-linux-<arch>.tar.gz from a checkout, and signs it.')
    .addOption(
      new Option('--arch <arch>', 'for which machine')
        .choices(['arm64', 'x64', 'both'])
        .default('both'),
    )
    .option('--out <dir>', 'where to', 'bundles')
    .option('--key <file>', 'PEM file of the Ed25519 key that signs')
    .option('--debs <dir>', 'where fetched Debian packages are kept', 'bundles/debs')
    .option('--no-debs', 'pack none: provisioning then needs internet')
    .addHelpText(
      'after',
      `
Make a key once, and keep it off the kiosks; only the public half goes there, apart from the bundle:
  openssl genpkey -algorithm ed25519 -out release.pem && openssl pkey -in release.pem -pubout -out release.pub
Built twice from one checkout and one folder of Debian packages, an archive has the same bytes.`,
    )
    .action(async ({ arch, out, key, debs }: Flags, command: Command) => {
      try {
        for (const one of arch === 'both' ? (['arm64', 'x64'] as const) : [arch]) {
          const archive = await buildBundle({
            source: checkout,
            arch: one,
            out,
            ...(key === undefined ? {} : { keyFile: key }),
            ...(debs === false ? {} : { debs }),
            say: (line) => process.stderr.write(`kios: ${line}\n`),
          });
          process.stdout.write(`${archive}\n`);
        }
      } catch (error) {
        if (!(error instanceof BundleError || error instanceof ToolError)) throw error;
        command.error(`kios: ${error.message}`);
      }
    });
}
