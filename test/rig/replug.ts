// A device of a kiosk in a guest pulled out and put back, as a technician or a loose cable does it.
import { expect } from 'vitest';
import type { LogLine } from './guest-kiosk.ts';
import { kvmUsable } from './machine/qemu-line.ts';
import type { Shop, UsbPart } from './shop.ts';

/** Back within two seconds; an emulated machine is ten times slower than a Pi, and shares its cores. */
export const backLimitMs = kvmUsable() ? 2_000 : 10_000;

/** Answers how long after its node's return the daemon had it again, in milliseconds. */
export async function replug(shop: Shop, part: UsbPart): Promise<number> {
  const before = await shop.kiosk.mark();
  const ofPart = (msg: string) => (line: LogLine) => line.msg === msg && line['device'] === part;
  await shop.unplug(part);
  const down = await shop.kiosk.waitFor(`${part} down`, ofPart('device.down'), before);
  expect(down).toMatchObject({
    fault: expect.stringMatching(/disconnected|not-found/) as string,
  });
  await shop.plug(part);
  const up = await shop.kiosk.waitFor(`${part} up`, ofPart('device.up'), before);
  const node = await shop.guest.sh(`stat --format=%.Z ${shop.node(part)}`);
  return Date.parse(String(up['time'])) - Number(node) * 1000;
}
