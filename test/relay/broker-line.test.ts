// The line to a broker outside that cannot be reached: it says why, where to look, and says it once.
import { expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog, type Log } from '../../src/lib/log.ts';
import { startLine } from '../../src/relay/broker/line.ts';
import { lineWords } from '../../src/relay/broker/line-words.ts';

test('a broker that is not there is told once, however often it is tried', async () => {
  const faults: unknown[] = [];
  const thrice = Promise.withResolvers<undefined>();
  const warn = (fields: Record<string, unknown>, msg: string): void => {
    if (msg === 'broker.error') faults.push(fields);
    if (msg === 'broker.down' && fields['attempt'] === 3) thrice.resolve(undefined);
  };
  const log = { ...silentLog, warn: warn as Log['warn'] };
  const line = startLine({
    ...{ url: 'mqtt://127.0.0.1:1', clientId: 'relay-1', username: 'kios-relay', password: 'x' },
    ...{ ca: undefined, clock: systemClock, random: () => 0, log },
    prepare: () => Promise.resolve(),
    onMessage: () => Promise.resolve(),
    onLost: () => undefined,
  });
  await thrice.promise;
  await line.stop();
  expect(faults).toEqual([
    { setting: 'broker.url', error: expect.stringContaining('ECONNREFUSED 127.0.0.1:1') as string },
  ]);
});

test.each([
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'broker.caFile', 'a CA that is not known here'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'broker.caFile', 'a CA that is not known here'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'broker.caFile', 'another name'],
  ['CERT_HAS_EXPIRED', 'broker.caFile', 'out of its time'],
  [5, 'broker.passwordFile', 'refuses this username or password'],
])('%s: look at %s', (code, setting, words) => {
  const told = lineWords(Object.assign(new Error('try running Node.js with a flag'), { code }));
  expect(told.setting).toBe(setting);
  expect(told.error).toContain(words);
  expect(told.error).not.toContain('Node.js');
});
