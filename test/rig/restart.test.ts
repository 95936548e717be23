// The kiosk's unit at a real systemd: how far it is confined, and what a customer sees of a daemon that got stuck.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from './house.ts';
import { buildLimitMs, inGuests, stepLimitMs } from './releases.ts';
import { Shop } from './shop.ts';

/** The unit's minute is for a Pi with a slow card, and longer than this test shall wait. */
const watchdogS = 20;
/** systemd.exec(5)'s sum of what a unit may still do, 0 to 10. */
const maxExposure = 2;

inGuests('the unit of the kiosk', (image) => {
  let shop: Shop | undefined;
  const open = (): Shop => {
    if (shop === undefined) throw new Error('there is no guest');
    return shop;
  };
  const shown = (property: string): Promise<string> =>
    open().guest.sh(`systemctl show kios --property=${property} --value`);

  beforeAll(async () => {
    shop = await Shop.open(await image());
    await shop.guest.put(
      '/etc/systemd/system/kios.service.d/watchdog.conf',
      `[Service]\nWatchdogSec=${watchdogS}\n`,
    );
    await shop.guest.sh('systemctl daemon-reload');
    await shop.serve();
  }, buildLimitMs);
  afterAll(async () => {
    await shop?.close();
  });

  test(
    `systemd counts an exposure of at most ${maxExposure} for it`,
    async () => {
      const said = await open().guest.sh('systemd-analyze security --no-pager kios.service');
      const level = /exposure level for kios.service: ([\d.]+)/.exec(said)?.[1];
      expect(Number(level), said).toBeLessThanOrEqual(maxExposure);
    },
    stepLimitMs,
  );

  test(
    'stuck with a QR on the panel it is restarted, and the money that came meanwhile finds its place',
    async () => {
      const { kiosk, keypad, guest, house } = open();
      await keypad.press('1', '5', '000', 'enter');
      await kiosk.phase('paying');
      const qr = await open().qrOnPanel();
      const stuck = await shown('MainPID');
      const mark = await kiosk.mark();
      await guest.sh(`kill -STOP ${stuck}`);
      expect(await open().qrOnPanel()).toBe(qr);
      await house.pay(qr);
      await until('an end by the watchdog', async () => (await shown('MainPID')) !== stuck);
      await kiosk.selling(mark);
      expect(Number(await shown('NRestarts'))).toBe(1);
      await until('nothing in hand', async () => (await house.books()).balance.inHand.count === 0);
      const { balanced, strange, balance } = await house.books();
      expect({ balanced, strange }).toEqual({ balanced: true, strange: [] });
      expect(balance.done.count + balance.openClaim.count).toBe(1);
    },
    stepLimitMs,
  );
});
