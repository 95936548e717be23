// docs/relay.md "Backup and restore", as an operator does it: each block that the page calls tried is read out of it and run,
// line by line, against real processes. A kiosk sells on meanwhile, and afterwards the books balance.
import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { startPostgres, type PostgresServer } from '../relay/postgres-server.ts';
import { runKios } from './program.ts';
import { World } from './world.ts';

const root = join(import.meta.dirname, '../..');
let world: World | undefined;
let postgres: PostgresServer | undefined;

afterEach(async () => {
  await world?.end();
  await postgres?.stop();
  world = postgres = undefined;
});

/** The lines of a block of the page, without their remarks. */
async function block(name: string): Promise<string[]> {
  const page = await readFile(join(root, 'docs/relay.md'), 'utf8');
  const [, lines] = new RegExp(`<!-- tried: ${name} -->\n\`\`\`\n([^]*?)\n\`\`\``).exec(page) ?? [];
  if (lines === undefined) throw new Error(`docs/relay.md has no block ${name}`);
  return lines.split('\n');
}

/** In place of what this machine has not: the users of a server, and the relay as a service. */
const standIns = {
  sudo: 'while [[ $1 == -u ]]; do shift 2; done\nexec "$@"',
  install:
    'args=()\nwhile (($#)); do case $1 in -o | -g) shift 2 ;; *) args+=("$1"); shift ;; esac; done\nexec /usr/bin/install "${args[@]}"',
  kios: `exec ${process.execPath} ${join(root, 'src/cli/kios.ts')} "$@"`,
};

/** Runs a block where the relay's files are those of this world. */
async function follow(at: World, name: string, env: Record<string, string> = {}): Promise<void> {
  const bin = join(at.folder, 'bin');
  await mkdir(bin, { recursive: true });
  for (const [tool, script] of Object.entries(standIns)) {
    await writeFile(join(bin, tool), `#!/bin/bash\n${script}\n`);
    await chmod(join(bin, tool), 0o755);
  }
  const places = [
    ['/etc/kios/relay.yaml', join(at.folder, 'relay.yaml')],
    ['/var/lib/kios-relay/relay.db', join(at.folder, 'relay/relay.sqlite')],
    ['/var/lib/kios-relay/', `${join(at.folder, 'relay')}/`],
  ] as const;
  for (const line of await block(name)) {
    const [, act] = /^sudo systemctl (stop|start) kios-relay$/.exec(line) ?? [];
    if (act === 'stop') expect(await at.relay.stop()).toBe(0);
    else if (act === 'start') await at.startRelay();
    else {
      const here = places.reduce((text, [from, to]) => text.replaceAll(from, to), line);
      await shell(here, at.folder, { ...env, PATH: `${bin}:${process.env['PATH'] ?? ''}` });
    }
  }
}

async function shell(line: string, cwd: string, env: Record<string, string>): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    execFile(
      'bash',
      ['-euc', line],
      { cwd, env: { ...process.env, ...env } },
      (error, out, err) => {
        if (error === null) resolve();
        else reject(new Error(`${line}\n${out}${err}`, { cause: error }));
      },
    );
  });
}

/** One customer: Rp 15.000 typed, paid, and its goods fallen; answers the sale. */
async function sell(at: World): Promise<string> {
  await at.toIdle();
  const { mark } = at.kiosk;
  at.press('1', '5', '000', 'enter');
  await at.phase('paying', mark);
  await at.pay(await at.qrOnScreen());
  expect((await at.phase('result', mark))['outcome']).toBe('done');
  return at.saleId(mark);
}

/** Waits until the kiosk has brought back what the relay had lost, and sells. */
async function untilRestored(at: World, since: number): Promise<void> {
  let stopped = false;
  await at.kiosk.waitFor(
    'a kiosk that sells after the restore',
    (line) => {
      if (line.msg !== 'kiosk.selling') return false;
      stopped ||= String(line['missing']).includes('recovering');
      return stopped && line['selling'] === true;
    },
    since,
  );
}

/** The report of today, as the page says to read it: nothing is missing, nothing is owed. */
async function booksBalance(at: World, sales: readonly string[]): Promise<void> {
  const day = new Date(systemClock.nowMs() + 7 * 3_600_000).toISOString().slice(0, 10);
  const line = ['relay', '-c', join(at.folder, 'relay.yaml'), 'report', '--day', day];
  let said = '';
  await at
    .poll('books that balance', async () => {
      const { code, output } = await runKios(...line);
      said = output;
      return code === 0 && sales.every((saleId) => output.includes(saleId));
    })
    .catch((error: unknown) => {
      throw new Error(said, { cause: error });
    });
}

async function ledgerId({ relayUrl }: World): Promise<unknown> {
  const answer = await fetch(`${relayUrl}/v1/nothing`);
  return ((await answer.json()) as Record<string, unknown>)['ledgerId'];
}

async function restoredFrom(
  at: World,
  run: (name: 'backup' | 'restore') => Promise<void>,
): Promise<void> {
  const sold = [await sell(at)];
  await run('backup');
  sold.push(await sell(at), await sell(at));
  const { mark } = at.kiosk;
  const before = await ledgerId(at);
  await run('restore');
  await untilRestored(at, mark);
  // It is the backup that was put back, and `restored` was run: what came after it the kiosk has brought.
  expect(await ledgerId(at)).not.toBe(before);
  for (const saleId of sold.slice(1)) {
    await at.relay.waitFor(
      `what was lost of ${saleId}`,
      (line) => line.msg === 'sale.recovered' && line['saleId'] === saleId,
    );
  }
  sold.push(await sell(at));
  expect(at.pulses).toEqual(sold);
  await booksBalance(at, sold);
}

test('SQLite: the page’s backup and its way back; the kiosk sells again, and the books balance', async () => {
  const at = (world = await World.start());
  await restoredFrom(at, async (name) => {
    await follow(at, `sqlite-${name}`);
    // The page copies it off the machine and back.
    if (name === 'backup') {
      await shell('mv relay/backup.db backup.db', at.folder, {});
    }
  });
});

test('PostgreSQL: the page’s dump and its way back; the kiosk sells again, and the books balance', async () => {
  postgres = await startPostgres();
  const { hostname, port } = new URL(postgres.url);
  const env = { PGHOST: hostname, PGPORT: port, PGUSER: 'kios' };
  await shell('createdb --encoding=UTF8 --template=template0 kios', root, env);
  const url = `postgres://kios@${hostname}:${port}/kios`;
  const at = (world = await World.start({ relay: { store: { postgres: { url } } } }));
  await restoredFrom(at, (name) => follow(at, `postgres-${name}`, env));
});
