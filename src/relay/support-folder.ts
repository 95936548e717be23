// The support bundles that kiosks have sent, as files of this relay: a folder a kiosk, the newest few of each. It never looks
// into one: what a kiosk sends may be anything.
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { kioskId as kioskIdShape } from '../protocol/ids.ts';

/** Newest bundles of one kiosk that are kept. */
export const keptBundles = 5;
/** More kiosks than one relay serves. */
const maxKiosks = 20_000;

export interface KeptBundle {
  kioskId: string;
  name: string;
  bytes: number;
}

const nameForm = /^\d{8}T\d{9}Z-[0-9a-f]{8}\.tar\.gz$/;

/**
 * Keeps one more, whole or not at all, and lets the oldest of this kiosk go. Answers its name.
 * @param nowMs names it: bundles of one kiosk sort by time
 */
export async function keepBundle(
  folder: string,
  kioskId: string,
  bundle: Uint8Array,
  nowMs: number,
): Promise<string> {
  const own = join(folder, kioskId);
  await mkdir(own, { recursive: true, mode: 0o700 });
  const at = new Date(nowMs).toISOString().replace(/[-:.]/g, '');
  const name = `${at}-${randomBytes(4).toString('hex')}.tar.gz`;
  const beside = join(own, `${name}.new`);
  await writeFile(beside, bundle, { mode: 0o600, flush: true });
  await rename(beside, join(own, name));
  const names = await readdir(own);
  // With what a crash has left half written.
  const kept = new Set(
    names
      .filter((one) => nameForm.test(one))
      .toSorted()
      .slice(-keptBundles),
  );
  const left = names.filter((one) => !kept.has(one));
  await Promise.all(left.map((one) => rm(join(own, one), { force: true })));
  return name;
}

/** Oldest first for each kiosk. @param kioskId of this one alone */
export async function listBundles(folder: string, kioskId?: string): Promise<KeptBundle[]> {
  const folders = kioskId === undefined ? await namesIn(folder) : [kioskId];
  const kiosks = folders.filter((name) => kioskIdShape.safeParse(name).success);
  const bundles: KeptBundle[] = [];
  for (const kiosk of kiosks.toSorted().slice(0, maxKiosks)) {
    const names = (await namesIn(join(folder, kiosk))).filter((name) => nameForm.test(name));
    for (const name of names.toSorted()) {
      const { size } = await stat(join(folder, kiosk, name));
      bundles.push({ kioskId: kiosk, name, bytes: size });
    }
  }
  return bundles;
}

export async function readBundle(folder: string, { kioskId, name }: KeptBundle): Promise<Buffer> {
  return readFile(join(folder, kioskId, name));
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
