// A command's way through the relay: from the operator's terminal, signed, over MQTT or fetched, to its answer on the list.
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connectAsync } from 'mqtt';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { commandsAnswer, openCommand, type CommandClaims } from '../../src/protocol/command.ts';
import { commandMessage, kioskTopics } from '../../src/protocol/topics.ts';
import { storeFile } from './restored.ts';
import { startSetting, type Setting, type TestKiosk } from './setting.ts';

const entry = fileURLToPath(new URL('../../src/cli/kios.ts', import.meta.url));
let setting: Setting;
let kiosk: TestKiosk;
let file: string;
beforeAll(async () => {
  setting = await startSetting();
  kiosk = await setting.kiosk('ksk01');
  await setting.kiosk('ksk02');
  file = join(setting.dir, 'relay.yaml');
  const store = { sqlite: storeFile(setting) };
  writeFileSync(file, JSON.stringify({ ...setting.config, store }));
});
afterAll(() => setting.stop());

/** What the command printed, with its exit code where it is not 0. */
function kios(...args: string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(process.execPath, [entry, 'relay', '-c', file, ...args], (error, out, err) => {
      resolve(error === null ? out : `${String(error.code)}: ${out}${err}`);
    });
  });
}

const expected = { kioskId: 'ksk01', environment: 'sandbox' };

async function fetched(): Promise<CommandClaims[]> {
  const { json } = await kiosk.call('GET', '/v1/commands');
  const { commands } = commandsAnswer.parse(json);
  return Promise.all(commands.map(({ token }) => openCommand(token, expected, kiosk.keys)));
}

async function give(...args: string[]): Promise<string> {
  return /[0-9A-Z]{26}/.exec(await kios('command', ...args))?.[0] ?? 'none';
}

test('is given at a terminal, fetched signed, and answered; the list says what came of it', async () => {
  const id = await give('ksk01', 'restart', '--when-idle', '--deadline', '10m');
  const [claims] = await fetched();
  expect(claims).toMatchObject({ commandId: id, name: 'restart', whenIdle: true });
  const lifeMs = Date.parse(claims?.deadline ?? '') - (claims?.iat ?? 0) * 1000;
  expect(Math.round(lifeMs / 60_000)).toBe(10);
  const body = { outcome: 'done', why: 'it has started anew' };
  const answer = await kiosk.call('POST', `/v1/commands/${id}/result`, body);
  expect(answer).toMatchObject({ status: 200, json: { known: true } });
  expect(await fetched()).toEqual([]);
  const list = await kios('commands');
  expect(list).toMatch(new RegExp(`${id} +ksk01 +restart .*done: it has started anew`));
  const [line = ''] = (await kios('commands', '--json')).split('\n');
  expect(JSON.parse(line)).toMatchObject({ commandId: id, state: 'done', argument: null });
  expect(await setting.metrics()).toContain('kios_commands_total{outcome="done"} 1');
});

test('is told over MQTT to a kiosk that is there', async () => {
  const { command, status } = kioskTopics('ksk01');
  const password = await kiosk.token({ audience: 'kios-broker' });
  const who = { clientId: 'ksk01', username: 'ksk01', password, protocolVersion: 4 } as const;
  const client = await connectAsync(setting.mqttUrl, who);
  await client.subscribeAsync(command, { qos: 1 });
  const told = new Promise<string>((resolve) => {
    client.on('message', (_topic, payload) => {
      resolve(payload.toString());
    });
  });
  const here = { online: true, bootId: 'boot', connection: 1, version: '0' };
  await client.publishAsync(status, JSON.stringify(here), { qos: 1, retain: true });
  const id = await give('ksk01', 'show-message', '--text', 'Buka pukul 17.00', '--for', '2h');
  const { token } = commandMessage.parse(JSON.parse(await told));
  const claims = await openCommand(token, expected, kiosk.keys);
  const argument = { text: 'Buka pukul 17.00', forS: 7200 };
  expect(claims).toMatchObject({ commandId: id, name: 'show-message', argument });
  await client.endAsync();
  await kiosk.call('POST', `/v1/commands/${id}/result`, { outcome: 'done', why: '' });
});

test('goes to all kiosks at once; each answers for itself alone', async () => {
  const said = await kios('command', '--all', 'out-of-service');
  expect(said).toMatch(/^ksk01: \S+ is given\nksk02: \S+ is given\n$/);
  const other = /ksk02: (\S+)/.exec(said)?.[1] ?? '';
  const theirs = await kiosk.call('POST', `/v1/commands/${other}/result`, {
    ...{ outcome: 'done', why: '' },
  });
  expect(theirs.json).toEqual({ known: false });
  expect(await fetched()).toMatchObject([{ name: 'out-of-service' }]);
});

test('what cannot be asked is refused in words', async () => {
  const wrong: [string, string[], string][] = [
    ['a command that there is not', ['ksk01', 'open-the-till'], '"open-the-till" is no command'],
    ['a bundle by a relay that keeps none', ['ksk01', 'send-bundle'], 'names no supportDir'],
    ['no kiosk', ['restart'], 'KIOSK COMMAND'],
    ['a name that is no kiosk’s', ['KSK-1', 'restart'], 'no kiosk id'],
    ['a kiosk that never was', ['ksk09', 'restart'], 'ever enrolled'],
    ['a message without words', ['ksk01', 'show-message'], 'takes --text'],
    ['words for what takes none', ['ksk01', 'restart', '--text', 'a'], 'takes no argument'],
    ['a deadline in a month', ['ksk01', 'restart', '--deadline', '30d'], 'at most 7d'],
  ];
  const said = await Promise.all(wrong.map(([, args]) => kios('command', ...args)));
  for (const [at, [what, , words]] of wrong.entries()) {
    expect(said[at], what).toMatch(/^1: /);
    expect(said[at], what).toContain(words);
  }
});

test.each([
  ['an outcome that there is not', { outcome: 'perhaps', why: '' }],
  ['more words than a line', { outcome: 'done', why: 'a'.repeat(301) }],
  ['an answer with more in it', { outcome: 'done', why: '', bundle: 'AAAA' }],
])('%s is no answer', async (_what, body) => {
  const answer = await kiosk.call('POST', '/v1/commands/command-1/result', body);
  expect(answer).toMatchObject({ status: 400, json: { code: 'bad-request' } });
});

test('without a kiosk’s token nothing is told and nothing taken', async () => {
  const answer = await fetch(`${setting.relayUrl}/v1/commands`);
  expect(answer.status).toBe(401);
});
