// A signed bundle becomes a release's folder: read once into memory, verified there by the installed key and the installed
// Node, unpacked beside its place, checked file by file, asked whether it could serve here, renamed. Nothing of it is
// obeyed before its signature is known to be good.
import { createHash, verify, type KeyObject } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { filesOf, sumsFile } from './bundle-archive.ts';
import { syncFolder } from '../lib/durable.ts';
import { readGuarded } from './read-guarded.ts';
import type { RootPlaces } from './root-places.ts';
import { runTool, ToolError } from './run-tool.ts';
import { readKey } from './trust.ts';
import {
  floorOf,
  goodTarget,
  maxTries,
  readState,
  runningTarget,
  triesOf,
} from './update-state.ts';
import { versionFault } from './version-order.ts';

/** Ours have some 60 MB. */
const maxBundleBytes = 200 * 1024 * 1024;
const signatureBytes = 64;
/** What a bundle of one byte needs unpacked, at most, and what must be left for journal and log. */
const unpackedBytesPerByte = 5;
const leftBytes = 100 * 1024 * 1024;
/** A year's journal is read in some seconds, on a slow card in a minute. */
const selfCheckLimitS = 300;
/** Of what it says meanwhile. */
const maxSaidLength = 4_000;

export type Unpacked =
  | {
      kind: 'release';
      release: string;
      version: string;
      /** What it said of this machine's files while it checked itself, a line each. */
      said: readonly string[];
    }
  /** It runs already. */
  | { kind: 'there'; release: string }
  /** Never this bundle on this machine. `failed`: later perhaps. */
  | { kind: 'refused' | 'failed'; why: string };

const refused = (why: string): Unpacked => ({ kind: 'refused', why });

/** @param again a release that failed here is taken all the same: a person asks. */
export async function unpackBundle(
  places: RootPlaces,
  name: string,
  again = false,
): Promise<Unpacked> {
  const bundle = readBundle(places, name);
  if (typeof bundle === 'string') return refused(bundle);
  const room = roomFault(places, bundle.length);
  if (room !== undefined) return { kind: 'failed', why: room };
  const building = join(places.releases, '.unpacking');
  rmSync(building, { recursive: true, force: true });
  mkdirSync(building, { recursive: true });
  const options = ['--extract', '--gzip', '--strip-components=1', '--no-same-owner'];
  try {
    await runTool('tar', [...options, '--file=-', `--directory=${building}`], { input: bundle });
    return await finish(places, building, again);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    return { kind: 'failed', why: error.message };
  } finally {
    rmSync(building, { recursive: true, force: true });
  }
}

/** The bytes of the first one whose signature is good; else why the first is not: a technician's is looked at first. */
function readBundle(places: RootPlaces, name: string): Buffer | string {
  const key = readKey(places.releaseKey);
  if (key?.asymmetricKeyType !== 'ed25519') return `there is no Ed25519 key ${places.releaseKey}`;
  let fault: string | undefined;
  for (const folder of places.incoming.filter((one) => existsSync(join(one, name)))) {
    const bundle = readSigned(folder, name, key);
    if (typeof bundle !== 'string') return bundle;
    fault ??= bundle;
  }
  return fault ?? `there is no ${name} to be read`;
}

function readSigned(folder: string, name: string, key: KeyObject): Buffer | string {
  const bytes = readGuarded(join(folder, name), maxBundleBytes);
  if (bytes === undefined) return `${name} is no file that may be read, or larger than any bundle`;
  const signature = readGuarded(join(folder, `${name}.sig`), signatureBytes);
  if (signature === undefined) return `there is no signature ${name}.sig`;
  if (verify(null, bytes, key, signature)) return bytes;
  return `${name} is not signed by the key of this kiosk`;
}

