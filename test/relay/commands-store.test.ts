// Commands in the store, on every database: told until they are answered, to the life that they were meant for; bounded.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ulid } from 'ulid';
import { maxOpenCommands } from '../../src/protocol/command.ts';
import { type Giving } from '../../src/relay/store/commands.ts';
import { openStore } from '../../src/relay/store/open.ts';
import { type Store } from '../../src/relay/store/store.ts';
import { databases, type Room } from './databases.ts';

const key = { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) } as const;
const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

describe.each(databases())('%s', (_name, newRoom) => {
  let room: Room;
  let store: Store;
  let made = 0;

  beforeEach(async () => {
    room = await newRoom();
    store = await openStore(await room.connect(), 'ledger');
    await enrol('ksk01');
    await store.noteStatus('ksk01', true, null);
  });
  afterEach(async () => {
    await store.close();
    await room.leave();
  });

  async function enrol(kioskId: string, x = key.x): Promise<void> {
    const code = `hash-${kioskId}-${x}`;
    await store.addEnrolment(code, kioskId, minuteMs);
    const more = { serial: null, claimSecret: 's', brokerPassword: null };
    await store.enrol(code, { ...key, x }, more);
  }

  async function give(more: { kioskId?: string; lifeMs?: number } = {}): Promise<[string, Giving]> {
    const commandId = ulid(store.nowMs() + made++);
    const command = { commandId, kioskId: 'ksk01', name: 'restart', argument: null, whenIdle: 0 };
    return [commandId, await store.giveCommand({ ...command, lifeMs: 10 * minuteMs, ...more })];
  }

  const idsOf = (rows: { commandId: string }[]): string[] => rows.map(({ commandId }) => commandId);

  test('is taken to be told, left alone for its lease, and taken again until it is answered', async () => {
    const [id] = await give();
    expect(idsOf(await store.takeCommands(10, minuteMs))).toEqual([id]);
    expect(await store.takeCommands(10, minuteMs)).toEqual([]);
    room.pass(minuteMs);
    expect(idsOf(await store.takeCommands(10, minuteMs))).toEqual([id]);
    room.pass(minuteMs);
    expect(await store.endCommand('ksk01', id, { outcome: 'done', why: 'so' })).toBe(true);
    expect(await store.takeCommands(10, minuteMs)).toEqual([]);
    expect(await store.openCommands('ksk01')).toEqual([]);
    expect(await store.newestCommands(10)).toMatchObject([{ state: 'done', why: 'so' }]);
  });

  test('the first answer stands, and another kiosk’s is none', async () => {
    await enrol('ksk02', 'B'.repeat(43));
    const [id] = await give();
    expect(await store.endCommand('ksk02', id, { outcome: 'done', why: '' })).toBe(false);
    expect(await store.endCommand('ksk01', 'no-such-command', { outcome: 'done', why: '' })).toBe(
      false,
    );
    expect(await store.endCommand('ksk01', id, { outcome: 'refused', why: 'first' })).toBe(true);
    expect(await store.endCommand('ksk01', id, { outcome: 'done', why: 'second' })).toBe(true);
    expect(await store.newestCommands(10)).toMatchObject([{ state: 'refused', why: 'first' }]);
  });

  test('is told to nobody whose time is over, who is away, revoked or enrolled anew', async () => {
    const [over] = await give({ lifeMs: minuteMs });
    room.pass(minuteMs);
    expect(await store.takeCommands(10, minuteMs)).toEqual([]);
    expect(await store.openCommands('ksk01')).toEqual([]);
    expect(await store.endCommand('ksk01', over, { outcome: 'done', why: 'late' })).toBe(true);
    const [id] = await give();
    await store.noteStatus('ksk01', false, null);
    expect(await store.takeCommands(10, minuteMs)).toEqual([]);
    expect(idsOf(await store.openCommands('ksk01'))).toEqual([id]);
    room.pass(1);
    await enrol('ksk01', 'C'.repeat(43));
    await store.noteStatus('ksk01', true, null);
    expect(await store.takeCommands(10, minuteMs)).toEqual([]);
    expect(await store.openCommands('ksk01')).toEqual([]);
    await store.revoke('ksk01');
    expect((await give())[1]).toBe('revoked');
    expect((await give({ kioskId: 'ksk09' }))[1]).toBe('unknown-kiosk');
  });

  test('a kiosk has so many unanswered, and their deadlines make room', async () => {
    const given = [];
    for (let i = 0; i < maxOpenCommands; i++) given.push((await give())[1]);
    expect(new Set(given)).toEqual(new Set(['given']));
    expect((await give())[1]).toBe('crowded');
    expect(await store.openCommands('ksk01')).toHaveLength(maxOpenCommands);
    room.pass(10 * minuteMs);
    expect((await give())[1]).toBe('given');
  });

  test('is let go long after its deadline', async () => {
    const [id] = await give();
    await store.endCommand('ksk01', id, { outcome: 'done', why: '' });
    expect(await store.pruneCommands()).toBe(0);
    room.pass(31 * dayMs);
    expect(await store.pruneCommands()).toBe(1);
    expect(await store.newestCommands(10)).toEqual([]);
  });

  test('two relays never take the same one', async () => {
    await give();
    await give();
    const other = await openStore(await room.connect(), 'ledger');
    const taken = await Promise.all([store, other].map((one) => one.takeCommands(10, minuteMs)));
    expect(taken.flat()).toHaveLength(2);
    await other.close();
  });
});
