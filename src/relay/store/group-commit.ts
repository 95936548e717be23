// Many durable steps, one sync: what is asked for in one turn of the loop, and in a few more while others join, is
// committed together. Each step succeeds or fails alone; none is answered before the commit.
import { CompiledQuery, type Kysely } from 'kysely';
import { KiosError } from '../../protocol/errors.ts';
import { type Database, type Tx } from './database.ts';
import { type LockWait } from './sqlite-lock.ts';
import { type Tables } from './schema.ts';

export interface GroupCommit {
  transact: Database['transact'];
  /** Resolves when nothing waits any more. */
  idle(): Promise<void>;
}

/** A batch holds up whoever reads, so it has an end; the rest is the next batch. */
const maxStepsABatch = 256;
/**
 * Turns of the loop that a batch waits for others at most. Those who connect anew are heard one in each turn, because
 * libuv accepts one in each.
 */
const maxTurns = 8;
/** Above it the disk cannot keep up: whoever asks is told so at once instead of too late. */
const maxStepsWaiting = 20_000;

/** One step: runs it, and says how to answer whoever asked for it once the commit is through. */
interface Step {
  run(tx: Tx): Promise<() => void>;
  reject(error: unknown): void;
}

const savepoint = CompiledQuery.raw('savepoint step');
const release = CompiledQuery.raw('release step');
const rollback = CompiledQuery.raw('rollback to step');

/** For a database with one connection. `db` must begin its transactions as a writer. */
export function createGroupCommit(db: Kysely<Tables>, lockWait: LockWait): GroupCommit {
  const waiting: Step[] = [];
  let running: Promise<void> | undefined;
  /** A batch was committed in the turn before. */
  let busy = false;

  async function run(): Promise<void> {
    // To the end of the turn: whatever else is ready now joins this batch.
    await turn();
    while (waiting.length > 0) {
      // One that comes alone is not kept waiting; one that comes right after a commit is seldom alone.
      if (busy || waiting.length > 1) await gather();
      await commit(db, waiting.splice(0, maxStepsABatch), lockWait);
      busy = true;
      await turn();
    }
    busy = false;
    running = undefined;
  }

  /** While each turn brings more: a turn costs a tenth of a sync. */
  async function gather(): Promise<void> {
    for (let turns = 1, seen = 0; turns < maxTurns; turns++) {
      if (waiting.length === seen || waiting.length >= maxStepsABatch) return;
      seen = waiting.length;
      await turn();
    }
  }

  return {
    transact: <T>(work: (tx: Tx) => Promise<T>) =>
      new Promise<T>((resolve, reject) => {
        if (waiting.length >= maxStepsWaiting) {
          reject(new KiosError('store-down', 'too many steps wait for the disk'));
          return;
        }
        waiting.push({
          async run(tx) {
            const result = await work(tx);
            return () => {
              resolve(result);
            };
          },
          reject,
        });
        running ??= run();
      }),
    idle: () => running ?? Promise.resolve(),
  };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function commit(
  db: Kysely<Tables>,
  steps: readonly Step[],
  lockWait: LockWait,
): Promise<void> {
  // The lock is taken before the first step runs, so that nobody's waiting begins a step twice.
  const run = (each: RunStep): Promise<(() => void)[]> => lockWait(() => together(db, steps, each));
  const answers = await run((tx, step) => step.run(tx)).catch((error: unknown) => {
    const fail = (): void => {
      for (const step of steps) step.reject(error);
    };
    // One of them has failed, which is rare: savepoints, which cost each of them something, say which one.
    return steps.length === 1 ? [fail] : run(runAlone).catch(() => [fail]);
  });
  for (const answer of answers) answer();
}

type RunStep = (tx: Tx, step: Step) => Promise<() => void>;

/** One transaction. Resolves after its commit with how to answer each. */
function together(
  db: Kysely<Tables>,
  steps: readonly Step[],
  run: RunStep,
): Promise<(() => void)[]> {
  return db.transaction().execute(async (tx) => {
    const answers: (() => void)[] = [];
    for (const step of steps) answers.push(await run(tx, step));
    return answers;
  });
}

/** @throws what the database throws when even the roll back fails: then the whole batch falls. */
async function runAlone(tx: Tx, step: Step): Promise<() => void> {
  await tx.executeQuery(savepoint);
  let answer: () => void;
  try {
    answer = await step.run(tx);
  } catch (error) {
    await tx.executeQuery(rollback);
    answer = () => {
      step.reject(error);
    };
  }
  await tx.executeQuery(release);
  return answer;
}
