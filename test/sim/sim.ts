// The command: `node test/sim/sim.ts --seeds N [--from S]`, `--seed S [--log]`, `--twice`, `--bug NAME`. Prints what was
// met, or the seed that broke a rule with the command that repeats it; then it exits with 1.
import { parseArgs } from 'node:util';
import { bugNames, type Bug } from './bugs.ts';
import { faultKinds, type FaultKind } from './draw.ts';
import { run, type Outcome } from './run.ts';

const lastLines = 60;
const dayMs = 24 * 3_600_000;

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
  const from = Number(values.seed ?? values.from);
  const until = values.seed === undefined ? from + Number(values.seeds) : from + 1;
  const sums = new Sums();
  for (let seed = from; seed < until; seed++) {
    const outcome = await run(seed, bug);
    sums.add(outcome);
    if (values.log) say(outcome.lines.join('\n'));
    if (outcome.broken !== undefined) {
      tellBroken(outcome, bug);
      return 1;
    }
    if (values.twice && (await run(seed, bug)).lines.join('\n') !== outcome.lines.join('\n')) {
      say(`seed ${seed} gave another log the second time`);
      return 1;
    }
  }
  say(sums.text());
  return 0;
}

function tellBroken({ seed, broken, lines }: Outcome, bug: Bug | undefined): void {
  say(lines.slice(-lastLines).join('\n'));
  say(`\nseed ${seed}: ${broken ?? ''}`);
  say(
    `repeat: node test/sim/sim.ts --seed ${seed} --log${bug === undefined ? '' : ` --bug ${bug}`}`,
  );
}

class Sums {
  #runs = 0;
  #virtualMs = 0;
  readonly #count = { sales: 0, shown: 0, pulses: 0, crashes: 0 };
  readonly #struck = new Map<FaultKind, number>();

  add({ count, struck, virtualMs }: Outcome): void {
    this.#runs++;
    this.#virtualMs += virtualMs;
    for (const name of ['sales', 'shown', 'pulses', 'crashes'] as const) {
      this.#count[name] += count[name];
    }
    for (const [kind, times] of struck) {
      this.#struck.set(kind, (this.#struck.get(kind) ?? 0) + times);
    }
  }

  text(): string {
    const { sales, shown, pulses, crashes } = this.#count;
    const faults = faultKinds.map((kind) => `  ${kind}: ${this.#struck.get(kind) ?? 0}`);
    return [
      `${this.#runs} runs, ${sales} sales begun, ${shown} QRs shown, ${pulses} pulses,`,
      `${crashes} crashes, ${(this.#virtualMs / dayMs).toFixed(1)} virtual days; faults:`,
      ...faults,
    ].join('\n');
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

process.exitCode = await main();
