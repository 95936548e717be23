// A framebuffer as far as files go: the panel's memory in `fb0`, what the kernel tells about it in `sys/fb0`.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Frame } from '../../drivers/device.ts';
import type { Panel } from '../../drivers/display/framebuffer-pixels.ts';

/** What fills the memory before anything is drawn, so that untouched bytes can be told. */
export const untouched = 0xa5;

export async function plugFramebuffer(folder: string, panel: Panel): Promise<void> {
  await tellShape(folder, panel);
  await writeFile(join(folder, 'fb0'), Buffer.alloc(panel.stride * panel.height, untouched));
}

export async function tellShape(folder: string, panel: Panel): Promise<void> {
  const sysfs = join(folder, 'sys', 'fb0');
  await mkdir(sysfs, { recursive: true });
  await writeFile(join(sysfs, 'virtual_size'), `${panel.width},${panel.height}\n`);
  await writeFile(join(sysfs, 'stride'), `${panel.stride}\n`);
  await writeFile(join(sysfs, 'bits_per_pixel'), `${panel.bitsPerPixel}\n`);
  await writeFile(join(sysfs, 'name'), 'vc4drmfb\n');
}

export async function unplugFramebuffer(folder: string): Promise<void> {
  await rm(join(folder, 'sys', 'fb0'), { recursive: true, force: true });
  await rm(join(folder, 'fb0'), { force: true });
}

/** The picture in the memory of an unrotated panel. */
export function readFramebuffer(memory: Buffer, panel: Panel): Frame {
  const { width, height, stride, bitsPerPixel } = panel;
  const pixels = new Uint16Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (bitsPerPixel === 16) {
        pixels[y * width + x] = memory.readUInt16LE(y * stride + 2 * x);
      } else {
        const colour = memory.readUInt32LE(y * stride + 4 * x);
        const [r, g, b] = [(colour >> 16) & 0xff, (colour >> 8) & 0xff, colour & 0xff];
        pixels[y * width + x] = ((r >> 3) << 11) | ((g >> 2) << 5) | (b >> 3);
      }
    }
  }
  return { width, height, pixels };
}
