// What a build machine has no time for of a kiosk in the field, on one machine and in this order: updates by stick and by
// the relay, refused and taken back; its console, its clock, its data partition.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { systemClock } from '../../src/lib/clock.ts';
import { freePorts } from '../bench/machine.ts';
import { bundleName, versions } from './field-bundles.ts';
import { copySparse, failedLimitMs, FieldKiosk, updateLimitMs } from './field-kiosk.ts';
import { kept, waitLikeAPi } from './field-machine.ts';
import { calmDown, hurryUp, serveReleases, type ReleaseServer } from './field-offer.ts';
import { kioskLog, type LogLine } from './guest-kiosk.ts';
import { kioskId, until } from './house.ts';
import { buildLimitMs, inGuests, stepLimitMs } from './releases.ts';
import { readPng } from './shop.ts';

const lateBytes = 64 * 1024 * 1024;
const asked = z.object({ name: z.string(), state: z.string() });

inGuests(
  'a kiosk in the field for years',
  (image) => {
    let field: FieldKiosk | undefined;
    let server: ReleaseServer | undefined;
    const open = (): FieldKiosk => {
      if (field === undefined) throw new Error('there is no kiosk');
      return field;
    };

    beforeAll(async () => {
      const [port = 0] = await freePorts(1);
      const releases = ['next', 'hanging', 'offered'] as const;
      field = await FieldKiosk.open(await image(), { releases, ports: [port] });
      server = await serveReleases(field.house, field.stick, port);
      await field.shop.serve();
    }, buildLimitMs);
    afterAll(async () => {
      await field?.close();
      await server?.close();
    });

    test(
      'an update is tried, sells while it is, and proves itself',
      async () => {
        const { kiosk } = open().shop;
        const mark = await kiosk.mark();
        const ended = open().apply('next');
        await open().meanwhile(ended, `readlink ${kept.current} | grep -F /${versions.next}-`);
        await kiosk.selling(mark);
        await open().sell();
        const { code, out, err } = await ended;
        expect(`${out}${err}`).toContain('has proved itself');
        expect(code).toBe(0);
        const { current, good, previous } = await open().told();
        expect([current, good].every((one) => one.startsWith(versions.next))).toBe(true);
        expect(previous).toMatch(versions.base);
      },
      updateLimitMs,
    );

    test(
      'what is older is refused, and what is not signed',
      async () => {
        const older = await open().apply('base');
        expect(`${older.out}${older.err}`).toMatch(/0\.1\.0 is older than 0\.2\.0/);
        const { guest } = open().shop;
        await guest.sh(`cd /root
          cp /mnt/run/${bundleName('next')} kios-9.0.0-linux-x64.tar.gz
          cp /mnt/run/${bundleName('base')}.sig kios-9.0.0-linux-x64.tar.gz.sig`);
        const forged = await guest.run(
          'cd /root; kios update apply kios-9.0.0-linux-x64.tar.gz; rm kios-9.*',
          updateLimitMs,
        );
        expect(forged.err).toContain('is not signed by the key of this kiosk');
        expect((await open().told()).current).toMatch(versions.next);
      },
      updateLimitMs,
    );

    test(
      'a release that never says it is ready goes back by itself, and the kiosk sells',
      () => open().goesBack('hanging'),
      failedLimitMs,
    );

    test(
      'a release that the relay offers is fetched in a quiet moment, tried, and proves itself',
      async () => {
        const { guest, kiosk } = open().shop;
        const bundle = readFileSync(join(open().stick, bundleName('offered')));
        const sum = createHash('sha256').update(bundle).digest('hex');
        const named = ['--release', versions.offered, '--url', server?.url ?? ''];
        const share = ['--sha256', `x64=${sum}`, '--percent', '100'];
        await open().house.relay('release', 'set', ...named, ...share);
        await hurryUp(guest);
        const led = `readlink ${kept.current} | grep -qF /${versions.offered}-`;
        await guest.sh(`until ${led}; do sleep 1; done`, updateLimitMs);
        const isOffered = ({ msg, version }: LogLine): boolean =>
          msg === 'kiosk.ready' && version === versions.offered;
        await kiosk.waitFor('the offered one', isOffered);
        await open().sell();
        await guest.sh(`while test -e ${kept.trial}; do sleep 1; done`, updateLimitMs);
        const { current, good } = await open().told();
        expect([current, good].every((one) => one.startsWith(versions.offered))).toBe(true);
        await calmDown(guest);
      },
      updateLimitMs,
    );

    test(
      'its console is opened by a signed command and closed by hand, and then it sells',
      async () => {
        const { guest, kiosk } = open().shop;
        const inhibited =
          "$(dirname $(grep -l 'Numeric Keypad' /sys/class/input/input*/name))/inhibited";
        const framebuffer = "$(dirname $(grep -l 'frame buffer' /sys/class/vtconsole/*/name))/bind";
        const seen = `cat ${inhibited} ${framebuffer}; systemctl is-active kios kios-getty || true`;
        expect(await guest.sh(seen)).toBe('1\n0\nactive\ninactive');
        await open().shop.toIdle();
        await open().house.relay('command', kioskId, 'console-on');
        await guest.sh('until systemctl -q is-active kios-getty; do sleep 0.5; done', stepLimitMs);
        expect(await guest.sh(seen)).toBe('0\n1\ninactive\nactive');
        const mark = await kiosk.mark();
        await guest.sh('kios console off');
        await kiosk.selling(mark);
        expect(await guest.sh(`udevadm settle; ${seen}`)).toBe('1\n0\nactive\ninactive');
        await until('its answer', async () => {
          const said = await open().house.relay('commands', '--json', '--last', '1');
          const { name, state } = asked.parse(JSON.parse(said));
          return name === 'console-on' && state !== 'open';
        });
        await open().sell();
      },
      updateLimitMs,
    );

    test(
      'switched on with its clock 60 days back it takes the time from the relay, and sells',
      async () => {
        const { guest, kiosk } = open().shop;
        // All that it could know the time by is as old: it was off for so long.
        await guest.sh(`systemctl stop kios
          past=$(($(date +%s) - 60 * 86400))
          find ${kept.place}/state ${kept.place}/clock ${kept.place}/root -exec touch -d @$past {} +
          (cd ${kept.place}/root && rm -f believed-time.json)
          date --set=@$past && busybox hwclock -w -u; sync
          systemctl --no-block reboot`);
        await open().untilBooted();
        const before = systemClock.nowMs() - 86_400_000;
        expect(Number(await guest.sh('date +%s')) * 1000).toBeGreaterThan(before);
        const answered = await kiosk.waitFor('an answer', ({ msg }) => msg === 'clock.asked-root');
        expect(answered).toMatchObject({ outcome: 'done' });
        expect(await guest.sh('systemctl --failed --no-legend --plain')).toBe('');
        await open().sell();
        const slip = open().shop.printer.sheets.at(-1)?.text.join('\n') ?? '';
        expect(slip).toContain(String(new Date(systemClock.nowMs()).getUTCFullYear()));
      },
      updateLimitMs,
    );

    test(
      'without its data partition it says so and does not sell; when that comes, it sells',
      async () => {
        const { disk, house } = open();
        await waitLikeAPi(open().shop.guest);
        await open().off();
        const orders = await house.orders();
        const late = join(open().folder, 'late');
        await writeFile(late, '');
        await truncate(late, lateBytes);
        await open().boot({ file: late });
        const { guest, keypad } = open().shop;
        await open().untilLogged('kiosk.out-of-service');
        const said = (await guest.get(kioskLog)).toString();
        expect(said).toContain('"code":"data-missing"');
        expect(said).not.toContain('"selling":true');
        expect(await readPng(await guest.screenshot())).toBeUndefined();
        await keypad.press('1', '5', '000', 'enter');
        copySparse(disk.live, late);
        await guest.measure(late);
        await open().untilSells();
        expect(await house.orders()).toEqual(orders);
        for (const place of [kept.place, '/var/log/journal', '/var/lib/systemd/timesync']) {
          await guest.sh(`mountpoint ${place}`);
        }
        // What failed for want of its disk was started again: nothing is left red for a technician to wonder at.
        const failed = (): Promise<string> => guest.sh('systemctl --failed --no-legend --plain');
        await expect.poll(failed, { timeout: stepLimitMs, interval: 500 }).toBe('');
        await open().sell();
      },
      updateLimitMs,
    );
  },
  'full',
);
