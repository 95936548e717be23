// A sale on PostgreSQL, from PUT to the kiosk's acknowledgement, through the relay as it is run.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { kioskTopics } from '../../src/protocol/topics.ts';
import { createRelay } from '../../src/relay/relay.ts';
import { sharedPostgres } from './databases.ts';
import { findPostgres } from './postgres-server.ts';
import { pay, startSetting, type Setting } from './setting.ts';

describe.skipIf(findPostgres() === undefined)('a relay on PostgreSQL', () => {
  const server = sharedPostgres();
  let setting: Setting;
  beforeAll(async () => {
    const url = await (await server()).newDatabase();
    setting = await startSetting({ overrides: { store: { postgres: { url } } } });
  });
  afterAll(async () => {
    await setting.stop();
  });

  test('is charged, paid, told to the kiosk, and told again after a restart until it is stored', async () => {
    const kiosk = await setting.kiosk('ksk01');
    const saleId = kiosk.newSaleId();
    const before = await kiosk.connect();
    const put = await kiosk.put(saleId, 15_000);
    expect(put.sale.verdict).toBe('pending');
    await pay(setting, put.sale.qrString ?? '');
    const told = await before.next((sale) => sale.verdict === 'paid');
    await kiosk.verify(told);
    await before.client.endAsync();
    await setting.restart();
    const after = await kiosk.connect();
    const status = { online: true, bootId: 'boot', connection: 1 };
    await after.client.publishAsync(kioskTopics('ksk01').status, JSON.stringify(status), {
      qos: 1,
    });
    const again = await after.next((sale) => sale.verdict === 'paid');
    expect(again.seq).toBe(told.seq);
    const { status: acked } = await kiosk.call('POST', '/v1/ack', {
      ledgerId: again.ledgerId,
      upTo: again.seq,
    });
    expect(acked).toBe(200);
    await after.client.endAsync();
  });

  test('a second relay with a broker inside is refused on the same database, and told what to do', async () => {
    const second = createRelay(
      { ...setting.config, http: { ...setting.config.http, port: 0 } },
      { clock: systemClock, random: () => 0.5, log: silentLog },
    );
    await expect(second.start()).rejects.toThrow(/another relay .* name a broker outside/);
    const kiosk = await setting.kiosk('ksk02');
    expect((await kiosk.put(kiosk.newSaleId(), 15_000)).sale.verdict).toBe('pending');
  });
});
