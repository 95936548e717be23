// What every display promises, whatever it is made of. Run on the simulator always, on other displays by the tests.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Display, Frame, Geometry } from '../../drivers/device.ts';
import { createRenderer } from '../../drivers/display/render.ts';
import type { Scene } from '../../drivers/display/scene.ts';
import { supervise } from '../../drivers/supervise.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';

export interface DisplayRig {
  /** A new connection, not yet open. */
  make: () => Display;
  geometry: Geometry;
  /** What the device shows, once everything that was sent has arrived. */
  shown: (expected: Frame) => Promise<Frame | undefined>;
  unplug: () => Promise<void>;
  plug: () => Promise<void>;
  dispose: () => Promise<void>;
}

const never = new AbortController().signal;
const emptyScene: Scene = { tone: 'neutral', merchant: '', heading: '', lines: [], hints: [] };

/** A picture that differs from every other seed's in each pixel row. */
export function stripes(geometry: Geometry, seed: number): Frame {
  const { width, height } = geometry;
  const pixels = new Uint16Array(width * height).map((_, i) => (i * 31 + seed * 977) & 0xffff);
  return { width, height, pixels };
}

export function testDisplay(name: string, start: () => Promise<DisplayRig>): void {
  describe(`${name} keeps the display contract`, () => {
    let rig: DisplayRig;
    let opened: Display[] = [];
    const make = (): Display => {
      const display = rig.make();
      opened.push(display);
      return display;
    };
    const open = async (): Promise<Display> => {
      const display = make();
      await display.open(never);
      return display;
    };
    beforeEach(async () => {
      rig = await start();
    });
    afterEach(async () => {
      await Promise.all(opened.map(async (display) => display.close()));
      opened = [];
      await rig.dispose();
    });

    test('open tells the geometry and the health', async () => {
      const display = make();
      expect(display.health().state).toBe('opening');
      await display.open(never);
      expect(display.geometry).toEqual(rig.geometry);
      expect(display.health().state).toBe('up');
    });

    test('a frame is shown pixel by pixel, and so is the next one that differs in a few rows', async () => {
      const display = await open();
      const first = stripes(rig.geometry, 1);
      await display.show(first);
      expect(await rig.shown(first)).toEqual(first);
      const second = { ...first, pixels: first.pixels.slice() };
      second.pixels.fill(0xffff, 3 * first.width + 2, 5 * first.width);
      second.pixels[first.pixels.length - 1] = 0x1234;
      await display.show(second);
      expect(await rig.shown(second)).toEqual(second);
    });

    test('of many frames at once the newest is shown in the end', async () => {
      const display = await open();
      const frames = Array.from({ length: 20 }, (_, seed) => stripes(rig.geometry, seed));
      await Promise.all(frames.map(async (frame) => display.show(frame)));
      const last = stripes(rig.geometry, 19);
      expect(await rig.shown(last)).toEqual(last);
    });

    test('screens painted one over the other are shown as each would be alone', async () => {
      const display = await open();
      const following = createRenderer({ geometry: rig.geometry });
      for (const amount of ['Rp 1', 'Rp 15', 'Rp 150', 'Rp 15']) {
        const scene: Scene = { ...emptyScene, amount };
        await display.show(following.render(scene));
        const alone = createRenderer({ geometry: rig.geometry }).render(scene);
        expect(await rig.shown(alone)).toEqual(alone);
      }
    });

    test('close ends it without an error, twice as well, and later frames are canceled', async () => {
      const display = await open();
      await display.close();
      await display.close();
      expect(await display.closed).toBeUndefined();
      expect(display.health().state).toBe('down');
      await expect(display.show(stripes(rig.geometry, 1))).rejects.toMatchObject({
        kind: 'canceled',
      });
    });

    test('close before open is safe', async () => {
      const display = make();
      await display.close();
      expect(await display.closed).toBeUndefined();
    });

    test('an aborted open is canceled', async () => {
      const display = make();
      await expect(display.open(AbortSignal.abort())).rejects.toMatchObject({ kind: 'canceled' });
    });

    test('unplugged: closed says so, health says so, and frames are refused', async () => {
      const display = await open();
      await display.show(stripes(rig.geometry, 1));
      await rig.unplug();
      expect(await display.closed).toMatchObject({ kind: 'disconnected' });
      expect(display.health()).toMatchObject({ state: 'down', fault: 'disconnected' });
      await expect(display.show(stripes(rig.geometry, 2))).rejects.toMatchObject({
        kind: 'disconnected',
      });
    });

    test('while unplugged nothing opens; plugged in again, a new connection shows everything', async () => {
      await rig.unplug();
      await expect(make().open(never)).rejects.toMatchObject({ kind: 'not-found' });
      await rig.plug();
      const display = await open();
      const frame = stripes(rig.geometry, 5);
      await display.show(frame);
      expect(await rig.shown(frame)).toEqual(frame);
    });

    test('supervised, it is back within two seconds of being plugged in', async () => {
      let ups = 0;
      const back = Promise.withResolvers<number>();
      const supervised = supervise({
        make,
        clock: systemClock,
        log: silentLog,
        random: () => 0.5,
        onChange: (device) => {
          if (device !== undefined && ++ups === 2) back.resolve(performance.now());
          else if (device !== undefined) void rig.unplug();
          else if (ups === 1) void rig.plug();
        },
      });
      const since = performance.now();
      expect((await back.promise) - since).toBeLessThan(2000);
      await supervised.stop();
    });
  });
}
