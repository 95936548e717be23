// Small things that the display's tests share.
import type { Frame } from '../../drivers/device.ts';
import { systemClock, type Clock } from '../../src/lib/clock.ts';

/** The real clock with its waits a twentieth as long, for drivers that look around once a second. */
export const hastyClock: Clock = {
  ...systemClock,
  after: (delayMs, call) => systemClock.after(delayMs / 20, call),
};

/** Looks again until the frame is the expected one, or two seconds have gone by. */
export async function eventually(
  look: () => Promise<Frame | undefined>,
  expected: Frame,
): Promise<Frame | undefined> {
  const until = performance.now() + 2000;
  for (;;) {
    const frame = await look();
    const same = frame !== undefined && Buffer.compare(bytes(frame), bytes(expected)) === 0;
    if (same || performance.now() > until) return frame;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const bytes = (frame: Frame): Uint8Array =>
  new Uint8Array(frame.pixels.buffer, frame.pixels.byteOffset, frame.pixels.byteLength);