function roomFault({ releasesPlace }: RootPlaces, bundleBytes: number): string | undefined {
  const { bavail, bsize } = statfsSync(releasesPlace);
  if (bavail * bsize >= bundleBytes * unpackedBytesPerByte + leftBytes) return undefined;
  return `there is too little room in ${releasesPlace}`;
}

async function finish(places: RootPlaces, building: string, again: boolean): Promise<Unpacked> {
  const fault = await sumsFault(building);
  if (fault !== undefined) return refused(fault);
  if (!existsSync(join(building, 'node_modules', `node-linux-${process.arch}`))) {
    return refused(`the bundle is for another machine than ${process.arch}`);
  }
  const manifest: unknown = JSON.parse(readFileSync(join(building, 'package.json'), 'utf8'));
  const version = z.object({ version: z.string() }).parse(manifest).version;
  const older = versionFault(version, floorOf(places));
  if (older !== undefined) return refused(older);
  const sums = createHash('sha256').update(readFileSync(join(building, sumsFile)));
  // As scripts/provision/release.sh names it: two different programs never share a folder.
  const release = `${version}-${sums.digest('hex').slice(0, 12)}`;
  const runs = [runningTarget(places), goodTarget(places)].map((target) => basename(target));
  if (runs.includes(release)) return { kind: 'there', release };
  if (!again && triesOf(readState(places), release) >= maxTries)
    return refused(`${release} failed here often`);
  const checked = await selfCheck(places, building);
  if ('why' in checked) return { kind: 'failed', why: checked.why };
  await place(places, building, release);
  return { kind: 'release', release, version, said: checked.said };
}

/** A release is whole: every file as its sums say, and none beside them. */
async function sumsFault(release: string): Promise<string | undefined> {
  const path = join(release, sumsFile);
  if (!existsSync(path)) return `the bundle has no ${sumsFile}`;
  const left = new Set((await filesOf(release)).filter((file) => file !== sumsFile));
  for (const line of readFileSync(path, 'utf8').trimEnd().split('\n')) {
    const [, sum, file] = /^([0-9a-f]{64}) {2}\.\/(.+)$/.exec(line) ?? [];
    if (sum === undefined || file === undefined || !left.delete(file)) {
      return `the sums of the bundle name ${(file ?? line).slice(0, 100)}, which is not in it`;
    }
    const found = createHash('sha256').update(readFileSync(join(release, file)));
    if (found.digest('hex') !== sum) return `${file} is damaged`;
  }
  const [extra] = left;
  return extra === undefined ? undefined : `${extra} has no sum`;
}

/**
 * The new release itself, as the user that it will run as, starts the kiosk's program far enough to see that it loads, and
 * reads configuration, identity and journal. What it only warns of is said, and holds nothing back.
 */
async function selfCheck(
  places: RootPlaces,
  building: string,
): Promise<{ said: readonly string[] } | { why: string }> {
  const node = join(building, 'node_modules/.bin/node');
  const command = [node, join(building, 'src/cli/kios.ts'), 'update', 'self-check'];
  const asKiosk = ['setpriv', '--reuid=kios', '--regid=kios', '--init-groups', '--no-new-privs'];
  const limit = [`${selfCheckLimitS}`, ...asKiosk, '--', ...command];
  try {
    const args = [...limit, '--config', places.kioskConfig];
    const written = await runTool('timeout', args, { keepLength: maxSaidLength });
    return { said: written.split('\n').filter((line) => line !== '') };
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    return { why: `the new release cannot serve here: ${error.message}` };
  }
}

async function place(places: RootPlaces, building: string, release: string): Promise<void> {
  const folder = join(places.releases, release);
  // All its files are on the disk before it has its name: a name is what a link may lead to.
  await runTool('sync', ['--file-system', building]);
  // One that was placed before a power cut; it is known to be whole only here.
  if (lstatSync(folder, { throwIfNoEntry: false }) !== undefined) {
    rmSync(folder, { recursive: true });
  }
  renameSync(building, folder);
  syncFolder(places.releases);
}
