// The power cut while the kiosk sells: every write to its disk is recorded, and the disk is made as it could have been
// found after a cut behind any of them. The journal must be whole and know all that the world had heard from it.
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { journalName } from '../../src/kiosk/journal-file.ts';
import { chainFault } from '../../src/kiosk/journal-verify.ts';
import { wantedRows, withJournalView } from '../../src/kiosk/journal-view.ts';
import { openJournal } from '../../src/kiosk/journal.ts';
import { systemClock, wait } from '../../src/lib/clock.ts';
import { House, until } from './house.ts';
import { countWrites, makeCrashed, readWrites, type Fate } from './machine/write-log.ts';
import { makeJournalDisk, mountState, withSbin } from './power-disk.ts';
import { buildLimitMs, inGuests, stepLimitMs } from './releases.ts';
import { Shop } from './shop.ts';

const sales = 3;
const cuts = 60;
const lookMs = 50;

/** Something that the world has heard, and how many writes there had been by then. */
interface Heard {
  saleId: string;
  /** The entry of the journal that must have been on the disk before. */
  after: RegExp;
  writes: number;
}

inGuests('the power cut while a kiosk sells', (image) => {
  let folder: string;
  let house: House | undefined;
  const heard: Heard[] = [];
  const disk = { before: '', log: '', image: '', live: '' };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kios-power-'));
    for (const name of ['before', 'log', 'image', 'live'] as const) disk[name] = join(folder, name);
    makeJournalDisk(disk.before);
    copyFileSync(disk.before, disk.live);
    house = await House.open();
    const dataDisk = { file: disk.live, log: disk.log };
    const shop = await Shop.open(await image(), { house, dataDisk, prepare: mountState });
    try {
      await sellUntilTheCut(shop);
    } finally {
      await shop.close();
    }
  }, buildLimitMs);
  afterAll(async () => {
    await house?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** The last sale is paid for at the moment of the cut. */
  const sellUntilTheCut = async (shop: Shop): Promise<void> => {
    await shop.serve();
    const over = new AbortController();
    const watching = listen(shop, over.signal);
    for (let sale = 0; ; sale++) {
      const mark = await shop.kiosk.mark();
      await shop.keypad.press('1', '5', '000', 'enter');
      await shop.kiosk.phase('paying', mark);
      await shop.house.pay(await shop.qrOnPanel());
      if (sale === sales) break;
      await shop.kiosk.phase('result', mark);
      await shop.sheet(sale + 1);
      await shop.toIdle();
    }
    await shop.guest.cutPower();
    over.abort();
    await watching;
  };

  /** A charge is in the world once Midtrans has it; the goods are, once their receipt is on paper. */
  const listen = async (shop: Shop, over: AbortSignal): Promise<void> => {
    const note = (saleId: string, after: RegExp): void => {
      const known = heard.some((one) => one.saleId === saleId && one.after.source === after.source);
      if (!known) heard.push({ saleId, after, writes: countWrites(disk.log) });
    };
    while (!over.aborted) {
      for (const { orderId } of await shop.house.orders()) note(orderId, /saleId/);
      for (const { text } of shop.printer.sheets) {
        const saleId = /rig01-[0-9A-Z]{26}/.exec(text.join('\n'))?.[0];
        if (saleId !== undefined) note(saleId, /"kind":"dispensed"/);
      }
      await wait(systemClock, lookMs, over);
    }
  };

  test(
    `behind any of ${cuts} writes the journal is whole and knows what the world had heard`,
    async () => {
      const writes = readWrites(disk.log);
      const first = Math.min(...heard.map((one) => one.writes));
      expect(writes.length - first).toBeGreaterThan(cuts);
      const fates: readonly Fate[] = [
        'lost',
        'kept',
        (index) => (index % 3 === 0 ? 'lost' : 'kept'),
      ];
      for (let number = 0; number <= cuts; number++) {
        const cut = first + Math.round(((writes.length - first) * number) / cuts);
        makeCrashed(disk, writes, cut, fates[number % fates.length] ?? 'lost');
        await checkJournal(
          takeOut(disk.image, folder),
          heard.filter((one) => one.writes <= cut),
        );
      }
    },
    stepLimitMs,
  );

  test(
    'the kiosk on the disk of the last cut takes its sale up again, and rule 9 holds',
    async () => {
      const writes = readWrites(disk.log);
      makeCrashed(disk, writes, writes.length, 'lost');
      const open = house ?? (await House.open());
      const shop = await Shop.open(await image(), {
        ...{ house: open, dataDisk: { file: disk.image }, prepare: mountState },
      });
      try {
        await shop.serve();
        await until('nothing in hand', async () => (await open.books()).balance.inHand.count === 0);
        const { balanced, strange, balance } = await open.books();
        expect({ balanced, strange }).toEqual({ balanced: true, strange: [] });
        expect(balance.done.count + balance.openClaim.count).toBe(sales + 1);
        expect(await open.orders()).toHaveLength(sales + 1);
      } finally {
        await shop.close();
      }
    },
    stepLimitMs,
  );
});

/** The files of a disk as they are once its file system has mended itself, without mounting it. */
function takeOut(image: string, folder: string): string {
  const out = join(folder, 'files');
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out);
  // e2fsck(8): 1 says that errors were corrected, which replaying the journal is; 4 and above that some were not.
  const { status, stdout } = spawnSync('e2fsck', ['-p', image], { env: withSbin });
  if (status === null || status > 1) throw new Error(`e2fsck ${String(status)}: ${String(stdout)}`);
  execFileSync('debugfs', ['-R', `rdump / ${out}`, image], { env: withSbin, stdio: 'pipe' });
  return out;
}

async function checkJournal(files: string, heard: readonly Heard[]): Promise<void> {
  const path = join(files, journalName);
  // As the kiosk does it at its start: what SQLite had not finished is taken back.
  openJournal(path).close();
  await withJournalView(path, async (db) => {
    expect(chainFault(db)).toBeUndefined();
    for (const { saleId, after } of heard) {
      const entries = wantedRows(db, { saleId }).map(({ body }) => body);
      expect(entries.join('\n'), saleId).toMatch(after);
    }
    return Promise.resolve();
  });
}
