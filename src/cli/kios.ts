#!/usr/bin/env node
// `kios <command>`: the one program. Each command is a file beside this one.
import { Command } from 'commander';
import { endWithParent } from './end-with-parent.ts';
import { explain } from './run-process.ts';
import { version } from './version.ts';

/** A command is loaded when it is asked for: the kiosk on its small machine does not carry the relay's libraries. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  kiosk: async () => (await import('./kiosk.ts')).kioskCommand(),
  journal: async () => (await import('./journal.ts')).journalCommand(),
  devices: async () => (await import('./devices.ts')).devicesCommand(),
  doctor: async () => (await import('./doctor.ts')).doctorCommand(),
  test: async () => (await import('./test.ts')).testCommand(),
  learn: async () => (await import('./learn.ts')).learnCommand(),
  enrol: async () => (await import('./enrol.ts')).enrolCommand(),
  relay: async () => (await import('./relay.ts')).relayCommand(),
  twin: async () => (await import('./twin.ts')).twinCommand(),
  demo: async () => (await import('./demo.ts')).demoCommand(),
  bundle: async () => (await import('./bundle.ts')).bundleCommand(),
  sbom: async () => (await import('./sbom.ts')).sbomCommand(),
  card: async () => (await import('./card.ts')).cardCommand(),
  update: async () => (await import('./update.ts')).updateCommand(),
  console: async () => (await import('./console.ts')).consoleCommand(),
  root: async () => (await import('./root.ts')).rootCommand(),
};

const program = new Command('kios')
  .description('Lets an unattended kiosk take GoPay / QRIS money.')
  .version(version)
  .showHelpAfterError('(run with --help for what it takes)');

const asked = commands[process.argv[2] ?? ''];
for (const load of asked === undefined ? Object.values(commands) : [asked]) {
  program.addCommand(await load());
}

/** Whoever read what we say has gone (`| head -1`), or the terminal has: that ends no work, nor changes how it ends. */
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
  });
}

endWithParent();
try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`kios: ${explain(error)}\n`);
  process.exitCode = 1;
}
