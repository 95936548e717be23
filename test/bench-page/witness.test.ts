// What the check sees, and that it does not see what is not there.
import { expect, test } from 'vitest';
import type { Frame } from '../../drivers/device.ts';
import { createRenderer } from '../../drivers/display/render.ts';
import { CheckFailure } from '../../src/bench/check-table.ts';
import { panel, type Happening, type VirtualDevices } from '../../src/bench/devices.ts';
import { createWitness, type Witness } from '../../src/bench/witness.ts';
import { systemClock } from '../../src/lib/clock.ts';

/** Long enough for one turn of the loop; nothing waits for it but what must not come. */
const shortMs = 20;

function sight(): { witness: Witness; tell: (happening: Happening) => void } {
  let listener: (happening: Happening) => void = () => undefined;
  const devices: Pick<VirtualDevices, 'watch'> = {
    watch: (next) => {
      listener = next;
      return () => undefined;
    },
  };
  const witness = createWitness(devices, systemClock);
  return {
    witness,
    tell: (happening) => {
      listener(happening);
    },
  };
}

function screenWith(text: string): Frame {
  return createRenderer({ geometry: panel }).render({
    tone: 'neutral',
    merchant: 'KIOS CONTOH',
    heading: 'Pindai',
    lines: [],
    hints: [],
    qr: { text, lines: [] },
  });
}

test('a QR is read out of the pixels, and once only', async () => {
  const { witness, tell } = sight();
  const [first, second] = [screenWith('QR ONE'), screenWith('QR TWO')];
  tell({ kind: 'frame', frame: first });
  expect((await witness.freshQr(shortMs)).text).toBe('QR ONE');
  await expect(witness.freshQr(shortMs)).rejects.toThrow(CheckFailure);
  tell({ kind: 'frame', frame: second });
  expect((await witness.freshQr(shortMs)).text).toBe('QR TWO');
});

test('one pixel that differs is another screen', async () => {
  const { witness, tell } = sight();
  const expected = screenWith('QR ONE');
  const shown = { ...expected, pixels: expected.pixels.slice() };
  shown.pixels[777] = 0x1234;
  tell({ kind: 'frame', frame: shown });
  await expect(witness.screen(expected, 'x', shortMs)).rejects.toThrow('the screen "x"');
  tell({ kind: 'frame', frame: expected });
  await expect(witness.screen(expected, 'x', shortMs)).resolves.toBeTypeOf('number');
});

test('a pulse from before does not count, and all are counted', async () => {
  const { witness, tell } = sight();
  tell({ kind: 'pulse', orderId: 'a' });
  const sinceMs = systemClock.monotonicMs();
  await expect(witness.pulse(sinceMs, shortMs)).rejects.toThrow('a pulse');
  tell({ kind: 'pulse', orderId: 'b' });
  await expect(witness.pulse(sinceMs, shortMs)).resolves.toBeGreaterThanOrEqual(sinceMs);
  expect(witness.pulses()).toBe(2);
});

test('a slip must have all of the words', async () => {
  const { witness, tell } = sight();
  const bitmap = new Uint8Array(384 * 8);
  const text = ['STRUK', 'TOTAL  Rp 15.000'];
  const sheet = { widthDots: 384, heightDots: 8, bitmap, text, cut: 'partial' as const };
  tell({ kind: 'paper', sheet });
  await expect(witness.slip(['STRUK', 'Rp 6.000'], 0, shortMs)).rejects.toThrow('Rp 6.000');
  await expect(witness.slip(['STRUK', 'Rp 15.000'], 0, shortMs)).resolves.toBeTypeOf('number');
});
