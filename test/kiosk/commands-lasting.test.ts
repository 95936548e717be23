// What lasts of commands: a kiosk that takes no new sale, and the words on its idle screen.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CommandDesk, relayStartMs } from './command-desk.ts';

const minuteMs = 60_000;

let desk: CommandDesk;
beforeEach(() => {
  desk = new CommandDesk();
});
afterEach(() => {
  desk.close();
});

const message = (text: string, forS = 60): object => ({ argument: { text, forS } });

describe('out of service', () => {
  test('is kept over a restart and a reboot, until it is taken back', async () => {
    await desk.take(await desk.command('out-of-service'));
    expect([desk.commands.outOfService, desk.changes]).toEqual([true, 1]);
    desk.bootId = 'boot-2';
    desk.restart();
    expect(desk.commands.outOfService).toBe(true);
    await desk.take(await desk.command('in-service'));
    expect(desk.commands.outOfService).toBe(false);
    desk.restart();
    expect(desk.commands.outOfService).toBe(false);
  });

  test('is not brought back by an older command that was overtaken', async () => {
    const closed = await desk.command('out-of-service');
    await desk.clock.advance(2_000);
    await desk.take(await desk.command('in-service'));
    await desk.take(closed);
    expect([desk.commands.outOfService, desk.commands.refused]).toEqual([false, { replaced: 1 }]);
  });

  test.each([
    ['in-service', 'out-of-service', false],
    ['out-of-service', 'in-service', true],
  ])('of two within one second, %s after %s, the later one holds', async (last, before, closed) => {
    const first = await desk.command(before);
    const second = await desk.command(last);
    await desk.take(second);
    desk.restart();
    await desk.take(first);
    expect([desk.commands.outOfService, desk.commands.refused]).toEqual([closed, { replaced: 1 }]);
    await desk.take(await desk.command(before));
    expect(desk.commands.outOfService).toBe(!closed);
  });

  test('what an older release has remembered still holds', async () => {
    const memory = { obeyed: [], overMs: 0, bornMs: 0, outOfService: true };
    const switchedAtS = Math.floor(desk.nowMs() / 1000);
    const text = JSON.stringify({ ...memory, switchedAtS, shownAtS: 0 });
    writeFileSync(join(desk.stateDir, 'commands.json'), text);
    desk.restart();
    expect(desk.commands.outOfService).toBe(true);
    await desk.take(await desk.command('in-service'));
    expect(desk.commands.outOfService).toBe(false);
  });

  test('commands that wait together are obeyed in the order in which they were given', async () => {
    desk.relayAheadMs = undefined;
    const first = await desk.command('out-of-service');
    const second = await desk.command('in-service');
    await desk.take(second);
    await desk.take(first);
    desk.relayAheadMs = relayStartMs;
    await desk.clock.advance(1_000);
    expect(desk.commands.outOfService).toBe(false);
    expect(desk.commands.refused).toEqual({});
  });
});

describe('a message', () => {
  test('stands until its time is over, also over a restart', async () => {
    await desk.take(await desk.command('show-message', message('Buka lagi pukul 17.00', 60)));
    expect(desk.commands.message).toBe('Buka lagi pukul 17.00');
    desk.restart();
    expect(desk.commands.message).toBe('Buka lagi pukul 17.00');
    desk.changes = 0;
    await desk.clock.advance(minuteMs);
    expect([desk.commands.message, desk.changes]).toEqual([undefined, 1]);
  });

  test('is not brought back by an older one of the same second', async () => {
    const first = await desk.command('show-message', message('Tutup'));
    await desk.take(await desk.command('show-message', message('Buka')));
    await desk.take(first);
    expect([desk.commands.message, desk.commands.refused]).toEqual(['Buka', { replaced: 1 }]);
  });

  test('is gone after a reboot, whose clock counts anew', async () => {
    await desk.take(await desk.command('show-message', message('Halo')));
    desk.bootId = 'boot-2';
    desk.restart();
    expect(desk.commands.message).toBeUndefined();
  });
});
