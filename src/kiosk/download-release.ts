// Fetches the release that the relay names, and shows it to root, which verifies it and puts it on trial. Seldom, in a quiet
// moment, and not without end: what root has refused is not fetched again, unless its signature is another one.
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { wait, type Clock } from '../lib/clock.ts';
import { writeDurably } from '../lib/durable.ts';
import type { Log } from '../lib/log.ts';
import { KiosError } from '../protocol/errors.ts';
import {
  arches,
  bundleNameOf,
  maxBundleBytes,
  releaseAnswer,
  sha256,
  signatureBytes,
  type Release,
} from '../protocol/release.ts';
import type { RootAnswer } from '../protocol/root-request.ts';
import type { AskRoot } from './ask-root.ts';
import { download as downloadByHttp, type Download } from './download.ts';
import type { RelayClient } from './relay-client.ts';

/** The first question comes after a start that has settled, and a fleet does not ask in one moment. */
const firstMs = 300_000;
const everyMs = 3_600_000;
/** A bundle with its signature is tried so often, and again only so much later: a line may have been bad. */
const maxTries = 4;
const againMs = 6 * 3_600_000;
/** So long after the last try they count anew: what was wrong may have been mended. What root refused stays refused. */
const forgetTriesMs = 7 * 24 * 3_600_000;
const lookEveryMs = 1_000;
/** For a quiet moment to begin in. */
const quietLimitMs = 3_600_000;
/** Longer than a customer keeps the line: meanwhile nothing is read. */
const silenceMs = 600_000;
const downloadLimitMs = 4 * 3_600_000;
/** Root unpacks, waits for a quiet moment and watches the trial. */
const rootLimitMs = 45 * 60_000;
/** For journal and log, and for root to unpack in where the releases are on the same disk. */
const leaveBytes = 300 * 1024 * 1024;

export interface ReleaseWatch {
  stateDir: string;
  /** What runs. */
  version: string;
  client: Pick<RelayClient, 'ask'>;
  askRoot: AskRoot;
  /** False where no unit of root would answer, as on a laptop. */
  canUpdate: () => boolean;
  /** Nobody is being served. */
  idle: () => boolean;
  clock: Clock;
  log: Log;
  random: () => number;
  signal: AbortSignal;
  /** For a test. */
  arch?: string;
  download?: (wanted: Download) => Promise<void>;
}

const triedShape = z.object({
  version: z.string().max(32),
  sha256,
  /** SHA-256 of the signature that lay beside it: a junk one must not shut the good one out. Left out: none came yet. */
  signature: sha256.optional(),
  tries: z.int().min(0),
  /** Wall clock: a label. When it has gone back since, it is time again. */
  atMs: z.number(),
  /** It will never be taken here. */
  over: z.literal(true).optional(),
});
type Tried = z.infer<typeof triedShape>;

/** Asks for as long as the kiosk runs. */
export async function watchRelease(watch: ReleaseWatch): Promise<void> {
  const { clock, random, signal } = watch;
  tidy(watch);
  await wait(clock, firstMs + everyMs * random(), signal);
  while (!signal.aborted) {
    await lookForRelease(watch);
    await wait(clock, everyMs, signal);
  }
}

/** One round: asks, and fetches and shows what there is. */
export async function lookForRelease(watch: ReleaseWatch): Promise<void> {
  const { client, version, canUpdate, log, arch = process.arch } = watch;
  const own = arches.find((one) => one === arch);
  if (own === undefined || !canUpdate()) return;
  const answer = await client.ask('GET', `/v1/release?arch=${own}`, undefined, releaseAnswer);
  const release = answer.ok ? answer.value.release : undefined;
  if (release === undefined || release.version === version) return;
  const before = triedOf(watch, release);
  if (!isTime(watch, before)) return;
  if (!(await untilIdle(watch))) return;
  const bundle = bundleNameOf(release.version, own);
  try {
    const tried = await begin(watch, release, bundle, before);
    if (tried === undefined) return;
    await fetchOne(watch, release, bundle, maxBundleBytes, release.sha256);
    log.info({ release: release.version }, 'release.fetched');
    const told = await show(watch, bundle);
    log.warn({ release: release.version, outcome: told?.outcome, why: told?.why }, 'release.shown');
    if (told?.outcome === 'refused') remember(watch, { ...tried, over: true });
  } catch (error) {
    if (!(error instanceof KiosError)) throw error;
    log.warn({ release: release.version, reason: error.message }, 'release.not-fetched');
  }
}

