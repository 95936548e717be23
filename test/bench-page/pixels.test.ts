// The page's pixels are the kiosk's pixels.
import { expect, test } from 'vitest';
import { frameRgba } from '../../drivers/display/png.ts';
import { rgbaOf565, rupiah } from '../../src/bench/page/pixels.ts';
import { formatRupiah } from '../../src/protocol/money.ts';

test('every colour becomes what the pictures of the display driver have', () => {
  const pixels = Uint16Array.from({ length: 65_536 }, (_, i) => i);
  const bytes = new Uint8Array(pixels.buffer);
  const expected = frameRgba({ width: 256, height: 256, pixels });
  expect(Buffer.compare(Uint8Array.from(rgbaOf565(bytes, 256, 256)), expected)).toBe(0);
});

test('a picture of another size is refused', () => {
  expect(() => rgbaOf565(new Uint8Array(7), 2, 2)).toThrow(RangeError);
});

test.each([0, 999, 1000, 15_000, 10_000_000])('%i rupiah are written as on the kiosk', (idr) => {
  expect(rupiah(idr)).toBe(formatRupiah(idr));
});
