// A kiosk from a bare Debian to its last day, on one machine and in this order: provisioned from a bundle without network,
// enrolled, selling, its power cut while an update is on trial, given a bad update, stuck, and taken back without a trace.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { versions } from './field-bundles.ts';
import { failedLimitMs, FieldKiosk, updateLimitMs } from './field-kiosk.ts';
import { differences, kept, traces, unprovision } from './field-machine.ts';
import { until } from './house.ts';
import type { GuestImage } from './machine/launch.ts';
import { buildLimitMs, stepLimitMs } from './releases.ts';

/** systemd.exec(5)'s sum of what a unit may still do, 0 to 10. */
const maxExposure = 2;
/** Lets a technician in, with all that a login may do. */
const unbound = 'kios-getty.service';
/** Of what was pulled out nothing is left after some three seconds, on a busy host after more. */
const goneLimitMs = 60_000;

/** The tests of one life. @param image builds the guest where it is not there yet */
export function fieldLife(image: () => Promise<GuestImage>): void {
  let field: FieldKiosk | undefined;
  const open = (): FieldKiosk => {
    if (field === undefined) throw new Error('there is no kiosk');
    return field;
  };

  beforeAll(async () => {
    field = await FieldKiosk.open(await image(), { releases: ['next', 'crashing'] });
  }, buildLimitMs);
  afterAll(() => field?.close());

  test(
    'sells: provisioned from a bundle without network, and enrolled',
    async () => {
      await open().shop.serve();
      await open().sell();
      const tookS = Math.round((systemClock.monotonicMs() - open().bare.atMs) / 1000);
      process.stdout.write(`rig: ${tookS} s from a bare guest to the first receipt\n`);
      expect(await open().shop.guest.sh('systemctl --failed --no-legend --plain')).toBe('');
      // Without a boot in between.
      const closed =
        'systemctl is-active getty@tty1 kios-console || true; cat /proc/sys/kernel/sysrq';
      expect(await open().shop.guest.sh(closed)).toBe('inactive\nactive\n0');
    },
    stepLimitMs,
  );

  test(
    `each of its units has an exposure of at most ${maxExposure}`,
    async () => {
      const said = await open().shop.guest.sh(`
          cd /etc/systemd/system
          for unit in kios*.service; do systemd-analyze security --no-pager $unit | tail -n 1; done`);
      const scores = [...said.matchAll(/exposure level for (\S+): ([\d.]+)/g)];
      process.stdout.write(
        `rig: ${scores.map(([, unit, score]) => `${unit} ${score}`).join(', ')}\n`,
      );
      expect(scores.length).toBeGreaterThan(6);
      const wide = scores.filter(
        ([, unit, score]) => unit !== unbound && Number(score) > maxExposure,
      );
      expect(wide.map(([line]) => line)).toEqual([]);
    },
    stepLimitMs,
  );

  test(
    'its power is cut while an update is on trial: that release alone starts, sells, and proves itself',
    async () => {
      const ended = open().apply('next');
      // It was led to, its start was counted, and it is about to take keys for the first time.
      await open().meanwhile(ended, `test -s ${kept.starts}`);
      const unheard = ended.catch(() => undefined);
      await open().cutPower('lost');
      await unheard;
      await open().untilSells();
      expect(await open().versionsReady()).toEqual([versions.next]);
      await open().sell();
      const { guest } = open().shop;
      await guest.sh(`while test -e ${kept.trial}; do sleep 1; done`, updateLimitMs);
      const { current, good, previous } = await open().told();
      expect([current, good].every((one) => one.startsWith(versions.next))).toBe(true);
      expect(previous).toMatch(versions.base);
      expect(await open().versionsReady()).toEqual([versions.next]);
      expect(await guest.sh('systemctl --failed --no-legend --plain')).toBe('');
    },
    updateLimitMs,
  );

  test(
    'a release that dies at its start goes back by itself, and the kiosk sells',
    async () => {
      await open().goesBack('crashing');
      // Also of the update that was cut off.
      expect(await open().shop.guest.sh(`ls ${kept.incoming}`)).toBe('');
    },
    failedLimitMs,
  );

  test(
    'a kernel that is stuck is reset by the watchdog, and the money that came meanwhile finds its place',
    async () => {
      const { shop, house } = open();
      await shop.toIdle();
      const mark = await shop.kiosk.mark();
      await shop.keypad.press('1', '5', '000', 'enter');
      const { saleId } = await shop.kiosk.phase('paying', mark);
      const qr = await shop.qrOnPanel();
      const hang = 'sleep 1; echo 0 >/proc/sys/kernel/panic; echo c >/proc/sysrq-trigger';
      await shop.guest.sh(`setsid sh -c '${hang}' >/dev/null 2>&1 </dev/null &`);
      const console = join(shop.guest.folder, 'console.log');
      await until('a panic', async () => (await readFile(console, 'latin1')).includes('panic'));
      await house.pay(qr);
      await open().untilBooted();
      expect(shop.guest.events).toContain('WATCHDOG');
      await until('nothing in hand', async () => {
        const { balance } = await house.books();
        return balance.inHand.count === 0;
      });
      const { balanced, strange } = await house.books();
      expect({ balanced, strange }).toEqual({ balanced: true, strange: [] });
      expect(await shop.statusAtMidtrans(saleId)).toBe('settlement');
      await open().sell();
    },
    updateLimitMs,
  );

  test(
    'taken back it leaves nothing',
    async () => {
      const { shop } = open();
      await unprovision(shop.guest);
      for (const part of ['keypad', 'scanner', 'printer'] as const) await shop.unplug(part);
      // udevd clears its notes of what was pulled out when its workers have ended, seconds after it has settled.
      const left = async (): Promise<readonly string[]> =>
        differences(open().bare.traces, await traces(shop.guest), kept.onPurpose);
      await expect.poll(left, { timeout: goneLimitMs, interval: 500 }).toEqual([]);
    },
    updateLimitMs,
  );
}
