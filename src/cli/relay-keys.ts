// `kios relay rotate-key`: the next signing key of the relays, or a new chain of them. Thin: see src/relay/key-chain.ts.
import { Option, type Command } from 'commander';
import { KiosError } from '../protocol/errors.ts';
import { beginChain, rotateKey } from '../relay/key-chain.ts';
import { dayMs, durationUpTo, hourMs } from './duration.ts';
import { withStore } from './relay-store.ts';

const maxActiveInMs = 30 * dayMs;
const defaultActiveInMs = 24 * hourMs;

interface Flags {
  activeIn: number;
  newChain?: true;
  yes?: true;
}

/** Adds the commands about keys to `kios relay`. */
export function addKeyCommands(relay: Command): void {
  relay
    .command('rotate-key')
    .description('Makes the next key by which the relays sign; safe while they run.')
    .addOption(
      new Option('--active-in <duration>', 'when it begins to sign, such as 24h, 30m, 0s')
        .argParser(durationUpTo(maxActiveInMs))
        .default(defaultActiveInMs, '24h'),
    )
    .option('--new-chain', 'after a leak or a loss: trust no key from before')
    .option('--yes', 'with --new-chain: every kiosk will be enrolled again')
    .addHelpText(
      'after',
      `
Run it as the relay's user, where a relay lies that has the newest key. With one relay that is all. With several, copy
the new file into the stateDir of each before it signs; a relay without it says so in its log (signing-key.awaited,
then signing-key.missing) and goes on with the key before. Kiosks fetch the new key by themselves, also after a year.

--new-chain is for a key that was stolen or lost: kiosks believe the new one only after they are enrolled again.
Until then they sell nothing.`,
    )
    .action(async (flags: Flags) => {
      const { config } = relay.opts<{ config: string }>();
      await (flags.newChain === true ? newChain(config, flags) : rotate(config, flags.activeIn));
    });
}

async function rotate(file: string, activeInMs: number): Promise<void> {
  await withStore(file, 'change', async (store, { stateDir, store: place }) => {
    const rotation = await rotateKey({ stateDir, store }, activeInMs);
    if (rotation.kind === 'pending') {
      const at = instant(rotation.activeAtMs);
      throw new KiosError('bad-request', `${rotation.kid} is waiting already; it signs from ${at}`);
    }
    if (rotation.kind === 'full') {
      throw new KiosError('bad-request', 'the chain is full; begin another one: --new-chain');
    }
    say(`${rotation.key.kid} signs from ${instant(rotation.activeAtMs)}.`);
    say(`Its private half: ${rotation.key.file}. Back it up where the Server Key is kept.`);
    if (place.postgres !== undefined) {
      say(
        'Every other relay needs this file in its stateDir before then (chmod 600, its own user).',
      );
    }
  });
}

async function newChain(file: string, { yes }: Flags): Promise<void> {
  if (yes !== true) {
    throw new KiosError(
      'bad-request',
      'after this no kiosk believes the relays until it is enrolled again; with --yes it is done',
    );
  }
  await withStore(file, 'change', async (store, { stateDir }) => {
    const key = await beginChain({ stateDir, store });
    say(`The chain begins anew with ${key.kid}.`);
    say(`Its private half: ${key.file}. Remove the old relay-key*.pem files of every relay,`);
    say('copy this one to each, restart them, and enrol every kiosk again (kios relay enrolment).');
  });
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
