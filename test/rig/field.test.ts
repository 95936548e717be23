// A kiosk from a bare Debian to its last day, on one machine and in this order: provisioned from a bundle without network,
// enrolled, selling, updated, given bad updates, its clock and console tried, and taken back without a trace.
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { systemClock } from '../../src/lib/clock.ts';
import { bundleName, makeBundles, versions, type Release } from './field-bundles.ts';
import { diskFault, makeStateDisk, releaseLed } from './field-disk.ts';
import {
  differences,
  enrol,
  kept,
  makeBare,
  provision,
  traces,
  unprovision,
  type Traces,
} from './field-machine.ts';
import { House, until } from './house.ts';
import { countWrites, makeCrashed, readWrites, type Fate } from './machine/write-log.ts';
import { buildLimitMs, inGuests, isFull, stepLimitMs } from './releases.ts';
import { Shop } from './shop.ts';

/** Unpacking, a trial of two minutes, and a busy host. */
const updateLimitMs = 900_000;
/** A trial that is not passed lasts ten minutes. */
const failedLimitMs = 1_500_000;
const cutsAPhase = 4;
/** systemd.exec(5)'s sum of what a unit may still do, 0 to 10. */
const maxExposure = 2;
/** Lets a technician in, with all that a login may do. */
const unbound = 'kios-getty.service';

/** What a build machine has no time for is told as skipped: KIOS_RIG_FULL=1 runs it. */
const longTest = test.skipIf(!isFull);

const status = z.object({
  current: z.string(),
  good: z.string(),
  previous: z.string().optional(),
  failed: z.array(z.object({ release: z.string(), tries: z.number() })),
});

