// The machine itself, as `kios doctor` sees it: service, disk, identity, journal, clock. Each check ends by itself and
// writes nothing.
import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statfsSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startTool } from '../../drivers/dispenser/tool.ts';
import { readIdentity, type Identity } from '../kiosk/identity.ts';
import { faultWords } from '../kiosk/journal-chain.ts';
import { journalName } from '../kiosk/journal-file.ts';
import { chainFault, countJournal, newestRules } from '../kiosk/journal-verify.ts';
import { withJournalView } from '../kiosk/journal-view.ts';
import { lockFolder, type FolderLock } from '../kiosk/lock.ts';
import { checkMachine } from '../kiosk/machine.ts';
import { userName } from '../lib/user-name.ts';
import { KiosError } from '../protocol/errors.ts';
import { healthFile, healthReport, type HealthReport } from '../protocol/root-request.ts';
import { fault, look, skipped, well, type Finding } from './finding.ts';

/** As the kiosk's own watch of the disk. */
const minFreeBytes = 32 * 1024 * 1024;
const lowFreeBytes = 256 * 1024 * 1024;
const toolLimitMs = 5000;
/** statfs(2): ST_RDONLY is not in Node's answer; the kernel's own list of mounts has it. */
const mounts = '/proc/self/mounts';
/** No entry has a higher number. */
const maxNumber = Number.MAX_SAFE_INTEGER;
/** A kiosk tells it every five seconds; nothing older is believed (health-file.ts). */
const healthFreshMs = 30_000;

/** What a failure of the state folder is, whatever raised it. */
export function stateFault(check: string, error: unknown): Finding {
  if (error instanceof KiosError) return fault(check, error.code, error.message);
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof Error) || !('code' in error)) return fault(check, 'internal', message);
  if (error.code === 'EROFS') return fault(check, 'disk-read-only', message);
  const denied = error.code === 'EACCES' || error.code === 'EPERM';
  return fault(check, denied ? 'permission-denied' : 'journal-failed', message);
}

/** @param path where programs are looked for; for tests */
export async function checkUnit(path?: string): Promise<Finding> {
  const asked = ['show', 'kios.service', '-p', 'LoadState,ActiveState,SubState,NRestarts,Result'];
  const tools = path === undefined ? {} : { path };
  const { status, output } = await startTool('systemctl', asked, tools, toolLimitMs).ended;
  const said = new Map(output.split('\n').map((line) => [line.split('=')[0], line.split('=')[1]]));
  if (status !== 0)
    return skipped('service', 'systemd is not asked here: systemctl does not answer');
  if (said.get('LoadState') !== 'loaded')
    return skipped('service', 'kios.service is not installed');
  const state = `${said.get('ActiveState') ?? '?'} (${said.get('SubState') ?? '?'})`;
  const detail = `kios.service is ${state}, restarts: ${said.get('NRestarts') ?? '?'}`;
  if (said.get('ActiveState') === 'active') return well('service', detail);
  return look('service', 'service-down', `${detail}, result: ${said.get('Result') ?? '?'}`);
}

/** The kiosk's own word on its parts; undefined where none is fresh. @param folder `/run/kios` */
export async function runningHealth(
  folder: string,
  monotonicMs: number,
): Promise<HealthReport | undefined> {
  try {
    const read: unknown = JSON.parse(await readFile(join(folder, healthFile), 'utf8'));
    const report = healthReport.safeParse(read).data;
    if (report === undefined || Math.abs(monotonicMs - report.atMs) > healthFreshMs)
      return undefined;
    return report;
  } catch {
    return undefined; // Not run as a service, or not for long enough.
  }
}

/**
 * Holds the devices for the doctor: while it has them no kiosk starts. `running`: a kiosk has them.
 * @param access for tests
 * @throws KiosError `permission-denied` where this user cannot know, `disk-read-only`, and as the lock
 */
