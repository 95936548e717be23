// What `kios` is with whichever commands: its name and help, its streams, and an end that says why.
import { Command } from 'commander';
import { endWithParent } from './end-with-parent.ts';
import { foldHelp } from './fold-help.ts';
import { explain } from './run-process.ts';
import { version } from './version.ts';

export function programOf(commands: readonly Command[]): Command {
  const program = new Command('kios')
    .description('Lets an unattended kiosk take GoPay / QRIS money.')
    .version(version)
    .showHelpAfterError('(run with --help for what it takes)');
  for (const command of commands) program.addCommand(command);
  foldHelp(program);
  return program;
}

/** Does what the command line asks for. What a person can mend is told in a line, and sets the exit code. */
export async function runProgram(program: Command): Promise<void> {
  // Whoever read what we say has gone (`| head -1`), or the terminal has: that ends no work, nor changes how it ends.
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
}
