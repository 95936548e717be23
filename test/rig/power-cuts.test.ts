// The plug pulled fifty times in one life of a kiosk: each boot stands on the disk that the cut before it has left, takes up
// what was in hand, and sells until it is cut off again. Its vend board has a power of its own and remembers.
import { randomUUID } from 'node:crypto';
import { copyFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock, wait } from '../../src/lib/clock.ts';
import { House, until } from './house.ts';
import type { Guest } from './machine/guest.ts';
import { countWrites, makeCrashed, readWrites, type Fate } from './machine/write-log.ts';
import { makeJournalDisk, mountState } from './power-disk.ts';
import { buildLimitMs, inGuests } from './releases.ts';
import { Shop } from './shop.ts';
import { UsbVendBoard } from './usb/usb-vend-board.ts';

const cuts = 50;
/** An item falls so long that some cuts come meanwhile. */
const pulseMs = 1_500;
/** A sale writes about as often; a cut that would come behind more comes when it is over. */
const writesOfSale = 45;
/** Shares no divisor with it: the cuts are spread over the sale, no two at one place. */
const stride = 37;
const lookMs = 20;
const allLimitMs = 2 * 3_600_000;

/** Where a kiosk is that has taken up, or ended, what was in hand; undefined: there was nothing. */
const settled: ReadonlySet<unknown> = new Set([undefined, 'idle', 'result', 'paying']);
const fates: readonly Fate[] = ['lost', 'kept', (index) => (index % 3 === 0 ? 'lost' : 'kept')];

inGuests(
  'a kiosk whose plug is pulled again and again',
  (image) => {
    let folder: string;
    let house: House;
    let board: UsbVendBoard;
    const disk = { before: '', log: '', image: '', live: '' };

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'kios-plug-'));
      for (const name of ['before', 'log', 'image', 'live'] as const)
        disk[name] = join(folder, name);
      makeJournalDisk(disk.before);
      house = await House.open();
      board = await UsbVendBoard.create(join(folder, 'motor'), pulseMs);
    }, buildLimitMs);
    afterAll(async () => {
      await (board as UsbVendBoard | undefined)?.end();
      await (house as House | undefined)?.close();
      await rm(folder, { recursive: true, force: true });
    });

    /** A resumed guest is the same boot to its kernel; to the kiosk it is one of its own. */
    const anotherBoot = async (guest: Guest): Promise<void> => {
      await mountState(guest);
      const parts = '/etc/systemd/system/kios.service.d';
      await guest.sh(`mkdir -p ${parts}`);
      await guest.put(
        `${parts}/boot.conf`,
        `[Service]\nEnvironment=KIOS_BOOT_ID=${randomUUID()}\n`,
      );
    };

    /** From the disk that the last cut has left. */
    const boot = async (): Promise<Shop> => {
      copyFileSync(disk.before, disk.live);
      const shop = await Shop.open(await image(), {
        ...{ house, board, dataDisk: { file: disk.live, log: disk.log }, prepare: anotherBoot },
      });
      try {
        await shop.serve();
        await until(
          'nothing in hand',
          async () => (await house.books()).balance.inHand.count === 0,
        );
        return shop;
      } catch (error) {
        await shop.close();
        throw error;
      }
    };

    /** Every piece of goods that ever fell was paid for, once; all money that came is accounted for. */
    const check = async (when: string): Promise<void> => {
      const { balanced, strange, balance } = await house.books();
      expect({ balanced, strange }, when).toEqual({ balanced: true, strange: [] });
      expect(new Set(board.pulses).size, `${when}: goods twice`).toBe(board.pulses.length);
      const paid = (await house.orders()).filter(({ status }) => status === 'settlement');
      const ids = paid.map(({ orderId }) => orderId);
      expect(ids, `${when}: goods without payment`).toEqual(expect.arrayContaining(board.pulses));
      expect(balance.done.count, when).toBe(board.pulses.length);
    };

    /** Answers what was on the screen when the plug was pulled. */
    const sellUntilCut = async (shop: Shop, number: number): Promise<unknown> => {
      await until('a kiosk that knows where it was', async () => {
        await shop.kiosk.mark();
        return settled.has(shop.kiosk.lastPhase);
      });
      // Nobody has paid yet: its QR is there again, and the customer, too.
      const isShown = shop.kiosk.lastPhase === 'paying';
      if (!isShown) await shop.toIdle();
      await until('a kiosk that sells', async () => shop.kiosk.sells());
      const mark = await shop.kiosk.mark();
      const cutAt = countWrites(disk.log) + ((number * stride) % writesOfSale);
      const off = new AbortController();
      // One in four pays when the screen is dark already.
      const paysLate = number % 4 === 0;
      let qr: string | undefined;
      const customer = async (): Promise<void> => {
        if (!isShown) {
          await shop.keypad.press('1', '2', '000', 'enter');
          await shop.kiosk.phase('paying', mark);
        }
        qr = await shop.qrOnPanel();
        if (paysLate) return;
        await house.pay(qr);
        await shop.kiosk.phase('result', mark);
        await shop.toIdle();
      };
      const over = customer().then(
        () => off,
        // The machine that they stand before is dead.
        (error: unknown) => (off.signal.aborted ? off : Promise.reject(error as Error)),
      );
      const cut = async (): Promise<void> => {
        while (countWrites(disk.log) < cutAt && !off.signal.aborted) {
          await wait(systemClock, lookMs, off.signal);
        }
      };
      await Promise.race([cut(), over]);
      off.abort();
      const at = shop.kiosk.lastPhase;
      await shop.guest.cutPower();
      await over;
      if (paysLate && qr !== undefined) await house.pay(qr);
      return at;
    };

    test(
      `cut off ${cuts} times: each time it comes back, ends what was in hand, and rule 9 holds`,
      async () => {
        const seen: unknown[] = [];
        for (let number = 0; number < cuts; number++) {
          const shop = await boot();
          try {
            await check(`boot ${number}`);
            seen.push(await sellUntilCut(shop, number));
            const writes = readWrites(disk.log);
            makeCrashed(disk, writes, writes.length, fates[number % fates.length] ?? 'lost');
          } finally {
            await shop.close();
          }
          copyFileSync(disk.image, disk.before);
        }
        const last = await boot();
        await last.close();
        await check('the last boot');
        const { balance } = await house.books();
        const where = [...new Set(seen)].map(
          (phase) => `${String(phase)} ${seen.filter((one) => one === phase).length}`,
        );
        process.stdout.write(
          `rig: ${cuts} cuts (${where.join(', ')}), ${balance.done.count} sales done, ` +
            `${balance.openClaim.count} claims open\n`,
        );
        // Before the money, between money and goods, and after: each was met.
        expect(seen).toEqual(expect.arrayContaining(['paying', 'dispensing', 'result']));
      },
      allLimitMs,
    );
  },
  'full',
);
