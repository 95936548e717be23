// `kios support`: one file with what whoever helps asks for. Reads only; safe while the kiosk sells.
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { readIdentity, trustedKeys } from '../kiosk/identity.ts';
import { createRelayClient } from '../kiosk/relay-client.ts';
import { systemClock } from '../lib/clock.ts';
import { silentLog } from '../lib/log.ts';
import { KiosError } from '../protocol/errors.ts';
import { supportAnswer } from '../protocol/support.ts';
import { systemPlaces } from './attached.ts';
import { defaultConfig } from './devices.ts';
import { bootName, machineBoot, tryRemembered } from './doctor-relay.ts';
import { makeSupportBundle, supportName } from './support-bundle.ts';
import { stateDirOf, type SupportPlaces } from './support-pieces.ts';
import { withFile } from './with-file.ts';

interface Flags {
  config: string;
  out?: string;
  send: boolean;
  root: string;
}

export function supportCommand(): Command {
  return new Command('support')
    .description('Writes one file for whoever helps: logs, versions, devices, states; no secrets.')
    .option('--config <file>', 'configuration of the kiosk', defaultConfig)
    .option('--out <file>', 'where to; without it, here, under a name with kiosk and time')
    .option('--send', 'to the relay, in place of a file', false)
    .addOption(new Option('--root <dir>').default('/').hideHelp())
    .addHelpText(
      'after',
      `
Reads only; safe while the kiosk sells. What this user may not read is told in the file: with sudo all of it is there.
No key, password, QR text or code of a claim is in it, no settings but those that say how the kiosk is built.`,
    )
    .action(async (flags: Flags) => {
      const places = placesFor(flags);
      const bundle = await makeSupportBundle(places);
      if (flags.send) {
        say(`sent to the relay, which keeps it as ${await send(places, bundle)}`);
        return;
      }
      const out = resolve(flags.out ?? `${supportName(places, systemClock.nowMs())}.tar.gz`);
      withFile(out, () => {
        writeFileSync(out, bundle, { mode: 0o600 });
      });
      say(out);
    });
}

function placesFor({ config, root }: Flags): SupportPlaces {
  const system =
    root === '/' ? systemPlaces : { sys: `${root}/sys`, dev: `${root}/dev`, etc: `${root}/etc` };
  return { root, config, runtime: resolve(root, 'run/kios'), system, wholeJournal: true };
}

/** As the kiosk of this boot, so that the relay takes it for no copy. @throws KiosError */
async function send(places: SupportPlaces, bundle: Uint8Array): Promise<string> {
  const stateDir = stateDirOf(places);
  const identity = readIdentity(stateDir);
  const { bootId } = await tryRemembered(stateDir);
  const client = createRelayClient({
    ...{ identity, keys: trustedKeys(identity), clock: systemClock, log: silentLog },
    bootId: bootName(machineBoot(), bootId),
  });
  const path = `/v1/kiosks/${identity.enrolment.kioskId}/support`;
  const body = { bundle: Buffer.from(bundle).toString('base64') };
  const answer = await client.ask('POST', path, body, supportAnswer);
  if (answer.ok) return answer.value.name;
  throw new KiosError(answer.failure.code, `${identity.relayUrl} did not take the bundle`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
