// A folder of its own for a test of the scripts: a copy of the project, and programs that stand in for the system's.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

const project = join(import.meta.dirname, '../..');

/** All that a script needs of the system beside Node: found in PATH, linked into the test's own folder. */
const tools = ['bash', 'cat', 'dirname', 'mkdir', 'readlink', 'rm', 'sha256sum', 'uname'];

export interface Result {
  status: number;
  stdout: string;
  stderr: string;
}

export interface Sandbox {
  path: string;
  /** The copy of the project, without node_modules. */
  project: string;
  /** Only the tools of the scripts: no Node, no npm. */
  bin: string;
  /** Writes a program into `bin`. */
  program(name: string, script: string): void;
  remove(): void;
}

/** @param parts what of the project is copied. */
export function makeSandbox(parts: readonly string[]): Sandbox {
  const path = mkdtempSync(join(tmpdir(), 'kios-scripts-'));
  const copy = join(path, 'project');
  const bin = join(path, 'bin');
  mkdirSync(bin);
  for (const part of parts) cpSync(join(project, part), join(copy, part), { recursive: true });
  for (const tool of tools) symlinkSync(systemPath(tool), join(bin, tool));
  return {
    path,
    project: copy,
    bin,
    program(name, script) {
      const file = join(bin, name);
      rmSync(file, { force: true });
      writeFileSync(file, `#!/bin/bash\n${script}\n`);
      chmodSync(file, 0o755);
    },
    remove: () => {
      rmSync(path, { recursive: true, force: true });
    },
  };
}

function systemPath(tool: string): string {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, tool);
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return path;
  }
  throw new Error(`the test needs the program ${tool}`);
}

/** Runs a program to its end, without input; `path` comes first in PATH, or is all of it. */
export async function run(
  file: string,
  args: readonly string[],
  options: { path?: string; cwd?: string } = {},
): Promise<Result> {
  const env = { ...process.env, ...(options.path === undefined ? {} : { PATH: options.path }) };
  return new Promise((resolve) => {
    const child = execFile(
      file,
      args,
      { env, cwd: options.cwd ?? '/', timeout: 120_000 },
      (error, stdout, stderr) => {
        resolve({ status: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
      },
    );
    child.stdin?.end();
  });
}

/** One hash over names, kinds, modes and contents of a folder. */
export function treeHash(folder: string): string {
  const hash = createHash('sha256');
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  for (const name of names) {
    const path = join(folder, name);
    const stat = lstatSync(path);
    hash.update(`${name} ${stat.mode} ${stat.uid} ${stat.gid}\n`);
    if (stat.isSymbolicLink()) hash.update(readlinkSync(path));
    if (stat.isFile()) hash.update(readFileSync(path));
  }
  return hash.digest('hex');
}
