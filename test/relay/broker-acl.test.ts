// Who may do what at a broker, and that Mosquitto's files say the same.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { kioskTopics } from '../../src/protocol/topics.ts';
import { kioskHears, kioskMay, kioskSends, relayMay } from '../../src/relay/broker/acl.ts';
import { roleAcls } from '../../src/relay/broker/mosquitto-role.ts';

const own = kioskTopics('anna1');
const other = kioskTopics('budi1');

test('a kiosk sends and hears on its own topics, each in its direction', () => {
  const may = (action: 'publish' | 'subscribe'): string[] =>
    Object.values<string>({ ...own }).filter((topic) => kioskMay('anna1', action, topic));
  expect(may('publish')).toEqual([own.ack, own.status, own.echo]);
  expect(may('subscribe')).toEqual([own.sale, own.command, own.status, own.echo]);
});

test('no other topic, no wildcard and no shared filter is a kiosk’s', () => {
  for (const topic of [
    ...Object.values<string>({ ...other }),
    ...['#', '+', 'kios/1/+/sale', 'kios/1/anna1/#', 'kios/1/anna1/+', '+/1/anna1/sale'],
    ...['$SYS/#', '$share/x/kios/1/anna1/sale', 'kios/2/anna1/sale', 'kios/1/anna1/sale/x', ''],
    ...[`${own.sale}\n`, `/${own.sale}`, 'kios/1//sale', 'KIOS/1/anna1/sale'],
  ]) {
    expect(kioskMay('anna1', 'subscribe', topic)).toBe(false);
    expect(kioskMay('anna1', 'publish', topic)).toBe(false);
  }
});

test('the relay reaches all kiosks and nothing else', () => {
  expect([own.sale, 'kios/1/+/ack', 'kios/1/+/status'].map(relayMay)).toEqual([true, true, true]);
  expect(['#', '$SYS/#', 'kios/#', 'elsewhere'].map(relayMay)).toEqual([
    false,
    false,
    false,
    false,
  ]);
});

test('Mosquitto lets the same messages pass, and lets nobody ask for another filter', () => {
  const acl = readFileSync(new URL('../../config/mosquitto.acl', import.meta.url), 'utf8');
  const rules = acl.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  expect(rules).toEqual([
    'user kios-relay',
    'topic write kios/1/#',
    ...kioskSends.map((leaf) => `pattern write kios/1/%u/${leaf}`),
    ...kioskHears.map((leaf) => `pattern read kios/1/%u/${leaf}`),
  ]);
  const allowed = roleAcls().filter(({ allow }) => allow);
  expect(allowed.map(({ topic }) => topic)).toEqual(kioskHears.map((leaf) => `kios/1/+/${leaf}`));
});
