// Commands at the kiosk (PROTOCOL.md §9): obeyed once, in time, by nobody's word but the relay's; whatever is lost, shown
// twice, overtaken or cut off.
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readMemory } from '../../src/kiosk/commands-memory.ts';
import { maxRefusedIds } from '../../src/kiosk/commands.ts';
import { maxRemembered } from '../../src/kiosk/commands-rules.ts';
import { maxOpenCommands } from '../../src/protocol/command.ts';
import { CommandDesk, relayStartMs } from './command-desk.ts';
import { sign } from './signer.ts';

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

let desk: CommandDesk;
beforeEach(() => {
  desk = new CommandDesk();
});
afterEach(() => {
  desk.close();
});

const message = (text: string, forS = 60): object => ({ argument: { text, forS } });

describe('a command', () => {
  test('is obeyed, and the relay hears what came of it', async () => {
    await desk.take(await desk.command('test-print', { commandId: 'command-a' }));
    expect(desk.done).toEqual(['test-print']);
    expect(desk.heard).toEqual(['command-a done: test-print']);
  });

  test('that comes again is not obeyed again, over a restart neither, and is counted', async () => {
    const token = await desk.command('test-print');
    await desk.take(token);
    await desk.take(token);
    desk.restart();
    await desk.take(token);
    expect(desk.done).toEqual(['test-print']);
    expect(desk.heard).toHaveLength(1);
    expect(desk.commands.refused).toEqual({ replayed: 1 });
  });

  test('is fetched where MQTT has lost it', async () => {
    desk.offered = [await desk.command('test-print')];
    await desk.commands.fetch();
    await desk.commands.settled();
    expect(desk.done).toEqual(['test-print']);
  });

  test('that was given while the kiosk was off is obeyed, also the first of its life', async () => {
    await desk.commands.fetch();
    desk.commands.stop();
    await desk.clock.advance(10 * minuteMs);
    const token = await desk.command('test-print', { deadlineInMs: dayMs });
    await desk.clock.advance(10 * minuteMs);
    desk.restart();
    await desk.take(token);
    expect(desk.done).toEqual(['test-print']);
  });

  test('is on the disk before it is obeyed', async () => {
    let then = -1;
    desk.deeds['test-print'] = () => {
      then = desk.remembered();
      return Promise.resolve({ outcome: 'done', why: '' });
    };
    await desk.take(await desk.command('test-print'));
    expect(then).toBe(1);
  });

  test('that cannot be remembered is not obeyed, and is obeyed when it comes again later', async () => {
    const token = await desk.command('test-print');
    const closed = await desk.command('out-of-service');
    // Where the file is written before it takes its place.
    const obstacle = join(desk.stateDir, 'commands.json.new');
    mkdirSync(obstacle);
    await desk.take(token);
    await desk.take(closed);
    expect([desk.done, desk.heard, desk.commands.outOfService]).toEqual([[], [], false]);
    rmSync(obstacle, { recursive: true });
    await desk.take(token);
    expect(desk.done).toEqual(['test-print']);
  });

  test('that the process died of is not begun again: nobody can say how far it came', async () => {
    const never = Promise.withResolvers<never>();
    desk.deeds['test-print'] = () => {
      desk.done.push('test-print');
      return never.promise;
    };
    const token = await desk.command('test-print', { commandId: 'command-b' });
    await desk.commands.take(token);
    await desk.clock.advance(0);
    expect(desk.done).toEqual(['test-print']);
    desk.restart();
    await desk.take(token);
    expect(desk.done).toEqual(['test-print']);
    expect(desk.heard).toEqual([
      'command-b failed: it ended meanwhile: nobody can say how far it came',
    ]);
  });

  test('to start anew is answered by the next life, once', async () => {
    const token = await desk.command('restart', { commandId: 'command-c' });
    await desk.take(token);
    expect([desk.done, desk.heard]).toEqual([['restart'], []]);
    desk.restart();
    await desk.take(token);
    expect(desk.done).toEqual(['restart']);
    expect(desk.heard).toEqual(['command-c done: it has started anew']);
  });
});

