// Pixels of the kiosk's screen as a canvas takes them. PURE.

/**
 * RGB565, little endian, to RGBA with 8 bits a channel: the high bits are repeated below, so that white stays white.
 * @throws RangeError when there are not `width` × `height` pixels
 */
export function rgbaOf565(
  bytes: Uint8Array,
  width: number,
  height: number,
): Uint8ClampedArray<ArrayBuffer> {
  const count = width * height;
  if (bytes.length !== 2 * count) throw new RangeError('the picture has another size');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rgba = new Uint8ClampedArray(4 * count);
  for (let i = 0; i < count; i++) {
    const pixel = view.getUint16(2 * i, true);
    const [red, green, blue] = [pixel >> 11, (pixel >> 5) & 0x3f, pixel & 0x1f];
    rgba[4 * i] = (red << 3) | (red >> 2);
    rgba[4 * i + 1] = (green << 2) | (green >> 4);
    rgba[4 * i + 2] = (blue << 3) | (blue >> 2);
    rgba[4 * i + 3] = 255;
  }
  return rgba;
}

/** `Rp 15.000` */
export function rupiah(amountIdr: number): string {
  return `Rp ${String(amountIdr).replace(/\B(?=(\d{3})+$)/g, '.')}`;
}