inGuests('a kiosk in the field', (image) => {
  let folder: string;
  let shop: Shop | undefined;
  let house: House | undefined;
  let bare: Traces;
  let bareAtMs: number;
  const wanted: readonly Release[] = isFull ? ['next', 'crashing', 'hanging'] : ['crashing'];
  const disk = { before: '', log: '', image: '', live: '' };
  const open = (): Shop => {
    if (shop === undefined) throw new Error('there is no guest');
    return shop;
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kios-field-'));
    for (const name of ['before', 'log', 'image', 'live'] as const) disk[name] = join(folder, name);
    makeStateDisk(disk.before);
    execFileSync('cp', ['--sparse=always', disk.before, disk.live]);
    const share = await mkdtemp(join(folder, 'stick-'));
    const [built] = await Promise.all([image(), makeBundles(share, wanted)]);
    house = await House.openFar();
    shop = await Shop.open(built, {
      ...{ house, dataDisk: { file: disk.live, log: disk.log } },
      provision: {
        share,
        run: async (guest, at) => {
          await makeBare(guest, at);
          bare = await traces(guest);
          bareAtMs = systemClock.monotonicMs();
          await provision(guest, '--data');
          await enrol(guest, at);
        },
      },
    });
  }, buildLimitMs);
  afterAll(async () => {
    await shop?.close();
    await house?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Typed, paid, and its receipt on paper. */
  const sell = async (): Promise<void> => {
    const { kiosk, keypad, printer } = open();
    await open().toIdle();
    const mark = await kiosk.mark();
    const sheets = printer.sheets.length;
    await keypad.press('1', '5', '000', 'enter');
    await kiosk.phase('paying', mark);
    await open().house.pay(await open().qrOnPanel());
    const { saleId, outcome } = await kiosk.phase('result', mark);
    expect(outcome).toBe('done');
    expect((await open().sheet(sheets + 1)).text.join('\n')).toContain(String(saleId));
  };
  const apply = (release: Release): Promise<{ code: number; out: string; err: string }> =>
    open().guest.run(`kios update apply /mnt/run/${bundleName(release)}`, failedLimitMs);
  const told = async (): Promise<z.infer<typeof status>> =>
    status.parse(JSON.parse(await open().guest.sh('kios update status --json')));
  /** Waits in the guest, and not beyond the end of the update. */
  const meanwhile = async (ended: ReturnType<typeof apply>, isSo: string): Promise<unknown> => {
    const over = ended.then(({ out, err }) => {
      throw new Error(`the update has ended: ${out}${err}`);
    });
    const line = `until ${isSo} >/dev/null 2>&1; do sleep 0.5; done`;
    return Promise.race([open().guest.sh(line, updateLimitMs), over]);
  };

  test(
    'sells: provisioned from a bundle without network, and enrolled',
    async () => {
      await open().serve();
      await sell();
      const tookS = Math.round((systemClock.monotonicMs() - bareAtMs) / 1000);
      process.stdout.write(`rig: ${tookS} s from a bare guest to the first receipt\n`);
      expect(await open().guest.sh('systemctl --failed --no-legend --plain')).toBe('');
    },
    stepLimitMs,
  );

  test(
    `each of its units has an exposure of at most ${maxExposure}`,
    async () => {
      const said = await open().guest.sh(`
        cd /etc/systemd/system
        for unit in kios*.service; do systemd-analyze security --no-pager $unit | tail -n 1; done`);
      const scores = [...said.matchAll(/exposure level for (\S+): ([\d.]+)/g)];
      process.stdout.write(
        `rig: ${scores.map(([, unit, score]) => `${unit} ${score}`).join(', ')}\n`,
      );
      expect(scores.length).toBeGreaterThan(6);
      const open_ = scores.filter(
        ([, unit, score]) => unit !== unbound && Number(score) > maxExposure,
      );
      expect(open_.map(([line]) => line)).toEqual([]);
    },
    stepLimitMs,
  );

  longTest(
    'an update is tried, sells while it is, and proves itself; behind any write a whole release is led to',
    async () => {
      const { guest, kiosk } = open();
      const mark = await kiosk.mark();
      const writes = [countWrites(disk.log)];
      const ended = apply('next');
      await meanwhile(ended, `ls -d ${kept.releases}/${versions.next}-*`);
      writes.push(countWrites(disk.log));
      await meanwhile(ended, `readlink ${kept.current} | grep -F /${versions.next}-`);
      await kiosk.selling(mark);
      writes.push(countWrites(disk.log));
      await sell();
      const { code, out, err } = await ended;
      expect(`${out}${err}`).toContain('has proved itself');
      expect(code).toBe(0);
      await guest.sh('sync');
      writes.push(countWrites(disk.log));
      const { current, good, previous } = await told();
      expect([current, good].every((one) => one.startsWith(versions.next))).toBe(true);
      expect(previous).toMatch(versions.base);
      expect(faultsBehind(writes)).toEqual([]);
    },
    updateLimitMs,
  );

  /** The disk as a cut could have left it, in each phase of the update. */
  const faultsBehind = (marks: readonly number[]): readonly string[] => {
    const all = readWrites(disk.log);
    const fates: readonly Fate[] = ['lost', 'kept', (index) => (index % 3 === 0 ? 'lost' : 'kept')];
    const led = new Set<string>();
    const faults: string[] = [];
    for (const [phase, from] of marks.slice(0, -1).entries()) {
      const to = marks[phase + 1] ?? from;
      for (let number = 1; number <= cutsAPhase; number++) {
        const cut = from + Math.round(((to - from) * number) / cutsAPhase);
        makeCrashed(disk, all, cut, fates[number % fates.length] ?? 'lost');
        const fault = diskFault(disk.image, folder);
        if (fault !== undefined) faults.push(`behind ${cut} writes: ${fault}`);
        led.add(releaseLed(folder, 'current') ?? 'what was provisioned');
      }
    }
    // Else the cuts were all on one side of the switch.
    if (led.size < 2) faults.push(`all cuts lead to ${[...led].join()}`);
    return faults;
  };

  longTest(
    'what is older is refused, and what is not signed',
    async () => {
      const older = await apply('base');
      expect(`${older.out}${older.err}`).toMatch(/0\.1\.0 is older than 0\.2\.0/);
      const { guest } = open();
      await guest.sh(`cd /root
        cp /mnt/run/${bundleName('next')} kios-9.0.0-linux-x64.tar.gz
        cp /mnt/run/${bundleName('base')}.sig kios-9.0.0-linux-x64.tar.gz.sig`);
      const forged = await guest.run(
        'cd /root; kios update apply kios-9.0.0-linux-x64.tar.gz; rm kios-9.*',
        updateLimitMs,
      );
      expect(forged.err).toContain('is not signed by the key of this kiosk');
      expect((await told()).current).toMatch(versions.next);
    },
    updateLimitMs,
  );

  const goesBack = async (release: Release): Promise<void> => {
    const { current: before } = await told();
    const mark = await open().kiosk.mark();
    const { code, out, err } = await apply(release);
    expect(`${out}${err}`).toContain('was taken back');
    expect(code).toBe(1);
    await open().kiosk.selling(mark);
    const { current, good, failed } = await told();
    expect([current, good]).toEqual([before, before]);
    expect(failed.map((one) => one.release.split('-')[0])).toContain(versions[release]);
    await sell();
  };
  test(
    'a release that dies at its start goes back by itself, and the kiosk sells',
    () => goesBack('crashing'),
    failedLimitMs,
  );
  longTest(
    'a release that never says it is ready goes back by itself, and the kiosk sells',
    () => goesBack('hanging'),
    failedLimitMs,
  );

  longTest(
    'the console is opened for a technician and closed again, and then it sells',
    async () => {
      const { guest, kiosk } = open();
      const inhibited =
        "$(dirname $(grep -l 'Numeric Keypad' /sys/class/input/input*/name))/inhibited";
      const framebuffer = "$(dirname $(grep -l 'frame buffer' /sys/class/vtconsole/*/name))/bind";
      const seen = `cat ${inhibited} ${framebuffer}; systemctl is-active kios kios-getty || true`;
      expect(await guest.sh(seen)).toBe('1\n0\nactive\ninactive');
      await guest.sh('kios console on');
      expect(await guest.sh(seen)).toBe('0\n1\ninactive\nactive');
      const mark = await kiosk.mark();
      await guest.sh('kios console off');
      await kiosk.selling(mark);
      expect(await guest.sh(`udevadm settle; ${seen}`)).toBe('1\n0\nactive\ninactive');
      await sell();
    },
    stepLimitMs,
  );

  longTest(
    'switched on with its clock 60 days back it takes the time from the relay, and sells',
    async () => {
      const { guest, kiosk } = open();
      // All that it could know the time by is as old: it was off for so long.
      await guest.sh(`systemctl stop kios
        past=$(($(date +%s) - 60 * 86400))
        find ${kept.place}/state ${kept.place}/clock ${kept.place}/root -exec touch -d @$past {} +
        (cd ${kept.place}/root && rm -f believed-time.json)
        date --set=@$past && busybox hwclock -w -u; sync
        systemctl --no-block reboot`);
      await guest.untilBooted();
      const before = systemClock.nowMs() - 86_400_000;
      await until('a log', async () => (await guest.run('test -s /run/kios.log')).code === 0);
      await kiosk.selling();
      expect(Number(await guest.sh('date +%s')) * 1000).toBeGreaterThan(before);
      const asked = await kiosk.waitFor('an answer', ({ msg }) => msg === 'clock.asked-root');
      expect(asked).toMatchObject({ outcome: 'done' });
      expect(await guest.sh('systemctl --failed --no-legend --plain')).toBe('');
      await sell();
      const slip = open().printer.sheets.at(-1)?.text.join('\n') ?? '';
      expect(slip).toContain(String(new Date(systemClock.nowMs()).getUTCFullYear()));
    },
    updateLimitMs,
  );

  test(
    'taken back it leaves nothing',
    async () => {
      const { guest } = open();
      await unprovision(guest);
      for (const part of ['keypad', 'scanner', 'printer'] as const) await open().unplug(part);
      await guest.sh('udevadm settle');
      expect(differences(bare, await traces(guest), kept.onPurpose)).toEqual([]);
    },
    updateLimitMs,
  );
});
