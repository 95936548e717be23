// One process of the pool: runs the seeds that it is given, one after the other, and answers with their sums.
import { createHash } from 'node:crypto';
import { run, type Outcome } from './run.ts';
import { addOutcome, emptySums, type Job, type Result } from './sums.ts';

async function work({ from, until, bug, hashes }: Job): Promise<Result> {
  const result: Result = { sums: emptySums(), hashes: [] };
  for (let seed = from; seed < until; seed++) {
    const outcome = await run(seed, bug);
    addOutcome(result.sums, outcome);
    if (hashes) result.hashes.push(hashOf(outcome));
    if (outcome.broken === undefined) continue;
    result.broken = { seed, rule: outcome.broken };
    break;
  }
  return result;
}

function hashOf({ lines }: Outcome): string {
  return createHash('sha256').update(lines.join('\n')).digest('hex');
}

process.on('message', (job: Job) => {
  void work(job).then((result) => process.send?.(result));
});