describe('nothing happens by a command', () => {
  test.each<[string, () => Promise<string>, string]>([
    ['that somebody else has signed', stranger, 'forged'],
    ['that is no JWS', () => Promise.resolve('a.b.c'), 'forged'],
    ['signed for something else', () => sign('kios-grant', { name: 'test-print' }), 'forged'],
    ['for another kiosk', () => desk.command('test-print', { kioskId: 'ksk02' }), 'not-ours'],
    ['of another environment', () => desk.command('test-print', { env: 'production' }), 'not-ours'],
    ['whose deadline is over', () => desk.command('test-print', { deadlineInMs: 0 }), 'expired'],
    [
      'with a deadline in a month',
      () => desk.command('test-print', { deadlineInMs: 30 * dayMs }),
      'too-long',
    ],
    ['that this kiosk does not know', () => desk.command('open-the-till'), 'unknown'],
    ['that this kiosk cannot do', () => desk.command('console-on'), 'unknown'],
    [
      'with an argument that is none of its',
      () => desk.command('test-print', { argument: 1 }),
      'unknown',
    ],
    [
      'with control characters to be shown',
      () => desk.command('show-message', message('a\u0007')),
      'unknown',
    ],
    ['to show for a month', () => desk.command('show-message', message('a', 2_592_000)), 'unknown'],
  ])('%s', async (_what, make, refusal) => {
    await desk.take(await make());
    expect([desk.done, desk.changes, desk.remembered()]).toEqual([[], 0, 0]);
    expect(desk.commands.refused).toEqual({ [refusal]: 1 });
    const isAuthentic = refusal !== 'forged' && refusal !== 'not-ours';
    expect(desk.heard).toHaveLength(isAuthentic ? 1 : 0);
    for (const line of desk.heard) expect(line).toContain('refused');
  });

  async function stranger(): Promise<string> {
    const { privateKey } = generateKeyPairSync('ed25519');
    return sign('kios-command', { name: 'test-print' }, privateKey);
  }

  test('while the relay’s time is unknown; then it is judged by that time, not by ours', async () => {
    await desk.take(await desk.command('test-print'));
    [desk.done, desk.heard] = [[], []];
    desk.relayAheadMs = undefined;
    const late = await desk.command('test-print', { deadlineInMs: 2 * minuteMs });
    await desk.take(late);
    await desk.take(await desk.command('send-bundle'));
    expect([desk.done, desk.heard]).toEqual([[], []]);
    // Our own clock was five minutes behind.
    desk.relayAheadMs = relayStartMs + 5 * minuteMs;
    await desk.clock.advance(1_000);
    await desk.commands.settled();
    expect(desk.done).toEqual(['send-bundle']);
    expect(desk.commands.refused).toEqual({ expired: 1 });
  });

  test('a flood of forgeries is counted, and told seldom', async () => {
    for (let i = 0; i < 250; i++) await desk.commands.take('a.b.c');
    expect([desk.commands.refused, desk.counted]).toEqual([{ forged: 250 }, 3]);
  });

  test('a genuine one that is over, shown again and again, is logged and answered once', async () => {
    const token = await desk.command('test-print', { commandId: 'command-e', deadlineInMs: 0 });
    for (let i = 0; i < 250; i++) await desk.take(token);
    expect(desk.heard).toEqual(['command-e refused: its deadline is over']);
    expect(desk.logged('command.taken')).toBe(0);
    expect(desk.logged('command.refused')).toBe(1);
    expect(desk.commands.refused).toEqual({ expired: 250 });
  });

  test('one that is refused while the relay hears nothing is answered when it is told again', async () => {
    desk.hears = false;
    for (let i = 0; i <= maxOpenCommands; i++) {
      await desk.take(await desk.command('test-print', { deadlineInMs: 0 }));
    }
    const left = await desk.command('test-print', { commandId: 'command-f', deadlineInMs: 0 });
    for (let i = 0; i < 10; i++) await desk.take(left);
    expect(desk.logged('command.refused')).toBe(maxOpenCommands);
    desk.hears = true;
    await desk.clock.advance(10 * minuteMs);
    await desk.take(left);
    expect(desk.heard).toHaveLength(maxOpenCommands + 1);
    expect(desk.heard.at(-1)).toBe('command-f refused: its deadline is over');
  });

  test('ids that were refused are not kept without end', async () => {
    const first = await desk.command('test-print', { commandId: 'command-g', deadlineInMs: 0 });
    await desk.take(first);
    for (let i = 0; i < maxRefusedIds; i++) {
      await desk.take(await desk.command('test-print', { deadlineInMs: 0 }));
    }
    await desk.take(first);
    expect(desk.heard.filter((line) => line.startsWith('command-g'))).toHaveLength(2);
  });

  test('that was given before this kiosk began to remember: its memory may have been lost', async () => {
    const token = await desk.command('test-print', { givenMs: -10 * minuteMs });
    await desk.take(token);
    expect([desk.done, desk.commands.refused]).toEqual([[], { 'too-old': 1 }]);
  });

  test('that was forgotten, also when the time goes back', async () => {
    const old = await desk.command('test-print', { deadlineInMs: minuteMs });
    await desk.take(old);
    await desk.clock.advance(2 * minuteMs);
    await desk.take(await desk.command('test-print'));
    expect(desk.remembered()).toBe(1);
    desk.relayAheadMs = relayStartMs - 5 * minuteMs;
    await desk.take(old);
    expect([desk.done.length, desk.commands.refused]).toEqual([2, { replayed: 1 }]);
  });

  test('when as many are remembered as can be', async () => {
    const obeyed = Array.from({ length: maxRemembered }, (_, i) => ({
      ...{ id: `command-x${i}`, name: 'test-print', deadlineMs: desk.nowMs() + minuteMs },
      ...{ said: { outcome: 'done', why: '' }, told: true },
    }));
    const memory = {
      obeyed,
      overMs: 0,
      bornMs: 0,
      outOfService: false,
      switchedAtS: 0,
      shownAtS: 0,
    };
    writeFileSync(join(desk.stateDir, 'commands.json'), JSON.stringify(memory));
    desk.restart();
    await desk.take(await desk.command('test-print'));
    expect([desk.done, desk.commands.refused]).toEqual([[], { full: 1 }]);
    // Once their deadlines are over, there is room again.
    await desk.clock.advance(minuteMs);
    await desk.take(await desk.command('test-print'));
    expect(desk.done).toEqual(['test-print']);
  });
});

