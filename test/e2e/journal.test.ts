// `kios journal` beside a kiosk that sells: it reads, checks, copies and replays, and nobody waits for it. And how often a
// sale waits for the disk, counted by strace from outside.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { enterRead, paidRead, putWritten, vendWritten } from '../bench/syncs.ts';
import { attachTrace, syncsBetween, whyNoTrace } from '../bench/trace.ts';
import { Program, runKios } from './program.ts';
import { World } from './world.ts';

/** A process that is not our child is traced by root alone, and root alone becomes somebody else. */
const notRoot = process.getuid?.() === 0 ? undefined : 'needs root';
const noTrace = notRoot ?? (await whyNoTrace());
const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];

let world: World | undefined;

afterEach(async () => {
  await world?.end();
  world = undefined;
});

/** Rp 15.000 from the first key to the idle screen. */
async function sell(one: World): Promise<string> {
  const mark = one.kiosk.mark;
  one.press('1', '5', '000', 'enter');
  await one.phase('paying', mark);
  await one.nextFrame();
  await one.pay(await one.qrOnScreen());
  await one.phase('result', mark);
  const saleId = await one.saleId(mark);
  await one.toIdle();
  return saleId;
}

test('reads the journal of a kiosk that sells, and keeps it waiting for nothing', async () => {
  world = await World.start();
  const { folder } = world;
  const state = join(folder, 'kiosk');
  const copy = join(folder, 'copy.jsonl');
  const journal = async (...args: string[]): Promise<{ code: number | null; output: string }> =>
    runKios('journal', '--state', state, ...args);
  const first = await sell(world);
  const [whole, shown, copied, again] = await Promise.all([
    journal('verify'),
    journal('show', '--sale', first.slice(-4), '--json'),
    journal('export', '--out', copy),
    journal('replay', '--screens'),
    sell(world),
  ]);
  expect(whole).toMatchObject({ code: 0, output: expect.stringContaining('is whole') as string });
  expect(shown.code).toBe(0);
  expect(JSON.parse(shown.output.split('\n')[0] ?? '')).toMatchObject({ sale: { saleId: first } });
  expect(copied).toEqual({ code: 0, output: '' });
  expect(statSync(copy).mode & 0o777).toBe(0o600);
  expect(readFileSync(copy, 'utf8')).not.toContain('00020101');
  expect(await journal('verify', '--export', copy)).toMatchObject({ code: 0 });
  expect(again.output).toContain('the same again');
  expect(again.output).toContain('Pembayaran diterima');
  expect(again.code).toBe(0);
  expect(await journal('export', '--out', copy)).toMatchObject({ code: 1 });
  const config = ['journal', '--config', join(folder, 'kiosk.yaml'), 'show', '--last', '2'];
  expect((await runKios(...config)).output.trim().split('\n')).toHaveLength(2);
  expect(world.pulses).toHaveLength(2);
});

test('a folder without a journal is told, and an unknown sale', async () => {
  expect(await runKios('journal', '--state', '/nowhere', 'verify')).toMatchObject({ code: 1 });
  const { output } = await runKios('journal', '--config', '/nowhere.yaml', 'show');
  expect(output).toContain('--state <dir>');
});

if (notRoot !== undefined) test.skip(`as another user: ${notRoot}`);
test.skipIf(notRoot !== undefined)('another user is told who may read it', async () => {
  world = await World.start();
  const state = join(world.folder, 'kiosk');
  const other = new Program({ through: nobody }, 'journal', '--state', state, 'show');
  expect((await other.exited).code).toBe(1);
  expect(other.output).toMatch(/may not read .*sudo -u kios/);
});

if (noTrace !== undefined) test.skip(`syncs of a sale: ${noTrace}`);
test.skipIf(noTrace !== undefined)(
  'a sale waits for the disk once before its charge is sent and once before its goods',
  async () => {
    world = await World.start();
    await sell(world); // A new log syncs its own head once.
    await using undo = new AsyncDisposableStack();
    const trace = undo.adopt(await attachTrace(world.kiosk.pid), async (one) => one.dispose());
    for (let count = 0; count < 5; count++) await sell(world);
    const lines = await trace.end();
    for (const [from, to] of [
      [enterRead, putWritten],
      [paidRead, vendWritten],
    ] as const) {
      const counts = syncsBetween(lines, from, to);
      expect(counts.length).toBeGreaterThanOrEqual(4);
      // Never without one, and never of itself with two; now and then the write of what came before is under way.
      expect(Math.min(...counts), counts.join()).toBe(1);
    }
  },
);
