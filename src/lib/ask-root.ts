// Drops a request where a root unit looks for it (docs/DESIGN.md §7). Must never leave half a request to be read.
import { chmodSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Root's unit is of our group, and nobody else is: a request may hold a password. */
const mode = 0o640;

/**
 * @param folder `askFolder`, or what stands for it
 * @throws when there is no such folder, or this user may not write into it
 */
export function askRootAt(folder: string, task: string, request: Readonly<{ id: string }>): void {
  const path = join(folder, task, `${request.id}.json`);
  // The unit looks for names that end with .json.
  const beside = `${path}.new`;
  writeFileSync(beside, JSON.stringify(request), { mode, flag: 'wx' });
  // The umask of the daemon leaves the group out.
  chmodSync(beside, mode);
  renameSync(beside, path);
}