describe('whoever is being served', () => {
  beforeEach(() => {
    desk.idle = false;
  });

  test.each(['restart', 'test-print'])('is not disturbed by %s', async (name) => {
    await desk.take(await desk.command(name));
    expect([desk.done, desk.commands.refused]).toEqual([[], { 'not-idle': 1 }]);
  });

  test('is waited for when the command says so', async () => {
    await desk.take(await desk.command('restart', { whenIdle: true }));
    await desk.clock.advance(minuteMs);
    expect(desk.logged('command.taken')).toBe(1);
    expect([desk.done, desk.heard]).toEqual([[], []]);
    desk.idle = true;
    await desk.clock.advance(1_000);
    expect(desk.done).toEqual(['restart']);
  });

  test('is waited for until the deadline', async () => {
    await desk.take(await desk.command('test-print', { whenIdle: true, deadlineInMs: minuteMs }));
    await desk.clock.advance(minuteMs + 1_000);
    desk.idle = true;
    await desk.clock.advance(minuteMs);
    expect([desk.done, desk.commands.refused]).toEqual([[], { expired: 1 }]);
  });

  test('does not keep a command waiting that waits for nobody', async () => {
    await desk.take(await desk.command('restart', { whenIdle: true }));
    await desk.take(await desk.command('out-of-service'));
    expect(desk.commands.outOfService).toBe(true);
  });
});

describe('what came of a command', () => {
  test('is told until the relay has heard it, also by a later life', async () => {
    desk.hears = false;
    await desk.take(await desk.command('test-print', { commandId: 'command-d' }));
    await desk.clock.advance(5 * minuteMs);
    expect(desk.heard).toEqual([]);
    desk.restart();
    desk.hears = true;
    await desk.clock.advance(10 * minuteMs);
    expect(desk.heard).toEqual(['command-d done: test-print']);
  });

  test('is not told faster because the command is shown again and again', async () => {
    desk.hears = false;
    const token = await desk.command('test-print');
    await desk.take(token);
    const asked = desk.asked;
    for (let i = 0; i < 250; i++) await desk.take(token);
    expect(desk.asked).toBe(asked);
    expect(desk.logged('command.taken')).toBe(0);
  });
});

test('a memory that is damaged is told as that, and is not taken for an empty one', () => {
  writeFileSync(join(desk.stateDir, 'commands.json'), '{"obeyed":');
  expect(() => readMemory(desk.stateDir)).toThrow('damaged');
});

test('no token is kept on the disk', async () => {
  const token = await desk.command('test-print');
  await desk.take(token);
  expect(readFileSync(join(desk.stateDir, 'commands.json'), 'utf8')).not.toContain(
    token.slice(-80),
  );
});
