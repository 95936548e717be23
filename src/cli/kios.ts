#!/usr/bin/env node
// `kios <command>`: the one program. Its commands are in commands.ts.
import { kiosProgram } from './commands.ts';
import { endWithParent } from './end-with-parent.ts';
import { explain } from './run-process.ts';

const program = await kiosProgram(process.argv[2] ?? '');

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
