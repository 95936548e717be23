#!/usr/bin/env node
// `kios <command>`: the one program. Each command is a file beside this one.
import { Command } from 'commander';
import { demoCommand } from './demo.ts';
import { endWithParent } from './end-with-parent.ts';
import { enrolCommand } from './enrol.ts';
import { kioskCommand } from './kiosk.ts';
import { explain } from './run-process.ts';
import { relayCommand } from './relay.ts';
import { twinCommand } from './twin.ts';
import { version } from './version.ts';

const program = new Command('kios')
  .description('Lets an unattended kiosk take GoPay / QRIS money.')
  .version(version)
  .addCommand(kioskCommand())
  .addCommand(enrolCommand())
  .addCommand(relayCommand())
  .addCommand(twinCommand())
  .addCommand(demoCommand())
  .showHelpAfterError('(run with --help for what it takes)');

endWithParent();
try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`kios: ${explain(error)}\n`);
  process.exitCode = 1;
}
