// `kios enrol`: gives this machine its identity at a relay.
import { Command, InvalidArgumentError } from 'commander';
import { enrol } from '../kiosk/enrol.ts';
import { machineSerial } from '../kiosk/machine.ts';
import { userName } from '../lib/user-name.ts';
import { enrolBody } from '../protocol/api.ts';
import { KiosError } from '../protocol/errors.ts';
import { refuseUncheckedTls } from './unchecked-tls.ts';

interface Flags {
  relay: string;
  code: string;
  state: string;
  serial?: string;
  pin?: string;
  site?: string;
  force: boolean;
}

export function enrolCommand(): Command {
  return new Command('enrol')
    .description('Enrols this machine at a relay with a one-time code from the operator.')
    .requiredOption('--relay <url>', 'the relay, such as https://relay.example.co.id')
    .requiredOption('--code <code>', 'the code that `kios relay enrolment` printed', parseCode)
    .requiredOption('--state <dir>', 'stateDir of the kiosk, such as /var/lib/kios')
    .option('--serial <text>', "instead of the machine's own, as its configuration has it")
    .option(
      '--pin <key>',
      "the relay's key, as `kios relay enrolment` printed it: nobody else is believed",
    )
    .option('--site <name>', 'the site that the kiosk belongs to: whose set-up sheets it takes')
    .option('--force', 'replace an identity that is already there', false)
    .addHelpText(
      'after',
      `
The key is made here and never leaves this machine. When the answer is lost on the way, run the same
command again: the same code gives the same answer until it expires.`,
    )
    .action(async (flags: Flags) => {
      refuseUncheckedTls(process.env);
      const serial = flags.serial ?? machineSerial();
      const identity = await enrol({
        relayUrl: flags.relay,
        code: flags.code,
        stateDir: flags.state,
        force: flags.force,
        ...(serial === undefined ? {} : { serial }),
        ...(flags.pin === undefined ? {} : { pin: flags.pin }),
        ...(flags.site === undefined ? {} : { site: flags.site }),
      }).catch((error: unknown) => {
        throw folderFault(flags.state, error);
      });
      const { kioskId, merchant, environment } = identity.enrolment;
      process.stdout.write(`enrolled as ${kioskId} for ${merchant.name} (${environment})\n`);
    });
}

function parseCode(text: string): string {
  if (enrolBody.shape.code.safeParse(text).success) return text;
  throw new InvalidArgumentError('12 letters and digits, such as 7K3M-Q9TX-2B4C');
}

/** A folder that this user may not use, in one line; what is no such fault passes unchanged. */
function folderFault(stateDir: string, error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) return error;
  const who = `the user ${userName()} cannot use ${stateDir} (${error.message})`;
  const what = 'run it as the user of the kiosk: sudo -u kios kios enrol …';
  return new KiosError('not-enrolled', `${who}; ${what}`, error);
}
