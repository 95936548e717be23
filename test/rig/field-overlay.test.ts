// A kiosk whose card nothing writes to: made so as the last step, from the bundle and without network, started by the
// initramfs that its own system has made. Proved by the mounts of a running machine and by what reaches its first disk.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { versions } from './field-bundles.ts';
import { FieldKiosk, updateLimitMs } from './field-kiosk.ts';
import { provision, tryProvision, waitLikeAPi } from './field-machine.ts';
import { buildLimitMs, inGuests } from './releases.ts';

/** Provisioned once more, which on an emulated machine also makes an initramfs, and a boot. */
const overlayLimitMs = 1_800_000;
/** The initramfs has e2fsck look over the card at each boot, and that stamps the superblock, clean or not. */
const checkWrites = 2;
/** What GRUB of Debian says of the root, and what the command line of a Pi says of it. */
const grubs = ['ro'];
const pis: readonly string[] = [];
const readOnly = ['--data', '--read-only-root'] as const;

const blockStats = z.array(
  z.object({ device: z.string(), stats: z.object({ wr_operations: z.number() }) }),
);

inGuests(
  'a kiosk whose root is only read',
  (image) => {
    let field: FieldKiosk | undefined;
    let initrd = '';
    const open = (): FieldKiosk => {
      if (field === undefined) throw new Error('there is no kiosk');
      return field;
    };
    const root = (what: string): Promise<string> =>
      open().shop.guest.sh(`findmnt --noheadings --output ${what} /`);
    const failed = (): Promise<string> =>
      open().shop.guest.sh('systemctl --failed --no-legend --plain');
    /** To the first disk, since it was switched on. */
    const writesToCard = async (): Promise<number> => {
      const all = blockStats.parse(await open().shop.guest.do('query-blockstats'));
      const card = all.find(({ device }) => device === 'root');
      if (card === undefined) throw new Error('there is no disk named root');
      return card.stats.wr_operations;
    };
    /** Of every sale that was paid, what the journal of the kiosk says of its receipts. */
    const receipts = async (): Promise<readonly string[]> => {
      const { house, shop } = open();
      const paid = (await house.orders()).filter(({ status }) => status === 'settlement');
      const slips = [];
      for (const { orderId } of paid) slips.push(...(await shop.slipResults(orderId)));
      return slips;
    };

    beforeAll(async () => {
      field = await FieldKiosk.open(await image(), { releases: ['next'] });
      await field.shop.serve();
      await field.sell();
    }, buildLimitMs);
    afterAll(() => field?.close());

    test(
      'made so last of all, from the bundle: the initramfs of the kernel that runs makes the overlay',
      async () => {
        const { guest } = open().shop;
        await waitLikeAPi(guest);
        const said = await provision(guest, ...readOnly);
        expect(said).toMatch(/^\+ install the packages overlayroot from the bundle$/m);
        expect(said).toMatch(/^ {2}after the next boot \/ must be an overlay/m);
        const made = '/boot/initrd.img-$(uname -r)';
        expect(await guest.sh(`lsinitramfs ${made} | grep init-bottom/overlayroot`)).not.toBe('');
        initrd = join(open().folder, 'initrd');
        await writeFile(initrd, await guest.get(await guest.sh(`echo ${made}`)));
        const again = await tryProvision(guest, ...readOnly, '--dry-run');
        expect(again.out).toMatch(/^ {2}\/ is an overlay from the next boot on$/m);
        expect(again.code).toBe(0);
      },
      overlayLimitMs,
    );

    test(
      'a boot that is not by this initramfs: the check fails, and says where to look',
      async () => {
        await open().restart();
        expect(await root('FSTYPE')).toBe('ext4');
        const { code, out } = await tryProvision(open().shop.guest, ...readOnly, '--dry-run');
        expect(out).toMatch(/^provision: \/ is NOT an overlay: /m);
        expect(out).toContain('auto_initramfs=1');
        expect(code).toBe(1);
      },
      overlayLimitMs,
    );

    test(
      'behind the next boot / is an overlay, and the kiosk sells',
      async () => {
        open().start = { initrd, words: grubs };
        await open().restart();
        await open().untilSells();
        expect(await root('FSTYPE')).toBe('overlay');
        expect(await root('OPTIONS')).toMatch(/^rw,/);
        expect(await failed()).toBe('');
        await open().sell();
        await open().shop.guest.sh('echo gone >/etc/kios/gone; sync');
      },
      overlayLimitMs,
    );

    test(
      'provision.sh and unprovision.sh say that / is an overlay and change nothing',
      async () => {
        const { guest } = open().shop;
        await waitLikeAPi(guest);
        const looked = await tryProvision(guest, ...readOnly, '--dry-run');
        expect(looked.out).toMatch(/^= \/ is an overlay: nothing writes to the card$/m);
        expect(looked.out).toMatch(/^provision: 0 would change/m);
        const tried = await tryProvision(guest, ...readOnly);
        expect(tried.out).toMatch(/^provision: \/ is an overlay: .*overlayroot=disabled/m);
        expect(tried.code).toBe(1);
        const back = '/opt/kios/current/scripts/unprovision.sh --delete-journal 2>&1';
        const taken = await guest.run(back);
        expect(taken.out).toMatch(/^unprovision: \/ is an overlay: .*overlayroot=disabled/m);
        expect(taken.code).toBe(1);
        expect(await receipts()).toEqual(['printed', 'printed']);
      },
      overlayLimitMs,
    );

    test(
      'its power is cut: what was written to / is gone, the journal is not, and what it does reaches no card',
      async () => {
        open().start = { initrd, words: pis };
        await open().cutPower('lost');
        await open().untilSells();
        const { guest } = open().shop;
        expect(await root('FSTYPE,OPTIONS')).toMatch(/^overlay +rw,/);
        expect(await guest.sh('ls /etc/kios')).not.toContain('gone');
        expect(await receipts()).toEqual(['printed', 'printed']);
        const before = await writesToCard();
        expect(before).toBeLessThanOrEqual(checkWrites);
        await open().sell();
        const { balanced, strange } = await open().house.books();
        expect({ balanced, strange }).toEqual({ balanced: true, strange: [] });
        expect(await failed()).toBe('');
        await guest.sh('echo gone >/etc/kios/gone; sync');
        expect(await writesToCard()).toBe(before);
      },
      overlayLimitMs,
    );

    test(
      'an update proves itself, and is what runs when the power comes back',
      async () => {
        const { out, err } = await open().apply('next');
        expect(`${out}${err}`).toContain('has proved itself');
        await open().cutPower('lost');
        await open().untilSells();
        expect(await open().versionsReady()).toEqual([versions.next]);
        const { current, good } = await open().told();
        expect([current, good].every((one) => one.startsWith(versions.next))).toBe(true);
        await open().sell();
        await open().shop.guest.sh('sync');
        expect(await writesToCard()).toBeLessThanOrEqual(checkWrites);
      },
      updateLimitMs,
    );

    test(
      'with overlayroot=disabled on the command line for one boot, it can be provisioned again',
      async () => {
        open().start = { initrd, words: [...grubs, 'overlayroot=disabled'] };
        await open().restart();
        const { guest } = open().shop;
        expect(await root('FSTYPE')).toBe('ext4');
        await waitLikeAPi(guest);
        const said = await provision(guest, ...readOnly);
        expect(said).toMatch(/^ {2}\/ is no overlay in this boot, as its command line says$/m);
        await open().untilSells();
        await open().sell();
      },
      overlayLimitMs,
    );
  },
  'full',
);
