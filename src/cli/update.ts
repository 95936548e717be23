// `kios update`: what a technician does with releases. The work is root's unit's (src/field/update.ts); here it is asked
// for, waited for and shown.
import { randomUUID } from 'node:crypto';
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Command } from 'commander';
import { readAnswers } from '../field/requests.ts';
import { placesOf, type RootPlaces } from '../field/root-places.ts';
import { rollBack } from '../field/update.ts';
import { updateStatus } from '../field/update-status.ts';
import { systemClock, wait, type Clock } from '../lib/clock.ts';
import { askRootAt } from '../lib/ask-root.ts';
import type { RootAnswer, UpdateRequest } from '../protocol/root-request.ts';
import { updatingAt } from './root.ts';
import { addSelfCheck } from './self-check.ts';
import { applyObstacle, handOver, updateObstacle } from './update-obstacle.ts';

const lookEveryMs = 1_000;
/** Unpacking on a slow card, a customer, the trial. */
const answerLimitMs = 45 * 60_000;

interface Flags {
  root: string;
}

export function updateCommand(): Command {
  const update = new Command('update')
    .description('Takes a new release, tries it, and goes back by itself when it does not serve.')
    .option('--root <dir>', 'a folder tree that stands for the system', '/');
  const places = (): RootPlaces => placesOf(update.opts<Flags>().root);
  update
    .command('apply')
    .description('Updates from a bundle; its signature lies beside it, as FILE.sig.')
    .argument('<file>', 'kios-<version>-linux-<arch>.tar.gz')
    .option('--again', 'also a release that has failed here')
    .action(async (file: string, { again }: { again?: true }) => {
      tellOutcome(await apply(places(), systemClock, file, again));
    });
  update
    .command('status')
    .description('What runs, what has proved itself, what is on trial.')
    .option('--json', 'for a program')
    .action(({ json }: { json?: true }) => {
      const at = places();
      const obstacle = updateObstacle(at);
      if (obstacle !== undefined) {
        tellOutcome(obstacle);
        return;
      }
      const status = updateStatus(at);
      const lines = Object.entries(status).map(([name, value]) => `${name}: ${wordsOf(value)}`);
      process.stdout.write(`${json === true ? JSON.stringify(status) : lines.join('\n')}\n`);
    });
  update
    .command('rollback')
    .description('Goes back to the release before.')
    .action(async () => {
      const at = places();
      tellOutcome(updateObstacle(at) ?? (await rollBack(updatingAt(at))));
    });
  addSelfCheck(update);
  return update;
}

async function apply(
  places: RootPlaces,
  clock: Clock,
  file: string,
  again?: true,
): Promise<Omit<RootAnswer, 'id'>> {
  const obstacle = applyObstacle(places, file);
  if (obstacle !== undefined) return obstacle;
  const bundle = basename(file);
  const incoming = join(places.kept, 'incoming');
  const copies = [bundle, `${bundle}.sig`].map((name) => join(incoming, name));
  const id = randomUUID();
  const request: UpdateRequest = { id, bundle, ...(again === undefined ? {} : { again }) };
  try {
    const hindered = handOver(places, () => {
      // What a power cut has left of an earlier one would stay for ever.
      rmSync(incoming, { recursive: true, force: true });
      mkdirSync(incoming, { recursive: true, mode: 0o700 });
      copyFileSync(file, join(incoming, bundle));
      copyFileSync(`${file}.sig`, join(incoming, `${bundle}.sig`));
      askRootAt(places.ask, 'update', request);
    });
    if (hindered !== undefined) return hindered;
    process.once('SIGINT', leaveWaiting);
    const limit = `${answerLimitMs / 60_000} min`;
    process.stdout.write(
      `kios: asked for it; a trial takes some minutes. Waiting, at most ${limit} …\n`,
    );
    return await untilAnswered(places, clock, id);
  } finally {
    for (const copy of copies) rmSync(copy, { force: true });
  }
}

/** Ends without tidying up: the unit may not have read the bundle yet. */
function leaveWaiting(): void {
  process.stderr.write('\nkios: the update goes on; see kios update status\n');
  process.exit(130);
}

async function untilAnswered(
  places: RootPlaces,
  clock: Clock,
  id: string,
): Promise<Omit<RootAnswer, 'id'>> {
  const untilMs = clock.monotonicMs() + answerLimitMs;
  while (clock.monotonicMs() < untilMs) {
    const answer = readAnswers(places, 'update').find((one) => one.id === id);
    if (answer !== undefined) return answer;
    await wait(clock, lookEveryMs);
  }
  return {
    outcome: 'failed',
    why: `no answer in ${answerLimitMs / 60_000} min: systemctl status kios-update.path kios-update`,
  };
}

export function tellOutcome({ outcome, why }: Omit<RootAnswer, 'id'>): void {
  const out = outcome === 'done' ? process.stdout : process.stderr;
  out.write(`kios: ${why}\n`);
  process.exitCode = outcome === 'done' ? 0 : 1;
}

function wordsOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
