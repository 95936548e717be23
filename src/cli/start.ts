#!/usr/bin/env node
// The first file of a release: the kiosk starts out of its own file, everything else out of the one with all commands. A
// checkout starts with kios.ts instead.
import { join } from 'node:path';
import { commandsFile, kioskFile } from '../field/release-files.ts';
import { runCompiled } from './compiled.ts';

if (process.argv[2] === 'kiosk') {
  runCompiled(join(import.meta.dirname, kioskFile), process.env['KIOS_CODE']);
} else {
  void import(join(import.meta.dirname, commandsFile));
}
