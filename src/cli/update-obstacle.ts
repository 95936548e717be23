// What stands in the way of `kios update`, in words with what to do. Looks only: nothing is made before all of it is right.
import { accessSync, constants, lstatSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { failed, refused, type Outcome } from '../field/requests.ts';
import type { RootPlaces } from '../field/root-places.ts';
import { bundleName } from '../protocol/root-request.ts';

/** Why nothing can be said of the releases here; undefined: it can. */
export function updateObstacle({ base, current, kept }: RootPlaces): Outcome | undefined {
  const isThere = (path: string): boolean =>
    lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  if (!isThere(base) && !isThere(current)) return refused('kios is not installed here');
  // What root remembers cannot be told from what is not there when it cannot be read.
  const code = codeOf(() => readdirSync(kept));
  if (code === 'ENOENT') return refused(`kios is not installed here: there is no ${kept}`);
  if (code === undefined) return undefined;
  return refused(`${kept} cannot be read (${code}): use sudo [permission-denied]`);
}

/** Why a bundle cannot be handed to root; undefined: it can. */
export function applyObstacle(places: RootPlaces, file: string): Outcome | undefined {
  const name = basename(file);
  if (!bundleName.safeParse(name).success) {
    return refused(
      `"${name}" is no name of a bundle; keep the name kios-<version>-linux-<arch>.tar.gz`,
    );
  }
  const fileFault = readFault(file);
  if (fileFault !== undefined) return refused(`${file}: ${fileFault}`);
  const signatureFault = readFault(`${file}.sig`);
  if (signatureFault !== undefined) {
    return refused(`${file}.sig: ${signatureFault}; copy the signature beside the bundle`);
  }
  const obstacle = updateObstacle(places);
  if (obstacle !== undefined) return obstacle;
  const folder = join(places.ask, 'update');
  const code = codeOf(() => {
    accessSync(folder, constants.W_OK);
  });
  if (code === undefined) return undefined;
  return code === 'ENOENT'
    ? refused(`kios is not installed here, or only in part: there is no ${folder}`)
    : refused(`${folder} cannot be written (${code}): use sudo [permission-denied]`);
}

/**
 * Hands a bundle to root. Undefined: root has it; else why not, and what to do.
 * @param copy does all of it, and fails as files do
 */
export function handOver({ kept }: RootPlaces, copy: () => void): Outcome | undefined {
  const code = codeOf(copy);
  if (code === undefined) return undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return failed(
      `there is too little room in ${kept} for the bundle: see what fills it (df -h, journalctl --disk-usage)`,
    );
  }
  if (code === 'EROFS') return failed(`${kept} can only be read: look at the card (dmesg)`);
  return failed(`the bundle cannot be copied to ${kept} (${code}): look at stick and card (dmesg)`);
}

function readFault(file: string): string | undefined {
  const code = codeOf(() => {
    accessSync(file, constants.R_OK);
  });
  if (code === 'ENOENT') return 'there is no such file';
  if (code !== undefined) return `it cannot be read (${code})`;
  return statSync(file).isDirectory() ? 'that is a folder' : undefined;
}

/** The system's word where it refuses; undefined where it does not. */
function codeOf(attempt: () => unknown): string | undefined {
  try {
    attempt();
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return code;
  }
}