export function takeKiosk(stateDir: string, access = accessSync): FolderLock | 'running' {
  const path = join(stateDir, 'lock.sqlite');
  try {
    access(path, constants.R_OK | constants.W_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // No kiosk has run here. No file is made: one of root's would keep the kiosk's own user out.
    if (code === 'ENOENT') return { release: () => undefined };
    if (code === 'EROFS') {
      throw new KiosError('disk-read-only', `${path} is on a disk that can only be read`, error);
    }
    const why = `the user ${userName()} cannot tell whether the kiosk runs; use sudo`;
    throw new KiosError('permission-denied', why, error);
  }
  try {
    return lockFolder(stateDir);
  } catch (error) {
    if (error instanceof KiosError && error.code === 'kiosk-running') return 'running';
    throw error;
  }
}

/** As `takeKiosk`, for a command that needs a device. @throws KiosError also `kiosk-running` */
export function holdKiosk(stateDir: string): FolderLock {
  const lock = takeKiosk(stateDir);
  if (lock !== 'running') return lock;
  throw new KiosError('kiosk-running', 'the kiosk has its devices: systemctl stop kios');
}

/** @param mountsFile for tests */
export function checkDisk(stateDir: string, mountsFile = mounts): Finding {
  try {
    if (!existsSync(stateDir)) {
      const isLink = lstatSync(stateDir, { throwIfNoEntry: false })?.isSymbolicLink() === true;
      if (!isLink) return fault('disk', 'not-enrolled', `there is no folder ${stateDir}`);
      return fault('disk', 'data-missing', `${stateDir} leads to ${readlinkSync(stateDir)}`);
    }
    const { bavail, bsize } = statfsSync(stateDir);
    const detail = `${Math.floor((bavail * bsize) / 1024 / 1024)} MiB free at ${stateDir}`;
    if (isReadOnly(realpathSync(stateDir), mountsFile))
      return fault('disk', 'disk-read-only', detail);
    if (bavail * bsize < minFreeBytes) return fault('disk', 'disk-full', detail);
    if (bavail * bsize < lowFreeBytes) return look('disk', 'disk-full', detail);
    return well('disk', detail);
  } catch (error) {
    return stateFault('disk', error);
  }
}

/** Whether the file system of a folder is mounted `ro`: the last mount of the longest path that holds it counts. */
function isReadOnly(folder: string, mountsFile: string): boolean {
  let best = { length: -1, readOnly: false };
  for (const line of readFileSync(mountsFile, 'utf8').split('\n')) {
    const [, at = '', , options = ''] = line.split(' ');
    const holds = at !== '' && (folder === at || folder.startsWith(at === '/' ? at : `${at}/`));
    if (!holds || at.length < best.length) continue;
    best = { length: at.length, readOnly: options.split(',').includes('ro') };
  }
  return best.readOnly;
}

/** The identity, and whether it is this machine's. */
export async function checkIdentity(
  stateDir: string,
  serial: string | undefined,
): Promise<{ finding: Finding; identity?: Identity }> {
  try {
    const identity = readIdentity(stateDir);
    const journal = join(stateDir, journalName);
    const rules = existsSync(journal)
      ? await withJournalView(journal, (db) => Promise.resolve(newestRules(db, maxNumber)))
      : undefined;
    checkMachine(identity, serial, rules);
    const { kioskId, environment, merchant } = identity.enrolment;
    const detail = `${kioskId} of ${merchant.name} (${environment}), relay ${identity.relayUrl}`;
    return { finding: well('identity', detail), identity };
  } catch (error) {
    return { finding: stateFault('identity', error) };
  }
}

/** Every entry and every sale, as `kios journal verify` does it. */
export async function checkJournal(stateDir: string): Promise<Finding> {
  const path = join(stateDir, journalName);
  try {
    if (!existsSync(path)) {
      // Without a right to the folder nothing is seen in it.
      accessSync(stateDir, constants.R_OK | constants.X_OK);
      return well('journal', 'there is none yet; the first start makes it');
    }
    return await withJournalView(path, (db) => {
      const wrong = chainFault(db);
      if (wrong !== undefined) {
        return Promise.resolve(fault('journal', 'journal-damaged', faultWords(wrong)));
      }
      const { first, head, sales } = countJournal(db);
      const entries = head.number - first + 1;
      return Promise.resolve(well('journal', `whole: ${entries} entries, ${sales} sales`));
    });
  } catch (error) {
    return stateFault('journal', error);
  }
}
