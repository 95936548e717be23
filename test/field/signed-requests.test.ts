// What root does for a kiosk that asks: only what the relay or the operator has signed, once, in time, for this kiosk; and
// what the system's own tools are told then.
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { closeConsole, obeyConsole, openConsole, switchConsole } from '../../src/field/console.ts';
import { readAnswers } from '../../src/field/requests.ts';
import { obeyClock, raiseClock } from '../../src/field/set-clock.ts';
import { obeyNet, restoreNet } from '../../src/field/set-net.ts';
import { pinFirstKeys, pinKeys } from '../../src/field/trust.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { publicJwk, type ChainKey } from '../../src/protocol/api.ts';
import { signJws } from '../../src/protocol/jws.ts';
import { signLink } from '../../src/protocol/key-chain.ts';
import type { RootTask } from '../../src/protocol/root-request.ts';
import { makeRootTree, type RootTree } from './root-tree.ts';

interface Signer {
  kid: string;
  privateKey: KeyObject;
  link: ChainKey;
}

const at = (iso: string): number => Date.parse(iso);
const kioskId = 'kuta01';
let tree: RootTree;
let relay: Signer;
let nowMs: number;
let monotonicMs: number;
let named: number;

const clock: Clock = {
  nowMs: () => nowMs,
  monotonicMs: () => monotonicMs,
  after: () => {
    throw new Error('nothing waits here');
  },
};

function makeSigner(kid: string): Signer {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const jwk = publicJwk.parse(publicKey.export({ format: 'jwk' }));
  return { kid, privateKey, link: { kid, publicKey: jwk } };
}

function enrol(signer: Signer, id = kioskId): void {
  const enrolment = { kioskId: id, keys: [signer.link] };
  writeFileSync(tree.places.identity, JSON.stringify({ enrolment }));
}

const jws = (typ: string, claims: Record<string, unknown>, by = relay): string =>
  signJws({ typ, kid: by.kid }, claims, by.privateKey);

/** Drops a request and has it obeyed; answers what root said of it. */
async function ask(task: RootTask, token: string, more: object = {}): Promise<string> {
  const id = `request-${++named}`;
  tree.request(task, { id, token, ...more }, `${id}.json`);
  if (task === 'clock') await obeyClock(tree.places, clock);
  if (task === 'net') await obeyNet(tree.places, clock);
  if (task === 'console') await obeyConsole(tree.places, clock, () => Promise.resolve(true));
  const answer = readAnswers(tree.places, task).find((one) => one.id === id);
  return `${answer?.outcome ?? 'none'}: ${answer?.why ?? ''}`;
}

beforeEach(() => {
  tree = makeRootTree();
  vi.stubEnv('PATH', tree.tools);
  relay = makeSigner('first');
  enrol(relay);
  nowMs = at('2026-09-20T00:00:00.000Z');
  monotonicMs = 500_000;
  named = 0;
});

afterEach(() => {
  vi.unstubAllEnvs();
  tree.remove();
});

