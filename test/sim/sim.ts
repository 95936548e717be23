// The command: `npm run sim -- --seeds N [--from S]`, `--seed S [--log]`, `--twice`, `--bug NAME`. Prints what was met, or
// the story of the seed that broke a rule with the command that repeats it; then it exits with 1.
import { parseArgs } from 'node:util';
import { bugNames, type Bug } from './bugs.ts';
import { hashTwice, runSeeds } from './pool.ts';
import { run } from './run.ts';
import { repeatCommand, storyOf } from './story.ts';
import { sumsText } from './sums.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    bug: { type: 'string' },
    log: { type: 'boolean', default: false },
    twice: { type: 'boolean', default: false },
  },
});

async function main(): Promise<number> {
  const bug = bugNames.find((name) => name === values.bug);
  if (values.bug !== undefined && bug === undefined) {
    say(`no such bug; there are: ${bugNames.join(', ')}`);
    return 2;
  }
  if (values.seed !== undefined) return tellOne(Number(values.seed), bug);
  const from = Number(values.from);
  const until = from + Number(values.seeds);
  if (values.twice) return compareTwice(from, until);
  const { sums, broken } = await runSeeds(from, until, bug);
  say(sumsText(sums));
  return broken === undefined ? 0 : tellOne(broken.seed, bug);
}

/** Its whole log, or what of it matters. */
async function tellOne(seed: number, bug: Bug | undefined): Promise<number> {
  const { lines, broken } = await run(seed, bug);
  if (values.log) say(lines.join('\n'));
  if (broken === undefined) {
    say(`seed ${seed}: no rule was broken`);
    return 0;
  }
  if (!values.log) say(storyOf(lines, broken).join('\n'));
  say(`\nseed ${seed}: ${broken}\nrepeat: ${repeatCommand(seed, bug)}`);
  return 1;
}

async function compareTwice(from: number, until: number): Promise<number> {
  const [once, again] = await hashTwice(from, until);
  const differs = once.findIndex((hash, index) => hash !== again[index]);
  if (differs < 0) {
    say(`${once.length} seeds gave the same log twice`);
    return 0;
  }
  say(`seed ${from + differs} gave another log the second time`);
  return 1;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

process.exitCode = await main();