/** Notes the try and fetches the signature. Undefined: with this one the bundle has been tried enough. */
async function begin(
  watch: ReleaseWatch,
  release: Release,
  bundle: string,
  before: Tried,
): Promise<Tried | undefined> {
  const isSpent = before.over === true || before.tries >= maxTries;
  const tried = { ...before, tries: before.tries + 1, atMs: watch.clock.nowMs() };
  // Before anything is fetched: a kiosk that dies of it does not try for ever.
  if (!isSpent) remember(watch, tried);
  const folder = folderOf(watch);
  tidy(watch);
  mkdirSync(folder, { mode: 0o700 });
  const name = `${bundle}.sig`;
  await fetchOne(watch, release, name, signatureBytes);
  const signature = createHash('sha256')
    .update(readFileSync(join(folder, name)))
    .digest('hex');
  const isSame = before.signature === signature;
  if (isSame && isSpent) {
    tidy(watch);
    return undefined;
  }
  const { over: _over, ...fresh } = tried;
  const next = isSame ? tried : { ...fresh, signature, tries: 1 };
  remember(watch, next);
  return next;
}

async function fetchOne(
  watch: ReleaseWatch,
  release: Release,
  file: string,
  maxBytes: number,
  sum?: string,
): Promise<void> {
  const { signal, download = downloadByHttp } = watch;
  const mayGoOn = async (): Promise<void> => {
    await untilIdle(watch);
  };
  await download({
    ...{ url: new URL(file, release.url), path: join(folderOf(watch), file), maxBytes },
    ...(sum === undefined ? {} : { sha256: sum }),
    ...{ leaveBytes, silenceMs, limitMs: downloadLimitMs, mayGoOn, signal },
  });
}

/** What came of it; undefined: this process ended with the release before, or root says nothing. */
async function show(watch: ReleaseWatch, bundle: string): Promise<RootAnswer | undefined> {
  const { askRoot, signal } = watch;
  try {
    return await askRoot('update', { id: randomUUID(), bundle }, rootLimitMs, signal);
  } finally {
    // Root has read it into its own memory, or will not. Ended meanwhile: the next start tidies up.
    if (!signal.aborted) tidy(watch);
  }
}

/** False: nobody left for so long, or the kiosk ends. */
async function untilIdle({ idle, clock, signal }: ReleaseWatch): Promise<boolean> {
  const untilMs = clock.monotonicMs() + quietLimitMs;
  while (!idle() && !signal.aborted && clock.monotonicMs() < untilMs) {
    await wait(clock, lookEveryMs, signal);
  }
  return idle() && !signal.aborted;
}

function isTime({ clock }: ReleaseWatch, { tries, atMs, signature }: Tried): boolean {
  // Whether another signature lies there can only be told from one that came.
  if (tries >= maxTries && signature === undefined) return false;
  const agoMs = clock.nowMs() - atMs;
  return tries === 0 || agoMs < 0 || agoMs >= againMs;
}

const folderOf = ({ stateDir }: ReleaseWatch): string => join(stateDir, 'updates');
const triedPath = ({ stateDir }: ReleaseWatch): string => join(stateDir, 'release-tried.json');

/** What is left of an earlier life is of no use to anybody. */
function tidy(watch: ReleaseWatch): void {
  rmSync(folderOf(watch), { recursive: true, force: true });
}

function triedOf(watch: ReleaseWatch, { version, sha256: sum }: Release): Tried {
  const path = triedPath(watch);
  const none: Tried = { version, sha256: sum, tries: 0, atMs: 0 };
  if (!existsSync(path)) return none;
  try {
    const tried = triedShape.safeParse(JSON.parse(readFileSync(path, 'utf8'))).data;
    if (tried?.version !== version || tried.sha256 !== sum) return none;
    const isOld = watch.clock.nowMs() - tried.atMs >= forgetTriesMs;
    return isOld && tried.over !== true ? none : tried;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return none;
  }
}

function remember(watch: ReleaseWatch, tried: Tried): void {
  writeDurably(triedPath(watch), `${JSON.stringify(tried)}\n`);
}