describe('whom root believes', () => {
  const time = (by: Signer): string =>
    jws('kios-time', { nonce: 'n', time: '2026-11-22T10:00:00.000Z' }, by);
  const heard = { heardAtMs: 499_000 };
  const stranger = 'refused: it is not signed by the relay of this kiosk';

  test('a stranger, with a key of the same name', async () => {
    expect(await ask('clock', time(makeSigner('first')), heard)).toBe(stranger);
    expect(tree.calls()).toEqual([]);
  });

  test('what is answered may be read by the kiosk, whatever the umask of the unit', async () => {
    const umask = process.umask(0o077);
    try {
      await ask('clock', time(relay), heard);
    } finally {
      process.umask(umask);
    }
    expect(statSync(join(tree.places.answers, 'clock.json')).mode & 0o777).toBe(0o644);
  });

  test('another kind of signature, another shape', async () => {
    const claims = { nonce: 'n', time: '2026-11-22T10:00:00.000Z' };
    expect(await ask('clock', jws('kios-verdict', claims), heard)).toBe(stranger);
    expect(await ask('clock', jws('kios-time', { time: 1 }), heard)).toBe(stranger);
  });

  test('a kiosk that was never enrolled', async () => {
    writeFileSync(tree.places.identity, '');
    expect(await ask('clock', time(relay), heard)).toBe(stranger);
  });

  test('the first keys are pinned: an identity that is changed later changes nothing', async () => {
    expect(await ask('clock', time(relay), heard)).toBe('done: the clock is set');
    const other = makeSigner('other');
    enrol(other);
    const later = jws('kios-time', { nonce: 'n', time: '2026-11-23T10:00:00.000Z' }, other);
    expect(await ask('clock', later, heard)).toBe(stranger);
    pinKeys(tree.places);
    expect(await ask('clock', later, heard)).toBe('done: the clock is set');
  });

  test('keys pinned at a start, before any request: an identity that is changed later changes nothing', async () => {
    pinFirstKeys(tree.places);
    const other = makeSigner('other');
    enrol(other);
    pinFirstKeys(tree.places);
    expect(await ask('clock', time(other), heard)).toBe(stranger);
    expect(await ask('clock', time(relay), heard)).toBe('done: the clock is set');
  });

  test('a start before the enrolment pins nothing', async () => {
    writeFileSync(tree.places.identity, '');
    pinFirstKeys(tree.places);
    expect(readdirSync(tree.places.kept)).toEqual([]);
    enrol(relay);
    expect(await ask('clock', time(relay), heard)).toBe('done: the clock is set');
  });

  test("the relay's next key, by a link that the one before has signed, and not by another", async () => {
    await ask('clock', time(relay), heard);
    const next = makeSigner('next');
    const later = jws('kios-time', { nonce: 'n', time: '2026-11-23T10:00:00.000Z' }, next);
    const forged = await signLink(next.link, { ...makeSigner('first') });
    expect(await ask('clock', later, { ...heard, links: [forged] })).toBe(stranger);
    const link = await signLink(next.link, relay);
    expect(await ask('clock', later, { ...heard, links: [link] })).toBe('done: the clock is set');
    const last = jws('kios-time', { nonce: 'n', time: '2026-11-24T10:00:00.000Z' }, next);
    expect(await ask('clock', last, heard)).toBe('done: the clock is set');
  });
});

describe('the clock', () => {
  const setTo = (time: string, heardAtMs = 499_000): Promise<string> =>
    ask('clock', jws('kios-time', { nonce: 'n', time }), { heardAtMs });

  test('is set to what was signed, and to what has passed since it was heard', async () => {
    expect(await setTo('2026-11-22T10:00:00.000Z')).toBe('done: the clock is set');
    const seconds = at('2026-11-22T10:00:01.000Z') / 1000;
    expect(tree.calls()).toEqual([`date --utc --set=@${seconds}.000`]);
  });

  test("dates timesyncd's file as well, if there is one", async () => {
    mkdirSync(join(tree.places.timesync, '..'), { recursive: true });
    writeFileSync(tree.places.timesync, '');
    await setTo('2026-11-22T10:00:00.000Z');
    expect(statSync(tree.places.timesync).mtimeMs).toBe(at('2026-11-22T10:00:01.000Z'));
  });

  test.each([
    ['before any release', '2025-12-31T23:59:59.999Z', 499_000, 'it is no time that kios'],
    ['ten years on', '2036-01-02T00:00:00.000Z', 499_000, 'it is no time that kios'],
    ['heard two minutes ago', '2026-11-22T10:00:00.000Z', 379_000, 'it was heard too long ago'],
    ['heard in the future', '2026-11-22T10:00:00.000Z', 500_001, 'it was heard too long ago'],
  ])('%s is refused', async (_what, time, heardAtMs, why) => {
    expect(await setTo(time, heardAtMs)).toContain(`refused: ${why}`);
    expect(tree.calls()).toEqual([]);
  });

  test('one that was not said when is refused', async () => {
    const token = jws('kios-time', { nonce: 'n', time: '2026-11-22T10:00:00.000Z' });
    expect(await ask('clock', token)).toContain('heard too long ago');
  });

  test('an old signature sets nothing back, nor does the same one again', async () => {
    await setTo('2026-11-22T10:00:00.000Z');
    for (const time of ['2026-11-22T10:00:00.000Z', '2026-09-01T00:00:00.000Z']) {
      expect(await setTo(time)).toBe('refused: a later time was believed before');
    }
    expect(tree.calls()).toHaveLength(1);
  });

  test('at boot it is raised to the newest thing that has happened, and never set back', async () => {
    const journalMs = at('2026-11-20T00:00:00.000Z');
    writeFileSync(tree.places.journal, '');
    utimesSync(tree.places.journal, journalMs / 1000, journalMs / 1000);
    await raiseClock(tree.places, clock);
    expect(tree.calls()).toEqual([`date --utc --set=@${journalMs / 1000}.000`]);
    nowMs = journalMs + 1;
    await raiseClock(tree.places, clock);
    expect(tree.calls()).toHaveLength(1);
  });

  test('a file from the far future is no witness', async () => {
    const wrongMs = at('2093-01-01T00:00:00.000Z');
    writeFileSync(tree.places.journal, '');
    utimesSync(tree.places.journal, wrongMs / 1000, wrongMs / 1000);
    await raiseClock(tree.places, clock);
    expect(tree.calls()).toEqual([]);
  });
});

