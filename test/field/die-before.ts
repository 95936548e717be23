// Loaded before a program: ends it with SIGKILL before its n-th change of the disk (KIOS_DIE_AT), as a power cut would, or
// writes all of them down (KIOS_STEPS names the file). The product knows nothing of it.
import childProcess from 'node:child_process';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { dirname } from 'node:path';

const dieAt = Number(process.env['KIOS_DIE_AT'] ?? '0');
const stepsFile = process.env['KIOS_STEPS'];
const { appendFileSync, openSync, writeSync } = fs;
const steps = stepsFile === undefined ? undefined : openSync(stepsFile, 'a');
const opened = new Map<number, string>();
let count = 0;

function step(what: string): void {
  if (steps !== undefined) writeSync(steps, `${what}\n`);
  count++;
  if (count === dieAt) process.kill(process.pid, 'SIGKILL');
}

fs.openSync = (...args: Parameters<typeof openSync>) => {
  const file = openSync(...args);
  opened.set(file, String(args[0]));
  return file;
};

function before<F extends (...args: never[]) => unknown>(
  call: F,
  words: (...args: Parameters<F>) => string,
): F {
  const wrapped = (...args: Parameters<F>): unknown => {
    step(words(...args));
    return call(...args);
  };
  return wrapped as F;
}

fs.writeFileSync = before(fs.writeFileSync, (path) => `write ${String(path)}`);
fs.appendFileSync = before(appendFileSync, (path) => `append ${String(path)}`);
fs.renameSync = before(fs.renameSync, (from, to) => `rename ${String(from)} ${String(to)}`);
fs.symlinkSync = before(fs.symlinkSync, (_target, path) => `link ${String(path)}`);
fs.mkdirSync = before(fs.mkdirSync, (path) => `mkdir ${String(path)}`);
fs.rmSync = before(fs.rmSync, (path) => `rm ${String(path)} ${dirname(String(path))}`);
fs.fsyncSync = before(fs.fsyncSync, (file) => `sync ${opened.get(file) ?? '?'}`);
childProcess.spawn = before(childProcess.spawn, (...args: unknown[]) => `run ${String(args[0])}`);
syncBuiltinESMExports();
