// Many seeds on all cores: each process takes the next few until one breaks a rule, or all are through.
import { fork, type ChildProcess } from 'node:child_process';
import { availableParallelism } from 'node:os';
import type { Bug } from './bugs.ts';
import { addSums, emptySums, type Job, type Result, type Sums } from './sums.ts';

/** So many that the ends fall together, and so few that the messages cost nothing. */
const seedsAtOnce = 50;
const worker = new URL('worker.ts', import.meta.url);

export interface Many {
  sums: Sums;
  /** The lowest seed that broke a rule, of those that were run. */
  broken?: { seed: number; rule: string };
}

/** Runs the jobs, as many at a time as there are cores, and hands each answer over. False ends it early. */
async function runJobs(
  jobs: readonly Job[],
  take: (job: Job, result: Result) => boolean,
): Promise<void> {
  const left = [...jobs];
  const serve = async (): Promise<void> => {
    const child = fork(worker, { execArgv: [], stdio: 'inherit' });
    try {
      for (let job = left.shift(); job !== undefined; job = left.shift()) {
        if (!take(job, await ask(child, job))) left.length = 0;
      }
    } finally {
      child.disconnect();
    }
  };
  const processes = Math.min(availableParallelism(), jobs.length);
  await Promise.all(Array.from({ length: processes }, serve));
}

function ask(child: ChildProcess, job: Job): Promise<Result> {
  return new Promise((resolve, reject) => {
    const died = (): void => {
      reject(new Error(`a process died within seeds ${job.from} to ${job.until - 1}`));
    };
    child.once('exit', died);
    child.once('message', (result) => {
      child.off('exit', died);
      resolve(result as Result);
    });
    child.send(job);
  });
}

/** All seeds from `from` to below `until`, or up to the first that breaks a rule. */
export async function runSeeds(from: number, until: number, bug?: Bug): Promise<Many> {
  const many: Many = { sums: emptySums() };
  await runJobs(jobsOf(from, until, bug), (_job, { sums, broken }) => {
    addSums(many.sums, sums);
    if (broken !== undefined && broken.seed < (many.broken?.seed ?? Infinity)) many.broken = broken;
    return broken === undefined;
  });
  return many;
}

/** The first of `limit` seeds that finds each bug; a bug that is not in the answer was not found. */
export async function findBugs(limits: ReadonlyMap<Bug, number>): Promise<Map<Bug, number>> {
  const found = new Map<Bug, number>();
  const jobs = [...limits].map(([bug, limit]) => ({
    from: 1,
    until: limit + 1,
    bug,
    hashes: false,
  }));
  await runJobs(jobs, ({ bug }, { broken }) => {
    if (bug !== undefined && broken !== undefined) found.set(bug, broken.seed);
    return true;
  });
  return found;
}

/** The logs of these seeds, as hashes, by two processes where there are two cores. */
export async function hashTwice(from: number, until: number): Promise<[string[], string[]]> {
  const job = { from, until, hashes: true };
  const answers: string[][] = [];
  await runJobs([job, { ...job }], (_job, { hashes }) => answers.push(hashes) > 0);
  return [answers[0] ?? [], answers[1] ?? []];
}

function jobsOf(from: number, until: number, bug: Bug | undefined): Job[] {
  const jobs: Job[] = [];
  for (let first = from; first < until; first += seedsAtOnce) {
    const job = { from: first, until: Math.min(first + seedsAtOnce, until), hashes: false };
    jobs.push(bug === undefined ? job : { ...job, bug });
  }
  return jobs;
}
