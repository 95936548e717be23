// What every keypad must do, whatever it is made of: run on the simulator always and on a real one where it is named.
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Key, Keypad, KeySink } from '../../drivers/device.ts';

/** A keypad to test, and the hand that presses its keys where there is one. */
export interface KeypadUnderTest {
  make(onKey: KeySink): Keypad;
  hand?: {
    press(key: Key): unknown;
    whenOpened(): Promise<void>;
    unplug(): Promise<void>;
    plug(): Promise<void>;
  };
  end?(): Promise<void>;
}

const allKeys = (
  '0 1 2 3 4 5 6 7 8 9 00 000 enter backspace clear cancel language'.split(' ') as Key[]
).sort();

export function testKeypad(name: string, start: () => Promise<KeypadUnderTest>): void {
  describe(`${name} keeps the contract of a keypad`, () => {
    let subject: KeypadUnderTest;
    let keys: Key[];
    let keypad: Keypad;
    let pressed: PromiseWithResolvers<undefined>;
    const never = new AbortController().signal;

    beforeEach(async () => {
      subject = await start();
      keys = [];
      pressed = Promise.withResolvers();
      keypad = make();
    });
    afterEach(async () => {
      await keypad.close();
      await subject.end?.();
    });

    function make(): Keypad {
      return subject.make((key) => {
        keys.push(key);
        if (key === 'enter') pressed.resolve(undefined);
      });
    }

    test('it is opening before, up while open, and down after', async () => {
      expect(keypad.health().state).toBe('opening');
      await keypad.open(never);
      expect(keypad.health()).toEqual({ state: 'up' });
      await keypad.close();
      expect(keypad.health()).toMatchObject({ state: 'down', fault: 'canceled' });
      expect(await keypad.closed).toBeUndefined();
    });

    test('close is safe before open and twice, and a closed one does not open', async () => {
      await keypad.close();
      await keypad.close();
      expect(await keypad.closed).toBeUndefined();
      await expect(keypad.open(never)).rejects.toMatchObject({ kind: 'canceled' });
    });

    test('one object is one connection', async () => {
      await keypad.open(never);
      await expect(keypad.open(never)).rejects.toThrow('opened twice');
    });

    test('an opening that is called off is canceled and leaves nothing open', async () => {
      await expect(keypad.open(AbortSignal.abort())).rejects.toMatchObject({ kind: 'canceled' });
      await keypad.close();
      keypad = make();
      await keypad.open(never);
      expect(keypad.health().state).toBe('up');
    });

    test('a close while it opens ends in canceled', async () => {
      const opening = expect(keypad.open(never)).rejects.toMatchObject({ kind: 'canceled' });
      await keypad.close();
      await opening;
      expect(await keypad.closed).toBeUndefined();
    });

    test('every key arrives once, in order', async (context) => {
      const hand = subject.hand ?? context.skip('nobody presses the keys of this keypad');
      await keypad.open(never);
      await hand.whenOpened();
      const order: Key[] = [...allKeys.filter((key) => key !== 'enter'), 'enter'];
      for (const key of order) hand.press(key);
      await pressed.promise;
      expect(keys).toEqual(order);
    });

    test('unplugged, it says disconnected; plugged in, a new object opens', async (context) => {
      const hand = subject.hand ?? context.skip('nobody unplugs this keypad');
      await keypad.open(never);
      await hand.whenOpened();
      await hand.unplug();
      expect(await keypad.closed).toMatchObject({ kind: 'disconnected' });
      expect(keypad.health()).toMatchObject({ state: 'down', fault: 'disconnected' });
      await keypad.close();

      keypad = make();
      const refused = await keypad.open(never).catch((error: unknown) => error);
      expect(refused).toMatchObject({ kind: 'not-found' });
      expect(keypad.health()).toMatchObject({ state: 'down', fault: 'not-found' });
      await keypad.close();

      await hand.plug();
      keypad = make();
      await keypad.open(never);
      await hand.whenOpened();
      hand.press('enter');
      await pressed.promise;
      expect(keys).toEqual(['enter']);
    });

    test('after close no key comes through', async (context) => {
      const hand = subject.hand ?? context.skip('nobody presses the keys of this keypad');
      await keypad.open(never);
      await hand.whenOpened();
      hand.press('5');
      await keypad.close();
      await turn();
      expect(keys).toEqual([]);
    });
  });
}
