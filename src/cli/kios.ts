#!/usr/bin/env node
// `kios <command>`: the one program. Its commands are in commands.ts.
import { kiosProgram } from './commands.ts';
import { runProgram } from './run-program.ts';

await runProgram(await kiosProgram(process.argv[2] ?? ''));