const wifi = (more: object = {}, by = relay): string =>
  jws(
    'kios-net',
    {
      kioskId,
      netId: 'sheet-001',
      ssid: 'Warung; "Kopi"\n',
      psk: ' rahasia\\123',
      iat: 1,
      deadline: '2026-12-01T00:00:00Z',
      ...more,
    },
    by,
  );

describe('a Wi-Fi', () => {
  const kept = (): string => join(tree.places.kept, 'kios-wifi.nmconnection');
  const offered = (): string => join(tree.places.connections, 'kios-wifi.nmconnection');

  test("lies in files of root's alone, and its password in nobody's arguments", async () => {
    expect(await ask('net', wifi())).toBe('done: the Wi-Fi is connected');
    const text = readFileSync(offered(), 'utf8');
    expect(text).toContain('\npsk=\\srahasia\\\\123\n');
    expect(text).toContain(`\nssid=${[...Buffer.from('Warung; "Kopi"\n')].join(';')};\n`);
    for (const file of [kept(), offered()]) expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(tree.calls()).toEqual([
      'nmcli connection reload',
      'nmcli --wait 30 connection up id kios-wifi',
    ]);
    expect(readFileSync(join(tree.places.answers, 'net.json'), 'utf8')).not.toContain('rahasia');
  });

  test('no text of a request becomes a key of its own', async () => {
    for (const psk of ['12345678\nautoconnect=false', 'short', 'ü2345678']) {
      expect(await ask('net', wifi({ psk }))).toContain('refused');
    }
    expect(existsSync(offered())).toBe(false);
  });

  test('is there again after a boot', async () => {
    await ask('net', wifi());
    const text = readFileSync(offered(), 'utf8');
    writeFileSync(offered(), '');
    restoreNet(tree.places);
    expect(readFileSync(offered(), 'utf8')).toBe(text);
  });

  test('serves in time, for this kiosk alone, and none older than the one that stands', async () => {
    expect(await ask('net', wifi({ kioskId: 'ubud02' }))).toContain('for another kiosk');
    expect(await ask('net', wifi({ deadline: '2026-09-19T00:00:00Z' }))).toContain('is over');
    await ask('net', wifi());
    expect(await ask('net', wifi({ netId: 'sheet-002' }))).toContain('one as new or newer');
    expect(await ask('net', wifi())).toContain('done');
    expect(await ask('net', wifi({ netId: 'sheet-002', iat: 2 }))).toContain('done');
    expect(await ask('net', wifi())).toContain('refused');
  });

  test('one that cannot be joined is kept, and said', async () => {
    tree.tool('nmcli', '[[ $* != *up* ]] || { echo "no network with SSID" >&2; exit 4; }');
    expect(await ask('net', wifi())).toContain('failed: the Wi-Fi is set, and not connected');
    expect(existsSync(kept())).toBe(true);
  });

  test("by the operator's key, before the kiosk is enrolled; that key serves for nothing else", async () => {
    const operator = makeSigner('operator');
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    writeFileSync(tree.places.operatorKey, publicKey.export({ type: 'spki', format: 'pem' }));
    writeFileSync(tree.places.identity, '');
    const by = { ...operator, privateKey };
    expect(await ask('net', wifi({}, by))).toContain('done');
    enrol(relay);
    const time = jws('kios-time', { nonce: 'n', time: '2026-11-22T10:00:00.000Z' }, by);
    expect(await ask('clock', time, { heardAtMs: 499_000 })).toContain('refused: it is not signed');
  });
});

