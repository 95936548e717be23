// The power cut in an update, everywhere: each write to the data partition is recorded while a release proves itself and
// another one is taken back, and the disks of a dozen cuts are booted. From each, one release starts and sells.
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { versions } from './field-bundles.ts';
import { firstBehind, someLost, type Cut, type Seen } from './field-cuts.ts';
import { diskFault } from './field-disk.ts';
import { failedLimitMs, FieldKiosk, updateLimitMs } from './field-kiosk.ts';
import { kept } from './field-machine.ts';
import { countWrites, makeCrashed, readWrites } from './machine/write-log.ts';
import { buildLimitMs, inGuests } from './releases.ts';

const cutsLimitMs = 3_600_000;

inGuests(
  'a kiosk whose power is cut in an update',
  (image) => {
    let field: FieldKiosk | undefined;
    /** Its first disk before the first update: no update changes it. */
    let root: string;
    /** Numbers of writes: before it was asked for, when it was led to, when it ended. */
    const update: number[] = [];
    const wayBack: number[] = [];
    const open = (): FieldKiosk => {
      if (field === undefined) throw new Error('there is no kiosk');
      return field;
    };
    const writes = async (): Promise<number> => {
      await open().shop.guest.sh('sync');
      return countWrites(open().disk.log);
    };

    beforeAll(async () => {
      field = await FieldKiosk.open(await image(), { releases: ['next', 'crashing'] });
      root = join(field.folder, 'root-before.qcow2');
      await field.shop.serve();
      await field.shop.guest.sh('sync');
      await field.shop.guest.copyDisk(root);
    }, buildLimitMs);
    afterAll(() => field?.close());

    test(
      'a release proves itself, and sells meanwhile',
      async () => {
        const mark = await open().shop.kiosk.mark();
        update.push(await writes());
        const ended = open().apply('next');
        await open().meanwhile(ended, `readlink ${kept.current} | grep -F /${versions.next}-`);
        await open().shop.kiosk.selling(mark);
        update.push(await writes());
        await open().sell();
        expect((await ended).out).toContain('has proved itself');
        update.push(await writes());
      },
      updateLimitMs,
    );

    test(
      'a release that dies is taken back',
      async () => {
        wayBack.push(await writes());
        await open().goesBack('crashing');
        wayBack.push(await writes());
      },
      failedLimitMs,
    );

    const cuts = (): readonly Cut[] => {
      const all = readWrites(open().disk.log);
      const [asked_ = 0, led = 0, proved = 0] = update;
      const [bad = 0, gone = 0] = wayBack;
      const find = (from: number, to: number, isSo: (seen: Seen) => boolean): number =>
        firstBehind(open().disk, all, [from, to], isSo);
      /** Root's own folder on the data partition. */
      const ofRoot = (name: string): string => `/${['root', name].join('/')}`;
      const leads = (link: string, version: string) => (seen: Seen) =>
        seen(link)?.includes(`/${version}-`) === true;
      const onTrial = find(asked_, led, (seen) => seen(ofRoot('trial.json')) !== undefined);
      const switched = find(onTrial, led, leads('/current', versions.next));
      const good = find(led, proved, leads('/good', versions.next));
      const named = (path: string) => (seen: Seen) =>
        seen(path)?.includes(`"${versions.crashing}-`) === true;
      const failed = find(bad, gone, named(ofRoot('update.json')));
      const dying = find(bad, failed, named(ofRoot('trial.json')));
      const between = (from: number, to: number, share: number): number =>
        Math.round(from + (to - from) * share);
      return [
        { where: 'unpacking', writes: between(asked_, onTrial, 0.4), fate: someLost },
        { where: 'unpacking', writes: between(asked_, onTrial, 0.8), fate: 'lost' },
        { where: 'syncing what is unpacked', writes: onTrial - 12, fate: 'kept' },
        { where: 'naming it', writes: onTrial - 2, fate: 'lost' },
        { where: 'the mark of the trial', writes: onTrial, fate: 'kept' },
        { where: 'the switch', writes: switched, fate: 'kept' },
        { where: 'behind the switch', writes: switched + 1, fate: 'lost' },
        { where: 'the restart', writes: between(switched, led, 0.5), fate: someLost },
        { where: 'on trial', writes: between(led, good, 0.5), fate: 'lost' },
        { where: 'it has proved itself', writes: good, fate: 'kept' },
        { where: 'a release that dies', writes: between(dying, failed, 0.6), fate: 'kept' },
        { where: 'on the way back', writes: failed, fate: 'lost' },
      ];
    };

    test(
      'behind each cut of an update and of a way back it boots, one release starts, and it sells',
      async () => {
        await open().leave();
        const all = readWrites(open().disk.log);
        const faults: string[] = [];
        const led = new Set<string>();
        for (const cut of cuts()) {
          makeCrashed(open().disk, all, cut.writes, cut.fate);
          const beganMs = systemClock.monotonicMs();
          try {
            await open().boot({ file: open().disk.image }, root);
            await open().untilSells();
            const ready = (await open().versionsReady()).join();
            const current = await open().shop.guest.sh(
              `basename $(readlink -e ${kept.current} || readlink -e /opt/kios/current)`,
            );
            led.add(ready);
            if (current.split('-')[0] !== ready) throw new Error(`${ready} ran, not ${current}`);
            const tookS = Math.round((systemClock.monotonicMs() - beganMs) / 1000);
            process.stdout.write(
              `rig: cut at ${cut.where} (${cut.writes}): ${ready}, ${tookS} s\n`,
            );
          } catch (error) {
            faults.push(`${cut.where} (${cut.writes}): ${String(error)}`);
          }
          await open().leave();
          const damaged = diskFault(open().disk.image, open().folder);
          if (damaged !== undefined) faults.push(`${cut.where} (${cut.writes}): ${damaged}`);
        }
        expect(faults).toEqual([]);
        // Else the cuts were all on one side of the switch.
        expect([...led].sort()).toEqual([versions.base, versions.next]);
      },
      cutsLimitMs,
    );
  },
  'full',
);
