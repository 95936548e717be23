// `kios relay support-bundles`: the bundles that kiosks have sent to this relay. Reads only; safe while the relay runs.
import { writeFileSync } from 'node:fs';
import { InvalidArgumentError, type Command } from 'commander';
import { readConfigFile } from '../lib/config-file.ts';
import { KiosError } from '../protocol/errors.ts';
import { kioskId } from '../protocol/ids.ts';
import { relayConfig, relayExamples } from '../relay/config.ts';
import { listBundles, readBundle } from '../relay/support-folder.ts';
import { withFile } from './with-file.ts';

/** Adds it to `kios relay`. */
export function addSupportCommand(relay: Command): void {
  relay
    .command('support-bundles')
    .description(
      'Lists the support bundles that kiosks have sent by themselves, or writes the newest of one out.',
    )
    .argument('[kiosk]', 'of this kiosk alone, such as ksk01', parseKioskId)
    .option('--out <file>', 'writes the newest bundle of the kiosk there')
    .action(async (kiosk: string | undefined, { out }: { out?: string }) => {
      const { config } = relay.opts<{ config: string }>();
      await work(config, kiosk, out);
    });
}

async function work(
  file: string,
  kiosk: string | undefined,
  out: string | undefined,
): Promise<void> {
  const { supportDir } = readConfigFile(file, relayConfig, relayExamples);
  if (supportDir === undefined) {
    throw new KiosError('not-found', `${file} names no supportDir: this relay keeps no bundles`);
  }
  const bundles = await listBundles(supportDir, kiosk);
  const none = kiosk === undefined ? 'no kiosk has sent a bundle' : `${kiosk} has sent no bundle`;
  if (out === undefined) {
    if (bundles.length === 0) process.stdout.write(`${none}\n`);
    for (const { kioskId: id, name, bytes } of bundles) {
      process.stdout.write(`${id.padEnd(10)} ${String(bytes).padStart(8)}  ${name}\n`);
    }
    return;
  }
  if (kiosk === undefined) throw new KiosError('bad-request', '--out needs the name of a kiosk');
  const newest = bundles.at(-1);
  if (newest === undefined) throw new KiosError('not-found', none);
  const bundle = await readBundle(supportDir, newest);
  withFile(out, () => {
    writeFileSync(out, bundle, { mode: 0o600 });
  });
  process.stdout.write(`${newest.name} is in ${out}\n`);
}

function parseKioskId(text: string): string {
  const parsed = kioskId.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError(parsed.error.issues[0]?.message ?? 'not a kiosk id');
}