describe('the console', () => {
  const command = (more: object = {}): string =>
    jws('kios-command', {
      env: 'sandbox',
      kioskId,
      commandId: 'command-1',
      name: 'console-on',
      deadline: '2026-09-20T01:00:00Z',
      whenIdle: true,
      iat: 1,
      ...more,
    });

  test('is opened and closed by a signed command, each once', async () => {
    expect(await ask('console', command())).toBe('done: the console is on');
    expect(await ask('console', command())).toBe('refused: it was obeyed before');
    const off = command({ name: 'console-off', commandId: 'command-2' });
    expect(await ask('console', off)).toBe('done: the console is off');
    expect(tree.calls()).toEqual([
      'systemctl start kios-getty.service',
      'systemctl stop kios-getty.service',
    ]);
  });

  test.each([
    ['another command', { name: 'restart' }],
    ['another kiosk', { kioskId: 'ubud02' }],
    ['too late', { deadline: '2026-09-19T23:59:59Z' }],
    ['a deadline that is far away', { deadline: '2026-09-22T00:00:00Z' }],
  ])('%s: nothing happens', async (_what, more) => {
    expect(await ask('console', command(more))).toMatch(/^refused/);
    expect(tree.calls()).toEqual([]);
  });

  test('what was obeyed is not obeyed again when it is forgotten and the clock goes back', async () => {
    const open = (commandId: string, deadline: string): Promise<string> =>
      ask('console', command({ commandId, deadline }));
    await open('command-1', '2026-09-20T01:00:00Z');
    await open('command-2', '2026-09-20T01:30:00Z');
    nowMs = at('2026-09-20T02:00:00.000Z');
    expect(await open('command-3', '2026-09-20T03:00:00Z')).toContain('done');
    nowMs = at('2026-09-20T00:00:00.000Z');
    const forgotten = 'refused: one with a later deadline is over';
    expect(await open('command-1', '2026-09-20T01:00:00Z')).toBe(forgotten);
    // What is later than all that is forgotten serves, and the others stay forgotten.
    expect(await open('command-4', '2026-09-20T01:30:01Z')).toContain('done');
    expect(await open('command-1', '2026-09-20T01:00:00Z')).toBe(forgotten);
    expect(await open('command-2', '2026-09-20T01:30:00Z')).toContain('obeyed before');
    expect(await open('command-3', '2026-09-20T03:00:00Z')).toContain('obeyed before');
  });

  test('is not opened while somebody pays', async () => {
    const { outcome } = await switchConsole('on', () => Promise.resolve(false));
    expect(outcome).toBe('failed');
    expect(tree.calls()).toEqual([]);
  });

  test('open: every keyboard speaks, and the text console has the screen; closed: neither', async () => {
    const input = join(tree.places.inputs, 'input3');
    const screen = join(tree.places.consoles, 'vtcon1');
    const dummy = join(tree.places.consoles, 'vtcon0');
    for (const folder of [input, screen, dummy]) mkdirSync(folder, { recursive: true });
    writeFileSync(join(input, 'inhibited'), '1');
    writeFileSync(join(screen, 'name'), '(M) frame buffer device\n');
    writeFileSync(join(dummy, 'name'), '(S) dummy device\n');
    openConsole(tree.places);
    expect(readFileSync(join(input, 'inhibited'), 'utf8')).toBe('0');
    expect(readFileSync(join(screen, 'bind'), 'utf8')).toBe('1');
    // That it fails keeps nothing else from closing.
    tree.tool('udevadm', `echo "udevadm $*" >>${join(tree.path, 'calls')}; exit 1`);
    await closeConsole(tree.places);
    expect(readFileSync(join(screen, 'bind'), 'utf8')).toBe('0');
    expect(readdirSync(dummy)).toEqual(['name']);
    expect(tree.calls()).toEqual([
      // The rules inhibit the customers' keyboards again.
      'udevadm trigger --subsystem-match=input --action=add',
      'loginctl terminate-seat seat0',
      'systemctl --no-block start kios.service',
    ]);
  });
});

test('a kiosk that asks without end is not obeyed without end', async () => {
  const token = jws('kios-time', { nonce: 'n', time: '2026-11-22T10:00:00.000Z' });
  for (let index = 0; index < 50; index++) {
    const id = `request-${index}`;
    tree.request('clock', { id, token, heardAtMs: 499_000 }, `${id}.json`);
  }
  await obeyClock(tree.places, clock);
  expect(readAnswers(tree.places, 'clock')).toHaveLength(8);
  expect(readdirSync(join(tree.places.ask, 'clock'))).toEqual([]);
});
